// RUN: streamtensor-opt %s --split-input-file --verify-diagnostics

func.func @depth() {
  // expected-error@+1 {{FIFO s has depth 0; the least is 1}}
  %s = dataflow.stream "s" depth 0 : !dataflow.stream<f32>
  func.return
}

// -----

func.func @readers() {
  // expected-error@+1 {{FIFO s is read in 2 tasks; it has one producer and one consumer}}
  %s = dataflow.stream "s" depth 2 : !dataflow.stream<f32>
  dataflow.task "a" {
    %v = dataflow.stream_read %s : !dataflow.stream<f32> -> f32
    dataflow.yield
  }
  dataflow.task "b" {
    %v = dataflow.stream_read %s : !dataflow.stream<f32> -> f32
    dataflow.yield
  }
  func.return
}

// -----

func.func @writers(%x: f32) {
  // expected-error@+1 {{FIFO s is written in 2 tasks; it has one producer and one consumer}}
  %s = dataflow.stream "s" depth 2 : !dataflow.stream<f32>
  dataflow.task "a" {
    dataflow.stream_write %x into %s : f32 -> !dataflow.stream<f32>
    dataflow.yield
  }
  dataflow.task "b" {
    dataflow.stream_write %x into %s : f32 -> !dataflow.stream<f32>
    dataflow.yield
  }
  func.return
}

// -----

func.func @read_token() {
  %s = dataflow.stream "s" depth 2 : !dataflow.stream<f32>
  // expected-error@+1 {{the token is i32 but the FIFO carries f32}}
  %v = dataflow.stream_read %s : !dataflow.stream<f32> -> i32
  func.return
}

// -----

func.func @write_token(%x: vector<4xf32>) {
  %s = dataflow.stream "s" depth 2 : !dataflow.stream<vector<2xf32>>
  // expected-error@+1 {{the token is vector<4xf32> but the FIFO carries vector<2xf32>}}
  dataflow.stream_write %x into %s : vector<4xf32> -> !dataflow.stream<vector<2xf32>>
  func.return
}
