// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ap_int<N> and ap_uint<N> for C simulation, N from 1 to 4096, written from the documented interface.
//
// By default bit-exact: an operation yields the documented wider type, a conversion to N bits wraps.
// With ST_NATIVE_INT, types of up to 64 bits compute in C's integers (which are at least as wide as `int`) and wrap to N
// bits when a value is stored. Both builds agree on code that converts operands to the width of the result before
// an operation and converts the result back to a declared width after it.
#ifndef STREAMTENSOR_AP_INT_H
#define STREAMTENSOR_AP_INT_H

#include "streamtensor_csim/ap_exact.h"

#ifdef ST_NATIVE_INT
#include "streamtensor_csim/ap_native.h"

template <int N>
using ap_int = ::streamtensor::csim::NativeOrExact<N, true>;
template <int N>
using ap_uint = ::streamtensor::csim::NativeOrExact<N, false>;
#else
template <int N>
using ap_int = ::streamtensor::csim::ApInt<N, true>;
template <int N>
using ap_uint = ::streamtensor::csim::ApInt<N, false>;
#endif

#endif
