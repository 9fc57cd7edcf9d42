// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What runs while tokens move, as one translation unit: most of its compile time is the standard library's headers.
#include "channel.cpp"
#include "fiber.cpp"
#include "scheduler.cpp"
