// RUN: streamtensor-opt %s --split-input-file --verify-diagnostics

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @shape(%x: tensor<6xf32>) {
  // expected-error@+1 {{operand 0 is tensor<6xf32>, but the itensor inside covers 8 of f32}}
  dataflow.kernel "k" ins(%x : tensor<6xf32>) {
  ^bb0(%i: !t):
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @scalar(%x: tensor<8xi32>) {
  // expected-error@+1 {{operand 0 is tensor<8xi32>, but the itensor inside covers 8 of f32}}
  dataflow.kernel "k" ins(%x : tensor<8xi32>) {
  ^bb0(%i: !t):
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @memory(%x: memref<8xf32>) {
  // expected-error@+1 {{operand 0 is memref<8xf32>, but inside it is the itensor}}
  dataflow.kernel "k" ins(%x : memref<8xf32>) {
  ^bb0(%i: !t):
    dataflow.yield
  }
  func.return
}

// -----

func.func @other_tensor(%x: tensor<8xf32>) {
  // expected-error@+1 {{operand 0 is tensor<8xf32> outside but tensor<4xf32> inside}}
  dataflow.kernel "k" ins(%x : tensor<8xf32>) {
  ^bb0(%i: tensor<4xf32>):
    dataflow.yield
  }
  func.return
}

// -----

func.func @neither(%x: f32) {
  // expected-error@+1 {{operand 0 is f32 outside but f32 inside}}
  dataflow.kernel "k" ins(%x : f32) {
  ^bb0(%i: f32):
    dataflow.yield
  }
  func.return
}

// -----

func.func @arguments(%x: tensor<8xf32>) {
  // expected-error@+1 {{the body has 0 arguments for 1 ins and outs}}
  dataflow.kernel "k" ins(%x : tensor<8xf32>) {
    dataflow.yield
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @yields(%x: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error@+1 {{yields () but its outs are (!dataflow.itensor<2xf32}}
  %r = dataflow.kernel "k" outs(%x : tensor<8xf32>) {
  ^bb0(%i: !t):
    dataflow.yield
  } -> tensor<8xf32>
  func.return %r : tensor<8xf32>
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @results(%x: tensor<8xf32>) {
  // expected-error@+1 {{the results have the types of the outs}}
  dataflow.kernel "k" outs(%x : tensor<8xf32>) {
  ^bb0(%i: !t):
    dataflow.yield %i : !t
  }
  func.return
}

// -----

func.func @isolated(%x: tensor<8xf32>, %n: index) {
  // expected-error@+1 {{dataflow.kernel}}
  dataflow.kernel "k" {
    %m = arith.addi %n, %n : index
    dataflow.yield
  }
  func.return
}

// -----

func.func @terminator(%x: tensor<8xf32>) {
  // expected-error@+1 {{dataflow.task}}
  dataflow.task "t" {
    func.return
  }
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
!u = !dataflow.itensor<4xf32, iter_space: [2] * [4], iter_map: (d0) -> (d0)>
func.func @task_argument() {
  %e = dataflow.itensor_empty : !t
  // expected-error@+1 {{the types of inits, arguments, yield and results are the same}}
  %r = dataflow.task "t" inits(%e : !t) {
  ^bb0(%o: !u):
    dataflow.yield %o : !u
  } -> !t
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [4] * [2], iter_map: (d0) -> (d0)>
func.func @task_yield() {
  %e = dataflow.itensor_empty : !t
  // expected-error@+1 {{the types of inits, arguments, yield and results are the same}}
  %r = dataflow.task "t" inits(%e : !t) {
  ^bb0(%o: !t):
    dataflow.yield
  } -> !t
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @result_untouched(%x: tensor<2xf32>) {
  // expected-error@+1 {{yields result 0 as it came in: nothing is written into it}}
  %r = dataflow.kernel "k" outs(%x : tensor<2xf32>) {
  ^bb0(%o: !t):
    dataflow.yield %o : !t
  } -> tensor<2xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @result_read(%x: tensor<2xf32>) {
  // expected-error@+1 {{dataflow.itensor_read reads result 0, into which the kernel writes}}
  %r = dataflow.kernel "k" ins(%x : tensor<2xf32>) outs(%x : tensor<2xf32>) {
  ^bb0(%i: !t, %o: !t):
    dataflow.task "t" {
      %v = dataflow.itensor_read %o : !t -> tensor<2xf32>
      dataflow.yield
    }
    dataflow.yield %i : !t
  } -> tensor<2xf32>
  func.return
}

// -----

!t = !dataflow.itensor<2xf32, iter_space: [] * [], iter_map: () -> (0)>
func.func @result_twice(%x: tensor<2xf32>) {
  // expected-error@+1 {{writes result 0 in 2 places; its writes are one chain}}
  %r = dataflow.kernel "k" ins(%x : tensor<2xf32>) outs(%x : tensor<2xf32>) {
  ^bb0(%i: !t, %o: !t):
    %a = dataflow.task "a" inits(%o : !t) {
    ^bb0(%p: !t):
      %v = dataflow.itensor_read %i : !t -> tensor<2xf32>
      %w = dataflow.itensor_write %v into %p : tensor<2xf32> -> !t
      dataflow.yield %w : !t
    } -> !t
    %b = dataflow.task "b" inits(%o : !t) {
    ^bb0(%p: !t):
      %v = dataflow.itensor_read %i : !t -> tensor<2xf32>
      %w = dataflow.itensor_write %v into %p : tensor<2xf32> -> !t
      dataflow.yield %w : !t
    } -> !t
    dataflow.yield %b : !t
  } -> tensor<2xf32>
  func.return
}
