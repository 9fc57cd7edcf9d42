// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small designs for the tests of the simulation runtime. Each has a known answer and known FIFO depths.
#include <hls_math.h>
#include <hls_stream.h>
#include <hls_vector.h>

#include <stdexcept>

#include "streamtensor_dataflow.h"

typedef hls::vector<float, 4> vec;

// ---- diamond: one path reverses blocks of 8 tokens, the other one does not ----

static const int kBlocks = 4;
static const int kBlock = 8;

static void split(const float *x, hls::stream<float> &straight, hls::stream<float> &turned) {
  for (int i = 0; i < kBlocks * kBlock; ++i) {
    straight.write(x[i]);
    turned.write(x[i]);
  }
}

static void reverse(hls::stream<float> &in, hls::stream<float> &out) {
  float block[kBlock];
  for (int b = 0; b < kBlocks; ++b) {
    for (int i = 0; i < kBlock; ++i) block[i] = in.read();
    for (int i = 0; i < kBlock; ++i) out.write(block[kBlock - 1 - i]);
  }
}

static void add(hls::stream<float> &a, hls::stream<float> &b, float *y) {
  for (int i = 0; i < kBlocks * kBlock; ++i) y[i] = b.read() + a.read();
}

void diamond(const float *x, float *y) {
#pragma HLS dataflow
  hls::stream<float, 8> straight("straight");
  hls::stream<float, 2> turned("turned");
  hls::stream<float, 2> back("back");
  ST_REGION(64)
  ST_TASK(split, x, straight, turned)
  ST_TASK(reverse, turned, back)
  ST_TASK(add, straight, back, y)
  ST_REGION_END
}

// ---- several sources, no two paths between any pair of tasks ----

static const int kTokens = 40;
static const int kDelay = 7;

static void source(hls::stream<int> &first, hls::stream<int> &second, int scale) {
  for (int i = 0; i < kTokens; ++i) {
    first.write(i * scale);
    second.write(i * scale);
  }
}

static void late(hls::stream<int> &in, hls::stream<int> &out) {
  int held[kDelay];
  for (int i = 0; i < kTokens + kDelay - 1; ++i) {
    if (i < kTokens) held[i % kDelay] = in.read();
    if (i >= kDelay - 1) out.write(held[(i + 1) % kDelay]);
  }
}

static void sum(hls::stream<int> &a, hls::stream<int> &b, int *y) {
  for (int i = 0; i < kTokens; ++i) y[i] = a.read() + b.read();
}

void multi_source(int *y3, int *y4) {
#pragma HLS dataflow
  hls::stream<int> e03("e03"), e04("e04"), e12("e12"), e14("e14"), e23("e23");
  ST_REGION(64)
  ST_TASK(source, e03, e04, 1)
  ST_TASK(source, e12, e14, 100)
  ST_TASK(late, e12, e23)
  ST_TASK(sum, e03, e23, y3)
  ST_TASK(sum, e04, e14, y4)
  ST_REGION_END
}

// ---- ring with one initial token ----

static void step(hls::stream<int> &in, hls::stream<int> &out) {
  for (int i = 0; i < 10; ++i) out.write(in.read() + 3);
}

static void turn(hls::stream<int> &in, hls::stream<int> &out, int *y) {
  out.write(1);
  for (int i = 0; i < 10; ++i) {
    y[i] = in.read();
    if (i < 9) out.write(2 * y[i]);
  }
}

void ring(int *y) {
#pragma HLS dataflow
  hls::stream<int, 1> forth("forth");
  hls::stream<int, 1> back("back");
  ST_REGION(0)
  ST_TASK(step, back, forth)
  ST_TASK(turn, forth, back, y)
  ST_REGION_END
}

// ---- a chain on vectors, with a region inside a task inside a loop ----

static void load(const float *x, hls::stream<vec> &out, int n) {
  for (int i = 0; i < n; ++i) {
    vec v;
    for (int k = 0; k < 4; ++k) v[k] = x[4 * i + k];
    out.write(v);
  }
}

static void twice(hls::stream<vec> &in, hls::stream<vec> &out, int n) {
  for (int i = 0; i < n; ++i) out.write(in.read() * 2.0f);
}

static void root(hls::stream<vec> &in, hls::stream<vec> &out, int n) {
  for (int i = 0; i < n; ++i) {
    vec v = in.read();
    for (int k = 0; k < 4; ++k) v[k] = hls::sqrt(v[k]);
    out.write(v);
  }
}

static void inner(hls::stream<vec> &in, hls::stream<vec> &out) {
  hls::stream<vec, 2> half("half");
  ST_REGION(256)
  ST_TASK(twice, in, half, 5)
  ST_TASK(root, half, out, 5)
  ST_REGION_END
}

static void rounds(hls::stream<vec> &in, hls::stream<vec> &out) {
  for (int r = 0; r < 6; ++r) inner(in, out);
}

