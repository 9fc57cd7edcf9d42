// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// hls:: mathematics for C simulation: the host's <cmath>, for float and double. A synthesised function may differ from
// it in the last bits.
#ifndef STREAMTENSOR_HLS_MATH_H
#define STREAMTENSOR_HLS_MATH_H

#include <cmath>

namespace hls __attribute__((visibility("hidden"))) {

// hls::f(float), hls::f(double) and hls::ff(float), as the C library names them.
#define ST_MATH_1(name)                                         \
    inline float name(float x) { return std::name(x); }         \
    inline double name(double x) { return std::name(x); }       \
    inline float name##f(float x) { return std::name(x); }
#define ST_MATH_2(name)                                                     \
    inline float name(float x, float y) { return std::name(x, y); }         \
    inline double name(double x, double y) { return std::name(x, y); }      \
    inline float name##f(float x, float y) { return std::name(x, y); }

ST_MATH_1(exp)
ST_MATH_1(exp2)
ST_MATH_1(expm1)
ST_MATH_1(log)
ST_MATH_1(log2)
ST_MATH_1(log10)
ST_MATH_1(log1p)
ST_MATH_1(sqrt)
ST_MATH_1(cbrt)
ST_MATH_1(sin)
ST_MATH_1(cos)
ST_MATH_1(tan)
ST_MATH_1(asin)
ST_MATH_1(acos)
ST_MATH_1(atan)
ST_MATH_1(sinh)
ST_MATH_1(cosh)
ST_MATH_1(tanh)
ST_MATH_1(asinh)
ST_MATH_1(acosh)
ST_MATH_1(atanh)
ST_MATH_1(erf)
ST_MATH_1(erfc)
ST_MATH_1(fabs)
ST_MATH_1(floor)
ST_MATH_1(ceil)
ST_MATH_1(trunc)
ST_MATH_1(round)
ST_MATH_1(rint)
ST_MATH_1(nearbyint)
ST_MATH_2(pow)
ST_MATH_2(atan2)
ST_MATH_2(fmod)
ST_MATH_2(remainder)
ST_MATH_2(fmin)
ST_MATH_2(fmax)
ST_MATH_2(copysign)
ST_MATH_2(fdim)
ST_MATH_2(hypot)

#undef ST_MATH_1
#undef ST_MATH_2

inline float rsqrt(float x) { return 1.0f / std::sqrt(x); }
inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }
inline float rsqrtf(float x) { return rsqrt(x); }
inline float recip(float x) { return 1.0f / x; }
inline double recip(double x) { return 1.0 / x; }
inline float recipf(float x) { return recip(x); }

inline float fma(float x, float y, float z) { return std::fma(x, y, z); }
inline double fma(double x, double y, double z) { return std::fma(x, y, z); }
inline float ldexp(float x, int exponent) { return std::ldexp(x, exponent); }
inline double ldexp(double x, int exponent) { return std::ldexp(x, exponent); }

inline bool isnan(float x) { return std::isnan(x); }
inline bool isnan(double x) { return std::isnan(x); }
inline bool isinf(float x) { return std::isinf(x); }
inline bool isinf(double x) { return std::isinf(x); }
inline bool isfinite(float x) { return std::isfinite(x); }
inline bool isfinite(double x) { return std::isfinite(x); }
inline bool signbit(float x) { return std::signbit(x); }
inline bool signbit(double x) { return std::signbit(x); }

template <class T>
T abs(T x) {
    return x < T(0) ? static_cast<T>(-x) : x;
}
inline float abs(float x) { return std::fabs(x); }
inline double abs(double x) { return std::fabs(x); }
template <class T>
T max(T x, T y) {
    return x < y ? y : x;
}
template <class T>
T min(T x, T y) {
    return y < x ? y : x;
}

}  // namespace hls

#endif
