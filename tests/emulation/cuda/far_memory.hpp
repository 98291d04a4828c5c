// The emulation's twin of tests/cuda/far_memory.hpp: more memory than there is, of which a page exists once it is
// touched.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace longsky::test {

template <class T>
class FarMemory {
 public:
  explicit FarMemory(std::int64_t size) : bytes_(static_cast<std::size_t>(size) * sizeof(T)) {
    void* const memory =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<T*>(memory);
  }
  FarMemory(const FarMemory&) = delete;
  FarMemory& operator=(const FarMemory&) = delete;
  ~FarMemory() { munmap(data_, bytes_); }

  T* data() { return data_; }
  void write(std::int64_t at, const std::vector<T>& values) { std::copy(values.begin(), values.end(), data_ + at); }
  std::vector<T> read(std::int64_t at, std::int64_t size) { return {data_ + at, data_ + at + size}; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace longsky::test
