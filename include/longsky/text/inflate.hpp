// longsky/text/inflate.hpp — one zlib or gzip stream taken out of a string.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/stop.hpp>

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace longsky {

/// To how many bytes all streams of a file of `packed` bytes together may unpack. Prose packs to a third, and a
/// megabyte can be made to unpack to a thousand.
constexpr std::size_t most_unpacked(std::size_t packed) { return (std::size_t{64} << 20) + 32 * packed; }

/// Unpacks the stream that starts at `first`, moves `first` behind it, and takes what it unpacks to from `room`. `what`
/// names the data in the error's sentence. Throws Error: corrupt for a damaged stream and for one that does not fit
/// `room`, stopped when the run is asked to stop.
[[gnu::cold]] inline std::string inflate(std::string_view data, std::size_t& first, std::size_t& room,
                                         const std::string& what) {
  constexpr std::size_t at_once = std::size_t{1} << 30;  // zlib counts in 32 bits
  z_stream z{};
  if (inflateInit2(&z, 15 + 32) != Z_OK) throw Error(ExitCode::failure, "zlib could not start; is memory full?");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&z, inflateEnd);
  std::string out;
  std::array<char, std::size_t{1} << 15> part;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    heed_stop("unpacking the books");
    const std::size_t given = std::min(data.size() - first, at_once);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data() + first));
    z.avail_in = static_cast<uInt>(given);
    z.next_out = reinterpret_cast<Bytef*>(part.data());
    z.avail_out = static_cast<uInt>(part.size());
    status = ::inflate(&z, Z_NO_FLUSH);
    first += given - z.avail_in;
    const std::size_t made = part.size() - z.avail_out;
    const bool stuck = status != Z_STREAM_END && first == data.size() && made < part.size();
    if ((status != Z_OK && status != Z_STREAM_END) || stuck)
      throw Error(ExitCode::corrupt, what + " is " + (stuck ? "cut off" : "damaged") +
                                         " in its compressed data; fetch or unpack it again");
    if (made > room)
      throw Error(ExitCode::corrupt,
                  what + " unpacks to more than " + std::to_string(most_unpacked(data.size()) >> 20) + " MiB, from " +
                      std::to_string(data.size()) + " bytes; no book does. If it is text, unpack it yourself to .txt");
    room -= made;
    out.append(part.data(), made);
  }
  return out;
}

}  // namespace longsky
