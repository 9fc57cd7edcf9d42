// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scalar operations of the stream IR whose meaning C++ has no operator or function for.
#ifndef STREAMTENSOR_OPS_H
#define STREAMTENSOR_OPS_H

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace st {

// The greater one; NaN when either is NaN.
template <class T>
inline T maximum(T a, T b) {
    return a >= b || a != a ? a : b;
}
template <class T>
inline T minimum(T a, T b) {
    return a <= b || a != a ? a : b;
}

// The greater one; the other one when one is NaN.
template <class T>
inline T maximum_number(T a, T b) {
    return a >= b || b != b ? a : b;
}
template <class T>
inline T minimum_number(T a, T b) {
    return a <= b || b != b ? a : b;
}

template <class T>
inline T max(T a, T b) {
    return a < b ? b : a;
}
template <class T>
inline T min(T a, T b) {
    return b < a ? b : a;
}

// Neither is NaN.
template <class T>
inline bool ordered(T a, T b) {
    return a == a && b == b;
}
template <class T>
inline bool less_or_greater(T a, T b) {
    return a < b || a > b;
}

template <class T>
inline T absolute(T a) {
    return a < T(0) ? T(-a) : a;
}

// The quotient rounded down (up) instead of towards zero.
template <class T>
inline T floor_div(T a, T b) {
    T quotient = T(a / b);
    return T(quotient * b) != a && (a < T(0)) != (b < T(0)) ? T(quotient - T(1)) : quotient;
}
template <class T>
inline T ceil_div(T a, T b) {
    T quotient = T(a / b);
    return T(quotient * b) != a && (a < T(0)) == (b < T(0)) ? T(quotient + T(1)) : quotient;
}

// base to the power of exponent, wrapped; 0 for a negative exponent unless base is 1 or -1. T has at most 64 bits.
template <class T>
inline T power(T base, T exponent) {
    if (exponent < T(0)) {
        if (base == T(1)) return T(1);
        if (base == T(-1)) return (exponent & T(1)) == T(0) ? T(1) : T(-1);
        return T(0);
    }
    T result = T(1);
    while (exponent > T(0)) {
        if ((exponent & T(1)) != T(0)) result = T(uint64_t(result) * uint64_t(base));
        base = T(uint64_t(base) * uint64_t(base));
        exponent = T(exponent >> 1);
    }
    return result;
}

// How many bits are set, and how many zeros stand before the first (behind the last) one. T is a native integer.
template <class T>
inline T ones(T a) {
    int count = 0;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i) count += (a >> i) & T(1) ? 1 : 0;
    return T(count);
}
template <class T>
inline T trailing_zeros(T a) {
    int count = 0;
    bool seen = false;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i) {
        seen = seen || ((a >> i) & T(1));
        count += seen ? 0 : 1;
    }
    return T(count);
}
template <class T>
inline T leading_zeros(T a) {
    int count = 0;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i) count = (a >> i) & T(1) ? 0 : count + 1;
    return T(count);
}

// The same bits, read as another type of the same width.
template <class To, class From>
inline To bit_cast(From value) {
    static_assert(sizeof(To) == sizeof(From), "a bit cast keeps the width");
    To result;
    std::memcpy(&result, &value, sizeof(To));
    return result;
}

// 4-bit numbers in memory: two in a byte, the first one in the low half.
inline int nibble_of(uint8_t byte, int half) {
    return int(((unsigned(byte) >> (4 * half)) & 15u) ^ 8u) - 8;
}
// Number i of a memory.
inline int nibble(const uint8_t *memory, int i) {
    return nibble_of(memory[i / 2], i % 2);
}
// The N numbers of a word of N / 2 bytes, as the lanes of a Vector.
template <int N, class Vector, class Word>
inline Vector nibbles(const Word &word) {
#pragma HLS inline
    Vector lanes;
    for (int i = 0; i < N; ++i) {
#pragma HLS unroll
        lanes[i] = nibble_of(word[i / 2], i % 2);
    }
    return lanes;
}

}  // namespace st

#endif
