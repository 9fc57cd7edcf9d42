// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// hls::vector for C simulation, written from the documented interface.
#ifndef STREAMTENSOR_HLS_VECTOR_H
#define STREAMTENSOR_HLS_VECTOR_H

#include <cstddef>
#include <initializer_list>

#include "streamtensor_csim/bits.h"

namespace hls __attribute__((visibility("hidden"))) {

/// N lanes of T. Arithmetic is lane by lane, with a vector or with one value for all lanes; the result has the lane
/// type of the vector. A default-constructed vector has no defined value, as in hardware.
template <class T, size_t N>
class vector {
    static_assert(N > 0, "a vector has at least one lane");

  public:
    using value_type = T;
    static constexpr size_t width = N;

    vector() = default;
    vector(const T& fill) {
        for (size_t i = 0; i < N; ++i) lanes_[i] = fill;
    }
    /// One value per lane; missing ones are zero.
    vector(std::initializer_list<T> values) {
        size_t i = 0;
        for (const T& value : values) {
            if (i < N) lanes_[i++] = value;
        }
        while (i < N) lanes_[i++] = T(0);
    }

    T& operator[](size_t i) { return lanes_[i]; }
    const T& operator[](size_t i) const { return lanes_[i]; }
    constexpr size_t size() const { return N; }
    T* begin() { return lanes_; }
    T* end() { return lanes_ + N; }
    const T* begin() const { return lanes_; }
    const T* end() const { return lanes_ + N; }

// The inner cast keeps integer promotion from widening the lanes.
#define ST_VECTOR_OPERATOR(op)                                                                   \
    vector& operator op##=(const vector& other) {                                                \
        for (size_t i = 0; i < N; ++i) lanes_[i] = static_cast<T>(lanes_[i] op other.lanes_[i]); \
        return *this;                                                                            \
    }                                                                                            \
    vector& operator op##=(const T& value) {                                                     \
        for (size_t i = 0; i < N; ++i) lanes_[i] = static_cast<T>(lanes_[i] op value);           \
        return *this;                                                                            \
    }                                                                                            \
    friend vector operator op(vector a, const vector& b) { return a op##= b; }                   \
    friend vector operator op(vector a, const T& b) { return a op##= b; }                        \
    friend vector operator op(const T& a, const vector& b) { return vector(a) op##= b; }

    ST_VECTOR_OPERATOR(+)
    ST_VECTOR_OPERATOR(-)
    ST_VECTOR_OPERATOR(*)
    ST_VECTOR_OPERATOR(/)
    ST_VECTOR_OPERATOR(%)
    ST_VECTOR_OPERATOR(&)
    ST_VECTOR_OPERATOR(|)
    ST_VECTOR_OPERATOR(^)
    ST_VECTOR_OPERATOR(<<)
    ST_VECTOR_OPERATOR(>>)
#undef ST_VECTOR_OPERATOR

    vector operator-() const {
        vector out;
        for (size_t i = 0; i < N; ++i) out.lanes_[i] = static_cast<T>(-lanes_[i]);
        return out;
    }
    vector operator~() const {
        vector out;
        for (size_t i = 0; i < N; ++i) out.lanes_[i] = static_cast<T>(~lanes_[i]);
        return out;
    }

    friend bool operator==(const vector& a, const vector& b) {
        for (size_t i = 0; i < N; ++i) {
            if (!(a.lanes_[i] == b.lanes_[i])) return false;
        }
        return true;
    }
    friend bool operator!=(const vector& a, const vector& b) { return !(a == b); }

  private:
    T lanes_[N];
};

}  // namespace hls

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

template <class T, size_t N>
struct TokenBits<hls::vector<T, N>> {
    static constexpr unsigned value = N * TokenBits<T>::value;
};

}}  // namespace streamtensor::csim

#endif
