// longsky/io/tensorboard.hpp — scalars and pictures in TensorBoard's event files.
//
//   frame = u64 length, u32 masked CRC-32C of the length, payload, u32 masked CRC-32C of the payload
//
// The payload is a protocol-buffer Event, of which five fields are written: 1 wall_time, 2 step, 3 file_version,
// 5 summary (tag with simple_value or image) and 7 session_log.
#pragma once

#include <longsky/core/crc32c.hpp>
#include <longsky/core/file.hpp>

#include <unistd.h>

#include <bit>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace longsky {

/// An event file of its own in `directory`; each record goes to the file at once. Throws Error.
class TensorBoard {
 public:
  /// `first_step`: where a resumed run goes on; TensorBoard then drops what earlier files say of this step and later.
  [[gnu::cold]] TensorBoard(const std::filesystem::path& directory, std::int64_t first_step, double wall_time)
      : file_(event_file(directory, wall_time)) {
    record(number(1, wall_time) + bytes(3, "brain.Event:2"));
    const std::string start = integer(1, 1);
    record(number(1, wall_time) + integer(2, first_step) + bytes(7, start));
    sync_directory(directory);
  }

  /// Returns when all records are on the disk.
  void sync() { file_.sync(); }

  void scalar(std::string_view tag, std::int64_t step, double value, double wall_time) {
    summary(step, wall_time, bytes(1, tag) + number(2, static_cast<float>(value)));
  }

  /// `png`: the bytes of a PNG file of `width` x `height` pixels.
  void image(std::string_view tag, std::int64_t step, int width, int height, std::string_view png, double wall_time) {
    const std::string picture = integer(1, height) + integer(2, width) + integer(3, 4) + bytes(4, png);
    summary(step, wall_time, bytes(1, tag) + bytes(4, picture));
  }

 private:
  [[gnu::cold]] static std::filesystem::path event_file(const std::filesystem::path& directory, double wall_time) {
    make_directories(directory);
    char host[256] = "host";
    ::gethostname(host, sizeof host - 1);
    const std::string stem = "events.out.tfevents." + std::to_string(static_cast<std::int64_t>(wall_time)) + "." +
                             host + "." + std::to_string(::getpid()) + ".";
    int n = 0;
    while (name_is_taken(directory / (stem + std::to_string(n)))) ++n;
    return directory / (stem + std::to_string(n));
  }

  template <class T>
  static std::string raw(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
  static std::string varint(std::uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
    return out + static_cast<char>(value);
  }
  static std::string key(std::uint64_t field, std::uint64_t wire_type) { return varint(field << 3 | wire_type); }
  static std::string number(std::uint64_t field, double value) { return key(field, 1) + raw(value); }
  static std::string number(std::uint64_t field, float value) { return key(field, 5) + raw(value); }
  static std::string integer(std::uint64_t field, std::int64_t value) {
    return key(field, 0) + varint(static_cast<std::uint64_t>(value));
  }
  static std::string bytes(std::uint64_t field, std::string_view value) {
    return (key(field, 2) + varint(value.size())).append(value);
  }

  void summary(std::int64_t step, double wall_time, const std::string& value) {
    record(number(1, wall_time) + integer(2, step) + bytes(5, bytes(1, value)));
  }

  /// One write a record, so that a kill leaves at most one torn frame, at the end, which readers pass over.
  void record(const std::string& event) {
    const std::string length = raw(static_cast<std::uint64_t>(event.size()));
    file_.write(length + raw(masked_crc32c(crc32c(length))) + event + raw(masked_crc32c(crc32c(event))));
  }

  FileWriter file_;
};

}  // namespace longsky
