// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every operation of ap_int on pairs of widths; results go out as (width, signed, 320 bits).
#include <ap_int.h>

#include <cstdint>
#include <cstring>

typedef ap_uint<320> word;

static int64_t *cursor;

template <class T>
static void put(const T &value) {
  typedef streamtensor::csim::Operand<T> what;
  *cursor++ = what::width;
  *cursor++ = what::is_signed;
  const word bits = what::value(value);
  for (int i = 0; i < 5; ++i) *cursor++ = (int64_t)bits.range(64 * i + 63, 64 * i).to_uint64();
}

template <class A, class B>
static void all(const int64_t *in, int64_t *out) {
  word wide[2];
  for (int k = 0; k < 2; ++k) {
    for (int i = 0; i < 5; ++i) wide[k].range(64 * i + 63, 64 * i) = (uint64_t)in[5 * k + i];
  }
  const A a = wide[0];
  const B b = wide[1];
  const int n = (int)in[10];     // a shift distance
  const int high = (int)in[11];  // a range of a
  const int low = (int)in[12];
  cursor = out;
  put(a);
  put(b);
  put(a + b);
  put(a - b);
  put(a * b);
  if (b != 0) {
    put(a / b);
    put(a % b);
  } else {
    put(a);
    put(a);
  }
  put(a & b);
  put(a | b);
  put(a ^ b);
  put(~a);
  put(-a);
  put(a << n);
  put(a >> n);
  put(a < b);
  put(a <= b);
  put(a == b);
  put(a != b);
  put(a > b);
  put(a >= b);
  A c = a;
  put(c += b);
  c = a;
  put(c *= b);
  put(++c);
  put(c--);
  put(B(a));
  put(ap_uint<320>(a.range(high, low)));
  c = a;
  c.range(high, low) = b;
  put(c);
  put(bool(a[low]));
  c = a;
  c[low] = !c[low];
  put(c);
  put(a.concat(b));
  put(a + 1);
  put(3 - a);
  put((long long)-5 * a);
  put(a.xor_reduce());
  put(A(a.to_double() / 4));
}

#define PAIR(name, A, B) \
  extern "C" void st_call_##name(void **p) { all<A, B>((const int64_t *)p[0], (int64_t *)p[1]); }
PAIR(s8_s8, ap_int<8>, ap_int<8>)
PAIR(u8_s8, ap_uint<8>, ap_int<8>)
PAIR(s4_u13, ap_int<4>, ap_uint<13>)
PAIR(s32_s32, ap_int<32>, ap_int<32>)
PAIR(s33_u7, ap_int<33>, ap_uint<7>)
PAIR(u64_s64, ap_uint<64>, ap_int<64>)
PAIR(s70_u64, ap_int<70>, ap_uint<64>)
PAIR(u128_s128, ap_uint<128>, ap_int<128>)
PAIR(s150_u130, ap_int<150>, ap_uint<130>)
PAIR(u1_s9, ap_uint<1>, ap_int<9>)
