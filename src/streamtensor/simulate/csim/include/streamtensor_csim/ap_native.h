// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Native integers: up to 64 bits an ap_int is a C integer that wraps to its width when it is stored. An operation on two
// of them is C's operation, in C's types.
#ifndef STREAMTENSOR_CSIM_AP_NATIVE_H
#define STREAMTENSOR_CSIM_AP_NATIVE_H

#include "ap_exact.h"

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

template <int W, bool S>
struct NativeInt : Access<NativeInt<W, S>, W> {
    static_assert(W >= 1 && W <= 64, "a native integer has at most 64 bits");
    using Raw = Storage<W, S>;

    Raw raw;

    static constexpr Raw wrapped(Raw value) { return wrap<W, S>(value); }

    NativeInt() = default;
    template <class T, std::enable_if_t<is_machine_int<T>, int> = 0>
    constexpr NativeInt(T value) : raw(wrap<W, S>(static_cast<Raw>(value))) {}
    template <int W2, bool S2>
    constexpr NativeInt(const NativeInt<W2, S2>& other) : raw(wrap<W, S>(static_cast<Raw>(other.raw))) {}
    template <int W2, bool S2>
    constexpr NativeInt(const ApInt<W2, S2>& other) : raw(wrap<W, S>(static_cast<Raw>(other.raw))) {}
    template <class T, std::enable_if_t<std::is_floating_point<T>::value, int> = 0>
    NativeInt(T value) : NativeInt(truncate(static_cast<double>(value))) {}
    template <class Owner>
    NativeInt(const RangeRef<Owner>& bits) : NativeInt(bits.low_bits()) {}
    template <class Owner>
    NativeInt(const BitRef<Owner>& bit) : NativeInt(static_cast<bool>(bit)) {}

    constexpr operator Raw() const { return raw; }

    template <class T>
    ApInt<W + T::width, false> concat(const T& low) const {
        return ApInt<W, false>(raw).concat(ApInt<T::width, false>(low.raw));
    }
};

template <int W, bool S>
using NativeOrExact = std::conditional_t<(W <= 64), NativeInt<(W <= 64 ? W : 64), S>, ApInt<W, S>>;

template <int W, bool S>
struct TokenBits<NativeInt<W, S>> {
    static constexpr unsigned value = W;
};

template <int W, bool S>
struct Operand<NativeInt<W, S>> {
    static constexpr bool valid = true;
    static constexpr bool own = false;
    static constexpr int width = W;
    static constexpr bool is_signed = S;
    static constexpr ApInt<W, S> value(const NativeInt<W, S>& x) { return ApInt<W, S>::of(x.raw); }
};

template <int W, bool S>
struct Assignable<NativeInt<W, S>> {
    static constexpr bool value = true;
};

}}  // namespace streamtensor::csim

#endif
