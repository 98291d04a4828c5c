// tests/emulation/fibre.hpp — stacks of their own for functions that wait for each other in one thread of the CPU.
//
// Going from one stack to another is six registers and no system call (swapcontext makes two, to save signals that
// nobody changes here). Other processors than x86-64 use swapcontext.
#pragma once

#include <sanitizer/asan_interface.h>

#ifndef __x86_64__
#include <ucontext.h>
#endif

#include <cstddef>
#include <cstdint>
#include <memory>

namespace longsky::emulation {

#ifdef __x86_64__
/// Where a stack was left: what its function will want back is on the stack itself.
class Place {
 public:
  /// Leaves the running stack at `from` and goes on at `to`.
  static void go(Place& from, Place& to) { exchange(&from.top_, to.top_); }

  /// The place from which `function` begins on an empty stack. It must not return.
  void begin(char* stack, std::size_t size, void (*function)()) {
    auto* const top = reinterpret_cast<void**>((reinterpret_cast<std::uintptr_t>(stack) + size) / 16 * 16);
    top[-1] = nullptr;  // where it would return to
    top[-2] = reinterpret_cast<void*>(function);
    for (int i = 3; i <= 8; ++i) top[-i] = nullptr;
    top_ = top - 8;
  }

 private:
  // The registers that a function must preserve (System V ABI, 3.2.1), then the stack, then where to go on.
  __attribute__((naked, noinline)) static void exchange(void** /*rdi: left*/, void* /*rsi: entered*/) {
    asm("pushq %rbp\n\tpushq %rbx\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
        "movq %rsp, (%rdi)\n\tmovq %rsi, %rsp\n\t"
        "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbx\n\tpopq %rbp\n\tret");
  }
  void* top_ = nullptr;
};
#else
class Place {
 public:
  static void go(Place& from, Place& to) { swapcontext(&from.context_, &to.context_); }

  void begin(char* stack, std::size_t size, void (*function)()) {
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack;
    context_.uc_stack.ss_size = size;
    context_.uc_link = nullptr;
    makecontext(&context_, function, 0);
  }

 private:
  ucontext_t context_;  // must not move
};
#endif

/// A stack and where it was left.
class Fibre {
 public:
  void begin(void (*function)()) {
    ASAN_UNPOISON_MEMORY_REGION(stack_.get(), size);  // a function that never came back had variables there
    place.begin(stack_.get(), size, function);
  }

  Place place;

 private:
  static constexpr std::size_t size = std::size_t{256} << 10;
  std::unique_ptr<char[]> stack_{new char[size]};
};

}  // namespace longsky::emulation
