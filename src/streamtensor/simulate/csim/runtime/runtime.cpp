// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The whole runtime as one translation unit: most of its compile time is the standard library's headers.
#include "channel.cpp"
#include "exports.cpp"
#include "fiber.cpp"
#include "report.cpp"
#include "scheduler.cpp"
