// The emulation's twin of longsky/cuda/shared.cuh: every access is noted, and a mistake ends the launch. A copy arrives
// when it is waited for: until then its place holds NaN, and whoever reads it ends the launch.
#pragma once

#include <emulation/cuda_on_cpu.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace longsky::cuda {

/// The copies of each thread of the running block that were begun and not waited for, in groups.
class Copies {
 public:
  void begin(std::function<void()> copy) { of_thread().back().push_back(std::move(copy)); }
  void commit() { of_thread().emplace_back(); }
  void wait(std::size_t newest) {
    auto& groups = of_thread();
    while (groups.size() > newest + 1) {
      for (const auto& copy : groups.front()) copy();
      groups.erase(groups.begin());
    }
  }

 private:
  using Groups = std::vector<std::vector<std::function<void()>>>;
  Groups& of_thread() {
    if (block_ != emulation::block.block_start()) {
      groups_.clear();
      block_ = emulation::block.block_start();
    }
    Groups& groups = groups_[emulation::block.current()];
    if (groups.empty()) groups.emplace_back();
    return groups;
  }
  std::map<unsigned, Groups> groups_;
  std::uint64_t block_ = 0;
};
inline Copies copies;

/// As the blocks of a kernel run one after the other, one of each type will do. A launch that asks for less fails.
template <class T>
T& shared_memory() {
  if (sizeof(T) > emulation::block.shared())
    emulation::block.fail("shares " + std::to_string(sizeof(T)) + " bytes, of which the launch asked for " +
                          std::to_string(emulation::block.shared()));
  static T memory;
  return memory;
}

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

  void copy_async(int i, const T* from, bool there) {
    (*this)[i] = T();
    std::memset(&element_[i], 0xff, sizeof element_[i]);  // NaN, or -1
    copies.begin([this, i, from, there] {
      element_[i] = there ? *from : T(0);
      touched_[i].written = emulation::Touched::now();
    });
  }

 private:
  T element_[std::size_t{N}];
  emulation::Touched touched_[std::size_t{N}];
};

inline void commit_copies() { copies.commit(); }
template <int Newest>
void wait_for_copies() {
  copies.wait(Newest);
}

}  // namespace longsky::cuda
