// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Width in bits of the hardware type behind a C++ type.
#ifndef STREAMTENSOR_CSIM_BITS_H
#define STREAMTENSOR_CSIM_BITS_H

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

/// Bits of one token of type T. Types whose hardware width is not their size in memory specialise it.
template <class T>
struct TokenBits {
    static constexpr unsigned value = 8 * sizeof(T);
};

template <>
struct TokenBits<bool> {
    static constexpr unsigned value = 1;
};

}}  // namespace streamtensor::csim

#endif
