// tests/io/tensorboard_test.cpp — event files, byte by byte.
#include "support/catch.hpp"

#include <longsky/io/tensorboard.hpp>

#include "support/scratch_directory.hpp"

#include <cstring>
#include <string>
#include <vector>

using namespace longsky;

namespace {

/// The payloads of a file's frames, each frame's checksums compared with the table's.
std::vector<std::string> payloads(const std::string& file) {
  const auto word = [&](std::size_t at) {
    std::uint32_t w = 0;
    std::memcpy(&w, file.data() + at, 4);
    return w;
  };
  const auto table = [](const std::string& s) { return crc32c_by_table(std::as_bytes(std::span(s.data(), s.size()))); };
  std::vector<std::string> found;
  for (std::size_t at = 0; at < file.size();) {
    std::uint64_t length = 0;
    std::memcpy(&length, file.data() + at, 8);
    REQUIRE(at + 16 + length <= file.size());
    REQUIRE(word(at + 8) == masked_crc32c(table(file.substr(at, 8))));
    found.push_back(file.substr(at + 12, length));
    REQUIRE(word(at + 12 + length) == masked_crc32c(table(found.back())));
    at += 16 + length;
  }
  return found;
}

std::string bytes(std::initializer_list<int> values) {
  std::string s;
  for (int v : values) s += static_cast<char>(v);
  return s;
}

}  // namespace

TEST_CASE("an event file has the frames and fields that TensorBoard reads") {
  const ScratchDirectory scratch;
  {
    TensorBoard board(scratch / "tb", 301, 2.0);
    board.scalar("loss", 300, 1.5, 2.0);
    board.image("needle", 7, 3, 2, "PNG", 2.0);
    board.scalar("loss", 1, -2.0, 2.0);
  }
  std::filesystem::path file;
  for (const auto& entry : std::filesystem::directory_iterator(scratch / "tb")) file = entry.path();
  CHECK(file.filename().string().rfind("events.out.tfevents.2.", 0) == 0);

  const std::string time = bytes({0x09, 0, 0, 0, 0, 0, 0, 0, 0x40});  // field 1, the double 2.0
  const std::vector<std::string> expected = {
      time + bytes({0x1a, 13}) + "brain.Event:2",
      time + bytes({0x10, 0xad, 0x02, 0x3a, 2, 0x08, 1}),  // step 301, session log: start
      time + bytes({0x10, 0xac, 0x02, 0x2a, 13, 0x0a, 11, 0x0a, 4}) + "loss" + bytes({0x15, 0, 0, 0xc0, 0x3f}),
      time + bytes({0x10, 7, 0x2a, 23, 0x0a, 21, 0x0a, 6}) + "needle" +
          bytes({0x22, 11, 0x08, 2, 0x10, 3, 0x18, 4, 0x22, 3}) + "PNG",
      time + bytes({0x10, 1, 0x2a, 13, 0x0a, 11, 0x0a, 4}) + "loss" + bytes({0x15, 0, 0, 0, 0xc0})};
  CHECK(payloads(read_file(file)) == expected);
}

TEST_CASE("every writer has a file of its own") {
  const ScratchDirectory scratch;
  TensorBoard first(scratch.path(), 1, 2.0), second(scratch.path(), 1, 2.0);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(scratch.path())) ++files;
  CHECK(files == 2);
}
