// longsky/core/sealed_json.hpp — JSON that carries its own checksum, so that a flipped bit is found and not believed.
//
//   {"a": 1, …, "crc32c": "1a2b3c4d"}      the CRC-32C of the text before "crc32c"
//
// The seal is the last member, and a reader takes the text to the byte: what any single bit is flipped in, the seal
// included, is refused.
#pragma once

#include <longsky/core/crc32c.hpp>
#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace longsky {

namespace sealed {

inline constexpr std::string_view name = "\"crc32c\":";

/// What follows the sealed text: `"crc32c": "1a2b3c4d"` and the end of the object.
[[gnu::cold]] inline std::string seal(std::string_view before, bool indented) {
  const std::uint32_t crc = crc32c(before);
  std::string text(name);
  text += indented ? " \"" : "\"";
  for (int shift = 28; shift >= 0; shift -= 4) text += "0123456789abcdef"[crc >> shift & 15];
  return text += indented ? "\"\n}" : "\"}";
}

}  // namespace sealed

/// The text of an object, with its seal; on one line, or with `indent` above 0 one line a member.
[[gnu::cold]] inline std::string sealed_text(const Json& object, int indent = 0) {
  std::string text = object.text(indent);
  if (!object.is_object() || object.contains("crc32c"))
    throw Error(ExitCode::failure, "only an object without a member \"crc32c\" can be sealed");
  text.pop_back();  // }
  const bool indented = indent > 0;
  if (object.size() > 0) {
    if (indented) text.pop_back();  // the end of the line
    text += ',';
  }
  if (indented) text.append("\n").append(static_cast<std::size_t>(indent), ' ');
  return text + sealed::seal(text, indented);
}

/// The object of a sealed text. Null for one whose seal is missing or broken, and then why, in `problem`.
[[gnu::cold]] inline Json parse_sealed(std::string_view text, std::string* problem) {
  const std::size_t at = text.rfind(sealed::name);
  if (at == std::string_view::npos) {
    *problem = "it has no checksum at its end: it was cut, or written by something else";
    return {};
  }
  const std::string_view before = text.substr(0, at), found = text.substr(at);
  if (found != sealed::seal(before, false) && found != sealed::seal(before, true)) {
    *problem = "it does not agree with the checksum at its end: it was damaged, or changed after it was written";
    return {};
  }
  return Json::parse(text, problem);
}

/// Makes a sealed object the whole of a file, at once and durably.
[[gnu::cold]] inline void write_sealed(const std::filesystem::path& path, const Json& object) {
  replace_file(path, sealed_text(object, 1) + "\n");
}

/// The object that write_sealed() wrote. Null for a file of any other bytes, and then why, in `problem`. Throws Error
/// where there is no file to read.
[[gnu::cold]] inline Json read_sealed(const std::filesystem::path& path, std::string* problem) {
  const std::string text = read_file(path, std::uint64_t{1} << 28);
  if (text.empty() || text.back() != '\n') {
    *problem = "its last line is cut";
    return {};
  }
  return parse_sealed(std::string_view(text).substr(0, text.size() - 1), problem);
}

/// Calls `each(line, object, problem)` for every line of a file of sealed objects, its end of the line included where
/// it has one; the object is null where the seal is broken, and `problem` then says how.
template <class Each>
void for_each_sealed_line(std::string_view text, const Each& each) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
    text.remove_prefix(line.size());
    std::string problem;
    const Json object = parse_sealed(line.back() == '\n' ? line.substr(0, line.size() - 1) : line, &problem);
    each(line, object, problem);
  }
}

/// What is to be said of the lines of a file that cannot be used.
class DamagedLines {
 public:
  explicit DamagedLines(std::filesystem::path path) : path_(std::move(path)) {}
  void add(int line, const std::string& problem) {
    if (count_++ == 0) first_ = std::to_string(line) + ": " + problem;
  }
  bool any() const { return count_ > 0; }
  std::string sentence() const {
    return path_.string() + " has " + std::to_string(count_) + (count_ == 1 ? " line" : " lines") +
           " that cannot be used; curves lack what stood there (the first is line " + first_ + ")";
  }

 private:
  std::filesystem::path path_;
  std::string first_;
  int count_ = 0;
};

}  // namespace longsky
