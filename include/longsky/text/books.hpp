// longsky/text/books.hpp — whole books out of plain text, gzip and R's .rdb files, cleaned for training.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/stop.hpp>
#include <longsky/core/utf8.hpp>
#include <longsky/text/inflate.hpp>
#include <longsky/text/r_object.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longsky {

/// A book: its name and its text, one paragraph a line.
struct Book {
  std::string name;
  std::string text;
};

/// What stands between Project Gutenberg's markers START and END, each time they occur. What stands around them is
/// dropped where it is short enough for a header or a licence, and stays where it is not: it is then a text of its own.
/// Without markers all of the text.
[[gnu::cold]] inline std::vector<std::string_view> marked_parts(std::string_view text) {
  constexpr std::size_t longest_licence = std::size_t{1} << 15;  // bytes; Gutenberg's has some twenty thousand
  const auto next_start = [&](std::size_t from) {
    const std::size_t at = text.find("*** START OF TH", from);
    return text.find('\n', at) == text.npos ? text.npos : at;  // in the last line it starts nothing
  };
  const auto next_end = [&](std::size_t from) { return text.find("*** END OF TH", from); };
  std::vector<std::string_view> parts;
  std::size_t at = 0, start = next_start(0), end = next_end(0);
  bool inside = end <= start;
  const auto keep_until = [&](std::size_t to) {
    if (inside || to - at > longest_licence) parts.push_back(text.substr(at, to - at));
  };
  while (std::min(start, end) != text.npos) {
    keep_until(std::min(start, end));
    inside = start < end;
    at = std::min(text.find('\n', std::min(start, end)), text.size());
    if (start < at) start = next_start(at);
    if (end < at) end = next_end(at);
  }
  keep_until(text.size());
  return parts;
}

/// The text without the byte-order marks that stand where files were joined.
[[gnu::cold]] inline std::string without_marks(std::string_view text) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  std::string out;
  for (std::size_t found; (found = text.find(mark)) != text.npos; text.remove_prefix(found + mark.size()))
    out += text.substr(0, found);
  return out.append(text);
}

/// Unwraps lines (a single line break becomes a space, several become one), collapses blanks, drops carriage returns,
/// byte-order marks, and what surrounds the texts of Project Gutenberg.
[[gnu::cold]] inline std::string unwrapped(std::string_view raw) {
  const std::string text = without_marks(raw);
  std::string out;
  out.reserve(text.size());
  StopHeeder heed("reading the books");
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; };
  for (std::string_view part : marked_parts(text)) {
    if (!out.empty()) out += '\n';
    const std::size_t before = out.size();
    for (std::size_t i = 0; i < part.size();) {
      if (!blank(part[i])) {
        out += part[i++];
        continue;
      }
      heed();
      int breaks = 0;
      bool indented = false;
      for (; i < part.size() && blank(part[i]); ++i) {
        if (part[i] == '\n')
          ++breaks, indented = false;
        else if (part[i] != '\r')
          indented = true;
      }
      if (out.size() == before) continue;
      if (breaks > 1) out += '\n';
      if (breaks < 2 || indented) out += ' ';
    }
    while (!out.empty() && blank(out.back())) out.pop_back();
  }
  return out;
}

/// The text, unwrapped, or an Error(corrupt) if nobody could learn to read from it.
[[gnu::cold]] inline std::string checked_text(std::string_view raw, const std::string& what) {
  constexpr std::size_t shortest = 1000;  // bytes
  const auto control = [](char c) { return static_cast<std::uint8_t>(c) < 32 && (c < '\t' || c > '\r') && c != 27; };
  const auto fail = [&](const std::string& problem) { throw Error(ExitCode::corrupt, what + " " + problem); };
  if (raw.empty()) fail("is empty; expected the text of a book");
  if (raw.starts_with("\xFF\xFE") || raw.starts_with("\xFE\xFF") ||
      raw.starts_with(std::string_view("\0\0\xFE\xFF", 4)))
    fail("is in UTF-16 or UTF-32, as its byte-order mark says; convert it, for example with: iconv -f " +
         std::string(raw.starts_with(std::string_view("\xFF\xFE\0\0", 4)) || raw[0] == '\0' ? "UTF-32" : "UTF-16") +
         " -t UTF-8");
  const auto odd = std::count_if(raw.begin(), raw.end(), control);
  if (raw.find('\0') != raw.npos || static_cast<std::size_t>(odd) * 1000 > raw.size())
    fail("is binary, not text (" + std::to_string(odd) + " control characters); expected UTF-8 text, .gz or .rdb");
  if (const std::size_t bad = first_invalid_utf8(raw); bad < raw.size())
    fail("is not valid UTF-8 at byte " + std::to_string(bad) + ", line " +
         std::to_string(1 + std::count(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(bad), '\n')) +
         "; convert it, for example with: iconv -f LATIN1 -t UTF-8");
  std::string text = unwrapped(raw);
  if (text.size() < shortest)
    fail("holds " + std::to_string(text.size()) + " bytes of text; expected a book of at least " +
         std::to_string(shortest));
  return text;
}

