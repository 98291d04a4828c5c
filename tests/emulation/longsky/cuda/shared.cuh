// The emulation's twin of longsky/cuda/shared.cuh: every access is noted, and a mistake ends the launch.
#pragma once

#include <emulation/cuda_on_cpu.hpp>

namespace longsky::cuda {

/// What indexing gives: reads and writes through it are seen.
template <class T>
class SharedElement {
 public:
  SharedElement(T& value, emulation::Touched& touched, int i) : value_(value), touched_(touched), i_(i) {}
  operator T() const {
    touched_.note_read(i_);
    return value_;
  }
  SharedElement& operator=(T x) {
    touched_.note_write(i_);
    value_ = x;
    return *this;
  }
  SharedElement& operator+=(T x) { return *this = static_cast<T>(*this) + x; }

 private:
  T& value_;
  emulation::Touched& touched_;
  int i_;
};

template <class T, int N>
class Shared {
 public:
  SharedElement<T> operator[](int i) {
    if (i < 0 || i >= N) emulation::block.fail("shared[" + std::to_string(i) + "] of " + std::to_string(N));
    return {element_[i], touched_[i], i};
  }

 private:
  T element_[N];
  emulation::Touched touched_[N];
};

}  // namespace longsky::cuda
