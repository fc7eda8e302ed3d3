// Fibres: change leaves one context and goes on with another.
#pragma once
#include <cstddef>
#include <cstdint>

namespace emulator {

#if defined(__x86_64__)
// The C library's swapcontext makes two system calls; this makes none.
struct Context {
    void *stack;
};

extern "C" void emulator_switch(void **save, void *load);
__asm__(".text\n.globl emulator_switch\n.type emulator_switch, @function\nemulator_switch:\n"
        "pushq %rbp\npushq %rbx\npushq %r12\npushq %r13\npushq %r14\npushq %r15\n"
        "movq %rsp, (%rdi)\nmovq %rsi, %rsp\n"
        "popq %r15\npopq %r14\npopq %r13\npopq %r12\npopq %rbx\npopq %rbp\nret\n"
        ".size emulator_switch, .-emulator_switch\n");

inline void change(Context &from, Context &to) { emulator_switch(&from.stack, to.stack); }

inline void begin(Context &c, char *stack, size_t size, void (*entry)()) {
    uintptr_t *top = (uintptr_t *)((uintptr_t)(stack + size) & ~(uintptr_t)15);
    *--top = 0;                // where entry would return to
    *--top = (uintptr_t)entry; // taken by ret
    for (int i = 0; i < 6; i++) *--top = 0;
    c.stack = top;
}
#else
} // namespace emulator
#include <ucontext.h>
namespace emulator {
struct Context {
    ucontext_t u;
};
inline void change(Context &from, Context &to) { swapcontext(&from.u, &to.u); }
inline void begin(Context &c, char *stack, size_t size, void (*entry)()) {
    getcontext(&c.u);
    c.u.uc_stack.ss_sp = stack;
    c.u.uc_stack.ss_size = size;
    c.u.uc_link = nullptr;
    makecontext(&c.u, entry, 0);
}
#endif

} // namespace emulator