[[gnu::cold]] inline std::string book_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw Error(ExitCode::usage, "there is no file " + path.string() + "; expected a book as .txt, .gz or .rdb");
  return read_file(path);
}

/// A file's extension in lower case: it says the same in capitals.
[[gnu::cold]] inline std::string lower_extension(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return extension;
}

/// The file beside `path` that has its name with another extension, the first of these; empty where there is none.
[[gnu::cold]] inline std::filesystem::path file_beside(std::filesystem::path path,
                                                       std::initializer_list<const char*> extensions) {
  std::error_code error;
  for (const char* extension : extensions)
    if (std::filesystem::is_regular_file(path.replace_extension(extension), error)) return path;
  return {};
}

/// The names of an .rdb file's objects by their offsets, from the index beside it; empty without one.
[[gnu::cold]] inline std::map<std::int32_t, std::string> r_names(const std::filesystem::path& objects) {
  const std::filesystem::path index = file_beside(objects, {".rdx", ".RDX"});
  std::map<std::int32_t, std::string> names;
  if (index.empty()) return names;
  const std::string packed = book_file(index);
  std::size_t first = 0, room = most_unpacked(packed.size());
  const std::string plain = inflate(packed, first, room, index.string());
  const RObject root = RReader(plain, index.string()).read();
  if (root.items.empty()) return names;
  const RObject& variables = root.items.front();
  for (std::size_t i = 0; i < std::min(variables.items.size(), variables.names.size()); ++i)
    if (variables.items[i].integers.size() == 2) names[variables.items[i].integers[0]] = variables.names[i];
  return names;
}

/// The books of an .rdb file (u32 length and a zlib stream for each object): every object that holds character strings.
[[gnu::cold]] inline std::vector<Book> r_books(const std::filesystem::path& path) {
  const std::string data = book_file(path);
  const std::map<std::int32_t, std::string> names = r_names(path);
  std::vector<Book> books;
  std::size_t room = most_unpacked(data.size());
  for (std::size_t at = 0; at < data.size();) {
    const auto name = names.find(static_cast<std::int32_t>(at));
    const std::string what = path.string() + " (object at byte " + std::to_string(at) + ")";
    at += 4;
    if (at >= data.size()) throw Error(ExitCode::corrupt, what + " is cut off; fetch the file again");
    const std::string plain = inflate(data, at, room, what);
    const std::string text = RReader(plain, what).text();
    if (text.empty()) continue;
    std::string fallback = path.stem().string() + " " + std::to_string(books.size() + 1);
    books.push_back(
        {name == names.end() || name->second.empty() ? std::move(fallback) : name->second, checked_text(text, what)});
  }
  if (books.empty()) throw Error(ExitCode::corrupt, path.string() + " holds no character strings");
  return books;
}

/// The text of a gzip file, of all its members. Zeros may follow the last: tapes and block devices pad with them.
[[gnu::cold]] inline std::string unzipped(std::string_view data, const std::string& what) {
  std::string plain;
  std::size_t room = most_unpacked(data.size());
  for (std::size_t first = 0; data.find_first_not_of('\0', first) != data.npos;)
    plain += inflate(data, first, room, what);
  return plain;
}

/// Every book in a file: one for plain text and .gz, one for each object with character strings for an .rdb of R.
/// Throws Error: usage for a file that is not there, corrupt for one that is empty, binary, not UTF-8, cut off, too
/// short, or that unpacks to far more than a book; stopped when the run is asked to stop.
[[gnu::cold]] inline std::vector<Book> read_books(const std::filesystem::path& path) {
  heed_stop("reading the books");
  const std::string extension = lower_extension(path);
  if (extension == ".rdb") return r_books(path);
  std::string data = book_file(path);
  std::string name = path.stem().string();
  if (data.starts_with("\x1F\x8B")) {
    data = unzipped(data, path.string());
    if (extension == ".gz") name = path.stem().stem().string();
  }
  std::vector<Book> books;
  books.push_back({std::move(name), checked_text(data, path.string())});
  return books;
}

}  // namespace longsky