static void store(hls::stream<vec> &in, float *y, int n) {
  for (int i = 0; i < n; ++i) {
    const vec v = in.read();
    for (int k = 0; k < 4; ++k) y[4 * i + k] = v[k];
  }
}

void nested(const float *x, float *y) {
#pragma HLS dataflow
  hls::stream<vec, 3> in("in");
  hls::stream<vec, 2> out("out");
  ST_REGION(1024)
  ST_TASK(load, x, in, 30)
  ST_TASK(rounds, in, out)
  ST_TASK(store, out, y, 30)
  ST_REGION_END
}

/// The writer stops early, so that the inner region never ends.
void nested_starved(const float *x, float *y) {
  hls::stream<vec, 3> in("in");
  hls::stream<vec, 2> out("out");
  ST_REGION(1024)
  ST_TASK(load, x, in, 27)
  ST_TASK(rounds, in, out)
  ST_TASK(store, out, y, 30)
  ST_REGION_END
}

// ---- faulty designs ----

static void write_five(hls::stream<int> &out) {
  for (int i = 0; i < 5; ++i) out.write(i);
}
static void read_three(hls::stream<int> &in, int *y) {
  for (int i = 0; i < 3; ++i) y[i] = in.read();
}

void leftover(int *y) {
  hls::stream<int, 8> s("s");
  ST_REGION(0)
  ST_TASK(write_five, s)
  ST_TASK(read_three, s, y)
  ST_REGION_END
}

static void fail(hls::stream<int> &in) {
  in.read();
  throw std::runtime_error("the kernel says no");
}

void throwing(int *) {
  hls::stream<int, 2> s("s");
  ST_REGION(0)
  ST_TASK(write_five, s)
  ST_TASK(fail, s)
  ST_REGION_END
}

void two_readers(int *y) {
  hls::stream<int, 2> s("s");
  ST_REGION(0)
  ST_TASK(read_three, s, y)
  ST_TASK(read_three, s, y)
  ST_REGION_END
}

void same_name(int *) {
  hls::stream<int, 2> a("twin");
  hls::stream<int, 3> b("twin");
}

// ---- operations that do not wait ----

static void poll(hls::stream<int> &in, int *y) {
  int got = 0;
  while (got < 5) {
    int value;
    if (in.read_nb(value)) y[got++] = value;
  }
}

static void push(hls::stream<int> &out) {
  for (int i = 0; i < 5;) {
    if (out.write_nb(10 * i)) ++i;
  }
}

void polling(int *y) {
  hls::stream<int, 2> s("s");
  ST_REGION(0)
  ST_TASK(push, s)
  ST_TASK(poll, s, y)
  ST_REGION_END
}

void polling_starved(int *y) {
  hls::stream<int, 2> s("s");
  ST_REGION(0)
  ST_TASK(poll, s, y)
  ST_REGION_END
}

// ---- a large local array, and the plain interface of a stream ----

static void spread(hls::stream<int> &in, int *y) {
  int big[1 << 20];
  for (int i = 0; i < (1 << 20); ++i) big[i] = i;
  const int at = in.read();
  *y = big[at];
}

static void pick(hls::stream<int> &out) { out << 123456; }

void large_array(int *y) {
  hls::stream<int> s("s");
  ST_REGION(sizeof(int) << 20)
  ST_TASK(pick, s)
  ST_TASK(spread, s, y)
  ST_REGION_END
}

void plain_stream(int *y) {
  hls::stream<int, 3> s("plain");
  y[0] = s.empty();
  s << 7;
  s.write(8);
  s.write_nb(9);
  y[1] = s.size();
  y[2] = s.full();
  y[3] = s.write_nb(10);
  s >> y[4];
  s.read(y[5]);
  y[6] = s.read_nb(y[7]);
  y[8] = s.read_nb(y[9]);
  y[10] = s.name()[0];
}

extern "C" {
void st_call_diamond(void **a) { diamond((const float *)a[0], (float *)a[1]); }
void st_call_multi_source(void **a) { multi_source((int *)a[0], (int *)a[1]); }
void st_call_ring(void **a) { ring((int *)a[0]); }
void st_call_nested(void **a) { nested((const float *)a[0], (float *)a[1]); }
void st_call_nested_starved(void **a) { nested_starved((const float *)a[0], (float *)a[1]); }
void st_call_leftover(void **a) { leftover((int *)a[0]); }
void st_call_throwing(void **a) { throwing((int *)a[0]); }
void st_call_two_readers(void **a) { two_readers((int *)a[0]); }
void st_call_same_name(void **a) { same_name((int *)a[0]); }
void st_call_polling(void **a) { polling((int *)a[0]); }
void st_call_polling_starved(void **a) { polling_starved((int *)a[0]); }
void st_call_large_array(void **a) { large_array((int *)a[0]); }
void st_call_plain_stream(void **a) { plain_stream((int *)a[0]); }
}
