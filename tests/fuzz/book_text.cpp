// tests/fuzz/book_text.cpp — a book as plain text.
#include "fuzz/harness.hpp"

#include <longsky/core/utf8.hpp>
#include <longsky/text/books.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  fuzz::accepted([&] {
    const std::string book = checked_text(text, "it");
    fuzz::must(first_invalid_utf8(book) == book.size(), "a book is UTF-8");
    fuzz::must(book.size() <= size, "a book is not longer than its file");
  });
  return 0;
}
