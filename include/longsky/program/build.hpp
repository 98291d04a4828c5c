// longsky/program/build.hpp — which build of a program this is, found without asking its build system.
//
//   "longsky 0.1.0, g++ 12.2.0, optimised, avx512f avx2 fma, code 1a2b3c4d"
//
// No macro tells -O2 from -Og, so the words are for the reader and the checksum decides: it is that of the machine code
// and constants of the file this header was compiled into. It does not see shared libraries (libm, OpenMP, cuBLAS), and
// it may differ where the arithmetic does not: what it finds is a reason to say something, not to refuse.
#pragma once

#include <longsky/core/crc32c.hpp>
#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/version.hpp>

#include <link.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace longsky {

namespace build {

/// The words that macros give.
[[gnu::cold]] inline std::string words() {
  std::string text = "longsky " + std::string(version) + ", ";
#if !defined(__clang__)
  text += "g++ ";
#endif
  text += __VERSION__;
#if defined(__OPTIMIZE__)
  text += ", optimised";
#else
  text += ", not optimised";
#endif
  std::string instructions;
#if defined(__AVX512F__)
  instructions += " avx512f";
#endif
#if defined(__AVX2__)
  instructions += " avx2";
#endif
#if defined(__FMA__)
  instructions += " fma";
#endif
#if defined(__ARM_FEATURE_SVE)
  instructions += " sve";
#elif defined(__ARM_NEON)
  instructions += " neon";
#endif
  return text + "," + (instructions.empty() ? " no vector extensions" : instructions);
}

/// A part of a file, in bytes.
struct Part {
  std::uint64_t offset, size;
};

/// The loaded file that an address lies in, and its segments of code and constants. (nvcc 13.0 breaks off at a vector
/// of the system's own type of a segment, a struct without a name.)
struct LoadedFile {
  const void* inside;
  std::string file = {};
  std::vector<Part> segments = {};
};

/// For dl_iterate_phdr. Its first segment is left out where that has no code: it holds what linkers and debuggers
/// write.
[[gnu::cold]] inline int look_inside(dl_phdr_info* loaded, std::size_t, void* data) {
  auto& s = *static_cast<LoadedFile*>(data);
  const std::span<const ElfW(Phdr)> headers(loaded->dlpi_phdr, loaded->dlpi_phnum);
  const auto address = reinterpret_cast<std::uintptr_t>(s.inside) - loaded->dlpi_addr;
  bool here = false;
  for (const ElfW(Phdr) & h : headers) here |= h.p_type == PT_LOAD && address - h.p_vaddr < h.p_memsz;
  if (!here) return 0;
  s.file = loaded->dlpi_name && *loaded->dlpi_name ? loaded->dlpi_name : "/proc/self/exe";
  for (const ElfW(Phdr) & h : headers)
    if (h.p_type == PT_LOAD && !(h.p_flags & PF_W) && (h.p_offset > 0 || (h.p_flags & PF_X)))
      s.segments.push_back({h.p_offset, h.p_filesz});
  return 1;
}

/// The CRC-32C of what the loaded file that holds `inside` has of code and constants; 0 where it cannot be read.
[[gnu::cold]] inline std::uint32_t code_checksum(const void* inside) {
  LoadedFile search{inside};
  ::dl_iterate_phdr(look_inside, &search);
  std::uint32_t crc = 0;
  try {
    const FileReader file(search.file);
    std::vector<std::byte> part(std::size_t{1} << 20);
    for (const Part& segment : search.segments)
      for (std::uint64_t at = 0; at < segment.size; at += part.size()) {
        const std::span<std::byte> piece(part.data(), std::min<std::uint64_t>(part.size(), segment.size - at));
        file.read(segment.offset + at, piece);
        crc = crc32c(piece, crc);
      }
  } catch (const Error&) {
    return 0;
  }
  return crc;
}

}  // namespace build

/// The build this is called from. Two programs of equal text give equal bits on one machine.
[[gnu::cold]] inline std::string build_text() {
  static const char here = 0;
  return build::words() + ", code " + hex_text(build::code_checksum(&here), 8);
}

}  // namespace longsky
