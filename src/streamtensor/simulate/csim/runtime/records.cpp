// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What runs before and after a call, as one translation unit. Built with less optimisation: see build.py.
#include "exports.cpp"
#include "report.cpp"
