// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stacks and the switch between them. swapcontext() saves the signal mask with two system calls at every switch, so
// the two common processors have a switch of their own; everything else goes through ucontext.
#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

#if ST_CSIM_OWN_SWITCH

// st_csim_switch(save, load): pushes the registers that a call must preserve, stores the stack pointer in *save, does
// the reverse with the stack pointer `load` and returns to where that one came from. new_fiber lays out a stack that
// looks as if the entry function had been left in that way at its first instruction.
extern "C" __attribute__((visibility("hidden"))) void st_csim_switch(void** save, void* load);

#if defined(__x86_64__)

asm(R"(
    .text
    .p2align 4
    .globl st_csim_switch
    .hidden st_csim_switch
    .type st_csim_switch, @function
st_csim_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmp *%rcx
    .size st_csim_switch, .-st_csim_switch
)");

namespace {
// Lowest first: r15 r14 r13 r12 rbx rbp, the address that `ret` takes, and a return address of 0 for the entry function.
constexpr int kFrameWords = 8;
constexpr int kReturnSlot = 6;
}  // namespace

#else  // aarch64

asm(R"(
    .text
    .p2align 4
    .globl st_csim_switch
    .hidden st_csim_switch
    .type st_csim_switch, %function
st_csim_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size st_csim_switch, .-st_csim_switch
)");

namespace {
constexpr int kFrameWords = 20;
constexpr int kReturnSlot = 11;  // x30
}  // namespace

#endif
#endif

namespace streamtensor::csim {

namespace {

Fiber* free_fibers = nullptr;

// Below every stack; wide, so that an array that is larger than the stack is likely to end in it and not beyond.
constexpr size_t kGuardBytes = 1024 * 1024;

Fiber* map_stack(size_t bytes) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_NORESERVE
    flags |= MAP_NORESERVE;
#endif
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    if (mprotect(memory, kGuardBytes, PROT_NONE) != 0) {
        munmap(memory, bytes);
        throw std::bad_alloc();
    }
    auto* fiber = new Fiber;
    fiber->memory = static_cast<char*>(memory);
    fiber->bytes = bytes;
    return fiber;
}

}  // namespace

void switch_context(Context& from, Context& to) {
#if ST_CSIM_OWN_SWITCH
    st_csim_switch(&from.stack_pointer, to.stack_pointer);
#else
    swapcontext(&from.saved, &to.saved);
#endif
}

Fiber* new_fiber(size_t usable_bytes, void (*entry)()) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t bytes = (usable_bytes + page - 1) / page * page + kGuardBytes;
    Fiber** place = &free_fibers;
    while (*place && (*place)->bytes < bytes) place = &(*place)->next_free;
    Fiber* fiber = *place;
    if (fiber) {
        *place = fiber->next_free;
    } else {
        fiber = map_stack(bytes);
    }
#if ST_CSIM_OWN_SWITCH
    auto** top = reinterpret_cast<void**>(fiber->memory + fiber->bytes);
    void** frame = top - kFrameWords;
    for (int i = 0; i < kFrameWords; ++i) frame[i] = nullptr;
    frame[kReturnSlot] = reinterpret_cast<void*>(entry);
    fiber->context.stack_pointer = frame;
#else
    getcontext(&fiber->context.saved);
    fiber->context.saved.uc_stack.ss_sp = fiber->memory + kGuardBytes;
    fiber->context.saved.uc_stack.ss_size = fiber->bytes - kGuardBytes;
    fiber->context.saved.uc_link = nullptr;
    makecontext(&fiber->context.saved, entry, 0);
#endif
    return fiber;
}

void recycle(Fiber* fiber) {
    fiber->next_free = free_fibers;
    free_fibers = fiber;
}

void release_stacks() {
    while (free_fibers) {
        Fiber* fiber = free_fibers;
        free_fibers = fiber->next_free;
        munmap(fiber->memory, fiber->bytes);
        delete fiber;
    }
}

}  // namespace streamtensor::csim
