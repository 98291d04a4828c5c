// longsky/text/books.hpp — whole books out of plain text, gzip and R's .rdb files, cleaned for training.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/utf8.hpp>
#include <longsky/text/inflate.hpp>
#include <longsky/text/r_object.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
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

/// Unwraps lines (a single line break becomes a space, several become one), collapses blanks, drops carriage returns, a
/// byte-order mark, and what surrounds a Project Gutenberg text.
[[gnu::cold]] inline std::string unwrapped(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (const auto start = text.find("*** START OF TH"); start != text.npos)
    if (const auto line = text.find('\n', start); line != text.npos) text.remove_prefix(line);
  if (const auto end = text.find("*** END OF TH"); end != text.npos) text = text.substr(0, end);

  std::string out;
  out.reserve(text.size());
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; };
  for (std::size_t i = 0; i < text.size();) {
    if (!blank(text[i])) {
      out += text[i++];
      continue;
    }
    int breaks = 0;
    bool indented = false;
    for (; i < text.size() && blank(text[i]); ++i) {
      if (text[i] == '\n')
        ++breaks, indented = false;
      else if (text[i] != '\r')
        indented = true;
    }
    if (out.empty()) continue;
    if (breaks > 1) out += '\n';
    if (breaks < 2 || indented) out += ' ';
  }
  while (!out.empty() && blank(out.back())) out.pop_back();
  return out;
}

/// The text, unwrapped, or an Error(corrupt) if nobody could learn to read from it.
[[gnu::cold]] inline std::string checked_text(std::string_view raw, const std::string& what) {
  constexpr std::size_t shortest = 1000;  // bytes
  const auto control = [](char c) { return static_cast<std::uint8_t>(c) < 32 && (c < '\t' || c > '\r') && c != 27; };
  const auto fail = [&](const std::string& problem) { throw Error(ExitCode::corrupt, what + " " + problem); };
  if (raw.empty()) fail("is empty; expected the text of a book");
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

[[gnu::cold]] inline std::string file_contents(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw Error(ExitCode::usage, "there is no file " + path.string() + "; expected a book as .txt, .gz or .rdb");
  std::ifstream in(path, std::ios::binary);
  std::string data{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) throw Error(ExitCode::usage, path.string() + " cannot be read; check its permissions");
  return data;
}

/// The names of an .rdb file's objects by their offsets, from the .rdx index beside it; empty without one.
[[gnu::cold]] inline std::map<std::int32_t, std::string> r_names(std::filesystem::path index) {
  index.replace_extension(".rdx");
  std::map<std::int32_t, std::string> names;
  if (!std::filesystem::is_regular_file(index)) return names;
  const std::string packed = file_contents(index);
  std::size_t first = 0;
  const std::string plain = inflate(packed, first, index.string());
  const RObject root = RReader(plain, index.string()).read();
  if (root.items.empty()) return names;
  const RObject& variables = root.items.front();
  for (std::size_t i = 0; i < std::min(variables.items.size(), variables.names.size()); ++i)
    if (variables.items[i].integers.size() == 2) names[variables.items[i].integers[0]] = variables.names[i];
  return names;
}

/// The books of an .rdb file (u32 length and a zlib stream for each object): every object that holds character strings.
[[gnu::cold]] inline std::vector<Book> r_books(const std::filesystem::path& path) {
  const std::string data = file_contents(path);
  const std::map<std::int32_t, std::string> names = r_names(path);
  std::vector<Book> books;
  for (std::size_t at = 0; at < data.size();) {
    const auto name = names.find(static_cast<std::int32_t>(at));
    const std::string what = path.string() + " (object at byte " + std::to_string(at) + ")";
    at += 4;
    if (at >= data.size()) throw Error(ExitCode::corrupt, what + " is cut off; fetch the file again");
    const std::string plain = inflate(data, at, what);
    const RObject object = RReader(plain, what).read();
    if (object.strings.empty()) continue;
    std::string text;
    for (const std::string& line : object.strings) text += line + '\n';
    std::string fallback = path.stem().string() + " " + std::to_string(books.size() + 1);
    books.push_back({name == names.end() ? std::move(fallback) : name->second, checked_text(text, what)});
  }
  if (books.empty()) throw Error(ExitCode::corrupt, path.string() + " holds no character strings");
  return books;
}

/// Every book in a file: one for plain text and .gz, one for each object with character strings for an .rdb of R.
/// Throws Error: usage for a file that is not there, corrupt for one that is empty, binary, not UTF-8, cut off, too
/// short.
[[gnu::cold]] inline std::vector<Book> read_books(const std::filesystem::path& path) {
  if (path.extension() == ".rdb") return r_books(path);
  std::string data = file_contents(path);
  std::string name = path.stem().string();
  if (data.starts_with("\x1F\x8B")) {
    std::string plain;
    for (std::size_t first = 0; first < data.size();) plain += inflate(data, first, path.string());
    data = std::move(plain);
    if (path.extension() == ".gz") name = path.stem().stem().string();
  }
  std::vector<Book> books;
  books.push_back({std::move(name), checked_text(data, path.string())});
  return books;
}

}  // namespace longsky
