// longsky/text/inflate.hpp — one zlib or gzip stream taken out of a string.
#pragma once

#include <longsky/core/error.hpp>

#include <zlib.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace longsky {

/// Unpacks the stream that starts at `first` and moves `first` behind it. `what` names the data in the error's
/// sentence.
[[gnu::cold]] inline std::string inflate(std::string_view data, std::size_t& first, const std::string& what) {
  constexpr std::size_t limit = std::size_t{1} << 30;  // a book is a few megabytes: more than this is a trap
  z_stream z{};
  if (inflateInit2(&z, 15 + 32) != Z_OK) throw Error(ExitCode::failure, "zlib could not start; is memory full?");
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&z, inflateEnd);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data() + first));
  z.avail_in = static_cast<uInt>(data.size() - first);
  std::string out;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    const std::size_t done = out.size();
    out.resize(done + (std::size_t{1} << 20));
    z.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    z.avail_out = static_cast<uInt>(out.size() - done);
    status = ::inflate(&z, Z_NO_FLUSH);
    out.resize(out.size() - z.avail_out);
    const bool stuck = status != Z_STREAM_END && z.avail_in == 0 && z.avail_out != 0;
    if ((status != Z_OK && status != Z_STREAM_END) || stuck)
      throw Error(ExitCode::corrupt, what + " is " + (stuck ? "cut off" : "damaged") +
                                         " in its compressed data; fetch or unpack it again");
    if (out.size() > limit) throw Error(ExitCode::corrupt, what + " unpacks to more than 1 GiB; expected a book");
  }
  first = data.size() - z.avail_in;
  return out;
}

}  // namespace longsky
