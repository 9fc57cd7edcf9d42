// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A fiber: a stack of its own and a saved place in it. Which task runs when is decided in scheduler.cpp.
#ifndef STREAMTENSOR_CSIM_FIBER_H
#define STREAMTENSOR_CSIM_FIBER_H

#include <cstddef>

#if defined(__ELF__) && (defined(__x86_64__) || defined(__aarch64__)) && !defined(ST_CSIM_UCONTEXT)
#define ST_CSIM_OWN_SWITCH 1
#else
#define ST_CSIM_OWN_SWITCH 0
#include <ucontext.h>
#endif

namespace streamtensor { namespace csim __attribute__((visibility("hidden"))) {

/// A saved place of execution.
struct Context {
#if ST_CSIM_OWN_SWITCH
    void* stack_pointer = nullptr;
#else
    ucontext_t saved;
#endif
};

/// A stack with inaccessible pages below it. Pages are taken from the system only when they are touched.
struct Fiber {
    Context context;
    char* memory = nullptr;
    size_t bytes = 0;
    Fiber* next_free = nullptr;
};

/// Saves the present place in `from` and goes on at `to`.
void switch_context(Context& from, Context& to);

/// A fiber whose first switch calls entry(), which must not return. usable_bytes is rounded up to pages.
/// Throws std::bad_alloc when the system gives no memory.
Fiber* new_fiber(size_t usable_bytes, void (*entry)());

/// Keeps the stack for the next new_fiber. The fiber may still be running, if it switches away before that.
void recycle(Fiber* fiber);

/// Gives the stacks kept by recycle() back to the system.
void release_stacks();

}}  // namespace streamtensor::csim

#endif
