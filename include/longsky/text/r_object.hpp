// longsky/text/r_object.hpp — reads an object that R has serialized (XDR, versions 2 and 3), without R.
//
//   item = flags (type in the low byte), payload by type, attributes (a pairlist) if bit 9 is set
//
// Of an object either its text is kept, or, for an index, strings, integers, lists and their names, up to a limit.
// All else is stepped over; closures are refused.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/stop.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longsky {

/// A vector of R: character strings, integers or a list, each with optional names.
struct RObject {
  std::vector<std::string> strings;
  std::vector<std::int32_t> integers;
  std::vector<RObject> items;
  std::vector<std::string> names;
};

/// Reads one serialized object. Throws Error: corrupt for anything that is not one, or is nested deeper than 100
/// levels; stopped when the run is asked to stop. `what` names it in the sentence.
class RReader {
 public:
  RReader(std::string_view data, std::string what) : data_(data), what_(std::move(what)) {}

  /// The object's character strings as lines; empty where it is something else.
  std::string text() {
    header();
    object(0, Keep::text);
    return std::move(text_);
  }

  /// The object with all that is in it, for an index of objects. Throws Error(corrupt) above `most_values` values.
  RObject read() {
    header();
    return object(0, Keep::values);
  }

  static constexpr std::size_t most_values = 1'000'000;  // an index has three for each object of its file

 private:
  enum Type {
    symbol = 1,
    pairlist = 2,
    characters = 9,
    logicals = 10,
    integers = 13,
    reals = 14,
    complexes = 15,
    strings = 16,
    list = 19,
    raws = 24,
    altrep = 238,
    first_constant = 241,
    last_constant = 254,
    reference = 255
  };

  enum class Keep { nothing, text, values };
  static Keep within(Keep keep) { return keep == Keep::values ? keep : Keep::nothing; }

  [[noreturn]] void fail(const std::string& problem) const {
    throw Error(ExitCode::corrupt, what_ + " " + problem + " (byte " + std::to_string(at_) +
                                       " of the unpacked object); fetch or unpack the file again");
  }

  std::string_view take(std::size_t n) {
    if (n > data_.size() - at_) fail("ends in the middle of a value");
    at_ += n;
    return data_.substr(at_ - n, n);
  }

  std::int32_t integer() {
    std::uint32_t value = 0;
    for (char c : take(4)) value = value << 8 | static_cast<std::uint8_t>(c);
    return static_cast<std::int32_t>(value);
  }

  std::size_t count() {
    const std::int32_t n = integer();
    if (n < 0) fail("holds a vector of " + std::to_string(n) + " elements, expected 0 or more");
    return static_cast<std::size_t>(n);
  }

  void header() {
    if (take(2) != "X\n") fail("does not start as R's XDR serialization does");
    const std::int32_t format = integer();
    if (format != 2 && format != 3)
      fail("has serialization version " + std::to_string(format) + ", expected 2 or 3");
    take(8);                          // the versions of R that wrote it and that may read it
    if (format == 3) take(count());  // the name of the native encoding
  }

  // Before anything is kept: four bytes of a file can ask for a hundred of memory.
  void count_value() {
    if (++values_ > most_values) fail("has more than " + std::to_string(most_values) + " values in its index");
  }

  std::string_view character_string() {
    if ((integer() & 0xff) != characters) fail("has something else where a character string was expected");
    const std::int32_t n = integer();
    return n == -1 ? std::string_view() : take(static_cast<std::size_t>(n));  // -1 is NA
  }

  void symbol_read() {
    if (symbols_.size() == most_values) fail("has more than " + std::to_string(most_values) + " symbols");
    symbols_.push_back(character_string());
  }

  std::string_view tag() {  // a symbol, or a reference to one read before
    const std::int32_t flags = integer();
    if ((flags & 0xff) == symbol) {
      symbol_read();
      return symbols_.back();
    }
    if ((flags & 0xff) != reference) fail("has a tag that is not a symbol");
    const std::size_t index = static_cast<std::size_t>(flags >> 8) - 1;
    if (index >= symbols_.size()) fail("refers to a symbol that it does not have");
    return symbols_[index];
  }

  [[gnu::cold]] void attributes(RObject& of, int depth, Keep keep) {
    for (;;) {
      heed_();
      const std::int32_t flags = integer();
      const int type = flags & 0xff;
      if (type == last_constant) return;
      if (type != pairlist) fail("has attributes that are not a pairlist");
      const std::string_view name = (flags & 0x400) != 0 ? tag() : std::string_view();
      RObject value = object(depth + 1, within(keep));
      if (name == "names") of.names = std::move(value.strings);
    }
  }

  [[gnu::cold]] RObject object(int depth, Keep keep) {
    heed_();
    if (depth > 100) fail("is nested deeper than 100 levels");
    RObject out;
    const std::int32_t flags = integer();
    switch (const int type = flags & 0xff; type) {
      case symbol:
        symbol_read();
        return out;
      case reference:
        if (flags >> 8 == 0) integer();
        return out;
      case characters:
        at_ -= 4;
        character_string();
        return out;
      case logicals:
        take(4 * count());
        break;
      case integers:
        if (keep != Keep::values) {
          take(4 * count());
          break;
        }
        for (std::size_t n = count(); n > 0; --n) {
          count_value();
          out.integers.push_back(integer());
        }
        break;
      case reals:
        take(8 * count());
        break;
      case complexes:
        take(16 * count());
        break;
      case raws:
        take(count());
        break;
      case strings:
        for (std::size_t n = count(); n > 0; --n) {
          heed_();
          const std::string_view string = character_string();
          if (keep == Keep::text) text_.append(string) += '\n';
          if (keep != Keep::values) continue;
          count_value();
          out.strings.emplace_back(string);
        }
        break;
      case list:
        for (std::size_t n = count(); n > 0; --n) {
          RObject item = object(depth + 1, within(keep));
          if (keep != Keep::values) continue;
          count_value();
          out.items.push_back(std::move(item));
        }
        break;
      case pairlist:
        at_ -= 4;
        attributes(out, depth + 1, keep);
        return out;
      case altrep:  // what it is, its state (which holds the data), its attributes
        object(depth + 1, Keep::nothing);
        out = object(depth + 1, keep);
        object(depth + 1, Keep::nothing);
        return out;
      default:
        if (type >= first_constant && type <= last_constant) return out;
        fail("holds an object of R's type " + std::to_string(type) + ", expected character strings");
    }
    if ((flags & 0x200) != 0) attributes(out, depth, keep);
    return out;
  }

  std::string_view data_;
  std::string what_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
  std::vector<std::string_view> symbols_;
  std::string text_;
  StopHeeder heed_{"reading the books"};
};

}  // namespace longsky
