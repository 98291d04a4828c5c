// tests/fuzz/printable.cpp — a text on its way to a terminal, at once and in pieces.
#include "fuzz/harness.hpp"

#include <longsky/core/printable.hpp>
#include <longsky/core/utf8.hpp>

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  const auto commands = [](std::string_view shown, bool lines) {
    return std::any_of(shown.begin(), shown.end(), [&](char c) {
      return (static_cast<std::uint8_t>(c) < 32 && !(lines && (c == '\n' || c == '\t'))) || c == 127;
    });
  };
  const std::string shown = printable(text), lines = printable_lines(text);
  fuzz::must(!commands(shown, false) && !commands(lines, true), "what is shown commands no terminal");
  fuzz::must(first_invalid_utf8(shown) == shown.size(), "what is shown is UTF-8");
  PrintableStream stream;
  std::string pieces;
  for (std::size_t at = 0; at < size; at += 3) pieces += stream.next(text.substr(at, 3));
  fuzz::must(pieces + stream.rest() == lines, "a stream shows what the whole does");
  return 0;
}
