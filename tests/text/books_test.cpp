// Books: each kind of file, the clean-up, and files that hold no book.
#include "support/catch.hpp"
#include "support/scratch_directory.hpp"

#include <longsky/text/books.hpp>

#include <longsky/core/random.hpp>
#include <longsky/core/signals.hpp>

#include <zlib.h>

#include <fstream>
#include <string>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

std::string prose(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) text += "Line " + std::to_string(i) + " of a book that goes on.\n";
  return text;
}

std::string packed(const std::string& plain, int window_bits) {
  z_stream z{};
  REQUIRE(deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&z, plain.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::string gzip(const std::string& plain) { return packed(plain, 15 + 16); }

std::string big_endian(std::uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)};
}

std::string r_string(const std::string& s) {
  return big_endian(0x00040009) + big_endian(static_cast<std::uint32_t>(s.size())) + s;
}

std::string r_strings(const std::vector<std::string>& strings, std::uint32_t flags = 16) {
  std::string out = big_endian(flags) + big_endian(static_cast<std::uint32_t>(strings.size()));
  for (const std::string& s : strings) out += r_string(s);
  return out;
}

std::string r_header() {
  return "X\n" + big_endian(3) + big_endian(0x40201) + big_endian(0x30500) + big_endian(5) + "UTF-8";
}

/// A names attribute: a pairlist of one.
std::string r_names_of(const std::vector<std::string>& names) {
  return big_endian(0x402) + big_endian(1) + r_string("names") + r_strings(names) + big_endian(254);
}

std::string rdb_entry(const std::string& object) {
  return big_endian(static_cast<std::uint32_t>(object.size())) + packed(object, 15);
}

struct Files {
  ScratchDirectory folder;
  std::filesystem::path write(const std::string& name, const std::string& contents) const {
    const auto path = folder.path() / name;
    std::ofstream(path, std::ios::binary) << contents;
    return path;
  }
};

}  // namespace

TEST_CASE("lines are unwrapped, blanks collapsed, what surrounds the book is dropped") {
  CHECK(unwrapped("\xEF\xBB\xBFOne\r\nline.\r\n\r\n\r\nTwo   words \n and\tmore.\n\n  Indented.\n") ==
        "One line.\nTwo words and more.\n Indented.");
  CHECK(unwrapped("Licence\n*** START OF THE PROJECT ***\n\nThe book.\n\n*** END OF THE PROJECT ***\nMore") ==
        "The book.");
  CHECK(unwrapped(" \n\n ").empty());
}

TEST_CASE("several texts of Project Gutenberg in one file are all there, with what is too long to be a licence") {
  const auto text = [](const std::string& words) {
    return "\xEF\xBB\xBFHeader.\n*** START OF THE BOOK ***\n\xEF\xBB\xBF\n" + words +
           "\n*** END OF THE BOOK ***\nThe licence.\n";
  };
  CHECK(unwrapped(text("The first.") + text("The second.")) == "The first.\nThe second.");
  CHECK(unwrapped("Old.\n*** END OF THE BOOK\nLicence.\n" + text("New.")) == "Old.\nNew.");
  CHECK(unwrapped("*** START OF THE A\nA.\n*** START OF THE B\nB.") == "A.\nB.");
  CHECK(unwrapped("It says *** START OF THE") == "It says *** START OF THE");
  const std::string other = unwrapped(prose(2000));
  CHECK(unwrapped(other + "\n" + text("The book.")) == other + " Header.\nThe book.");
  CHECK(unwrapped(text("The book.") + other) == "The book.\nThe licence. " + other);
  CHECK(unwrapped("One\xEF\xBB\xBF word,\n\xEF\xBB\xBFtwo.\n\n\xEF\xBB\xBF\nThree.\xEF\xBB\xBF") ==
        "One word, two.\nThree.");
}

TEST_CASE("many markers are no more work than their length") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "*** START OF THE x\n";
  CHECK(unwrapped(text + "Last.") == "Last.");
}

TEST_CASE("plain text and gzip, in one member or several") {
  const Files files;
  const std::string expected = unwrapped(prose(60));
  const auto plain = read_books(files.write("emma.txt", prose(60)));
  REQUIRE(plain.size() == 1);
  CHECK(plain[0].name == "emma");
  CHECK(plain[0].text == expected);
  const auto zipped =
      read_books(files.write("emma.txt.gz", gzip(prose(30)) + gzip(prose(60).substr(prose(30).size()))));
  REQUIRE(zipped.size() == 1);
  CHECK(zipped[0].name == "emma");
  CHECK(zipped[0].text == expected);
  CHECK(read_books(files.write("EMMA.TXT.GZ", gzip(prose(60))))[0].name == "EMMA");
  CHECK(read_books(files.write("a.gz", gzip(prose(60)) + std::string(7000, '\0')))[0].text == expected);
  CHECK_THROWS_WITH(read_books(files.write("a.gz", gzip(prose(60)) + std::string(512, '\0') + "x")),
                    Contains("damaged"));
}

TEST_CASE("a small file cannot ask for much memory") {
  const Files files;
  const std::string blanks = gzip(std::string(std::size_t{40} << 20, ' '));
  CHECK_THROWS_WITH(read_books(files.write("a.gz", blanks + blanks)),
                    Contains("unpacks to more than 66 MiB") && Contains("unpack it yourself"));
  std::string nils = r_header() + big_endian(19) + big_endian(5'000'000);
  for (int i = 0; i < 5'000'000; ++i) nils += big_endian(254);
  CHECK_THROWS_WITH(read_books(files.write("a.rdb", rdb_entry(nils))), Contains("no character strings"));
  CHECK_THROWS_WITH(
      read_books(files.write("a.rdb", rdb_entry(nils) + rdb_entry(nils) + rdb_entry(nils) + rdb_entry(nils))),
      Contains("unpacks to more than"));
  files.write("b.rdx", gzip(nils));
  CHECK_THROWS_WITH(read_books(files.write("b.rdb", rdb_entry(r_header() + r_strings({"x"})))),
                    Contains("more than 1000000 values"));
}

TEST_CASE("R's .rdb: every object with strings, called by the index beside it") {
  const Files files;
  std::vector<std::string> lines(80, "Another line of the novel,"), other(90, "or of the other one.");
  const std::string first = rdb_entry(r_header() + r_strings(lines));
  const std::string numbers = rdb_entry(r_header() + big_endian(13) + big_endian(2) + big_endian(7) + big_endian(8));
  // Attributes follow the strings and are not part of the book.
  const std::string second = rdb_entry(r_header() + r_strings(other, 16 | 0x200) + r_names_of({"a name"}));
  const auto path = files.write("Rdata.rdb", first + numbers + second);

  auto books = read_books(path);
  REQUIRE(books.size() == 2);
  CHECK(books[0].name == "Rdata 1");
  CHECK(books[1].text.find("a name") == std::string::npos);

  const auto place = [&](std::size_t offset, std::size_t size) {
    return big_endian(13) + big_endian(2) + big_endian(static_cast<std::uint32_t>(offset)) +
           big_endian(static_cast<std::uint32_t>(size));
  };
  const std::string variables = big_endian(19 | 0x200) + big_endian(2) + place(0, first.size()) +
                                place(first.size() + numbers.size(), second.size()) +
                                r_names_of({"emma", "persuasion"});
  const std::string index = r_header() + big_endian(19) + big_endian(1) + variables;
  files.write("Rdata.rdx", gzip(index));
  books = read_books(path);
  REQUIRE(books.size() == 2);
  CHECK(books[0].name == "emma");
  CHECK(books[1].name == "persuasion");
  CHECK(books[0].text.starts_with("Another line of the novel, Another line"));
}

TEST_CASE("a file that holds no book is answered in words") {
  const Files files;
  const auto code_of = [&](const std::filesystem::path& path) {
    try {
      read_books(path);
    } catch (const Error& error) {
      return error.code();
    }
    return ExitCode::finished;
  };
  CHECK_THROWS_WITH(read_books(files.folder.path() / "none.txt"), Contains("there is no file"));
  CHECK(code_of(files.folder.path() / "none.txt") == ExitCode::usage);
  CHECK(code_of(files.folder.path()) == ExitCode::usage);
  CHECK_THROWS_WITH(read_books(files.write("a.txt", "")), Contains("is empty"));
  CHECK_THROWS_WITH(read_books(files.write("a.txt", "One line only.\n")), Contains("expected a book of at least 1000"));
  CHECK_THROWS_WITH(read_books(files.write("a.txt", prose(60) + std::string("\0", 1))), Contains("is binary"));
  CHECK_THROWS_WITH(read_books(files.write("a.txt", prose(3) + std::string(30, '\x01') + prose(60))),
                    Contains("is binary"));
  const std::string bad = prose(2) + "caf\xE9\n" + prose(60);
  CHECK_THROWS_WITH(read_books(files.write("a.txt", bad)),
                    Contains("not valid UTF-8") && Contains("line 3") && Contains("iconv"));
  CHECK(code_of(files.folder.path() / "a.txt") == ExitCode::corrupt);
  CHECK_THROWS_WITH(read_books(files.write("a.txt", "\xFF\xFE" + std::string("a\0b\0", 4))),
                    Contains("UTF-16 or UTF-32") && Contains("iconv -f UTF-16 -t UTF-8"));
  CHECK_THROWS_WITH(read_books(files.write("a.txt", std::string("\0\0\xFE\xFF", 4) + prose(60))),
                    Contains("iconv -f UTF-32 -t UTF-8"));
  CHECK_THROWS_WITH(read_books(files.write("a.gz", gzip(std::string(1 << 16, '\0')))), Contains("is binary"));
  CHECK_THROWS_WITH(read_books(files.write("a.rdb", "")), Contains("holds no character strings"));
  CHECK_THROWS_WITH(read_books(files.write("a.rdb", rdb_entry(r_header() + r_strings({"short"})))),
                    Contains("at least 1000"));
  CHECK_THROWS_WITH(read_books(files.write("a.rdb", rdb_entry("not R"))), Contains("does not start as R's"));
  CHECK_THROWS_WITH(read_books(files.write("a.rdb", rdb_entry(r_header() + big_endian(3)))), Contains("R's type 3"));
  CHECK_THROWS_WITH(read_books(files.write("a.rdb", rdb_entry(r_header() + big_endian(16) + big_endian(0xFFFFFFFF)))),
                    Contains("-1 elements"));
  std::string nested = r_header();
  for (int i = 0; i < 1000; ++i) nested += big_endian(19) + big_endian(1);
  CHECK_THROWS_WITH(read_books(files.write("a.rdb", rdb_entry(nested))), Contains("nested deeper"));
}

TEST_CASE("a compressed book cut off anywhere is an error, never a shorter book") {
  const Files files;
  const std::string whole = gzip(prose(60));
  for (std::size_t n = 0; n < whole.size(); n += 5)
    CHECK_THROWS_AS(read_books(files.write("a.txt.gz", whole.substr(0, n))), Error);
  const std::string object =
      rdb_entry(r_header() + r_strings(std::vector<std::string>(60, "A line of the novel that goes on.")));
  for (std::size_t n = 0; n < object.size(); n += 3)
    CHECK_THROWS_AS(read_books(files.write("a.rdb", object.substr(0, n))), Error);
}

TEST_CASE("a damaged R object is an error or other strings, never a crash") {
  const std::string whole = r_header() + big_endian(19 | 0x200) + big_endian(2) + r_strings({"one", "two"}) +
                            big_endian(13) + big_endian(1) + big_endian(5) + r_names_of({"a", "b"});
  CHECK(RReader(whole, "it").read().names == std::vector<std::string>{"a", "b"});
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK_THROWS_AS(RReader(whole.substr(0, n), "it").read(), Error);
  int errors = 0;
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (int flip : {1, 2, 0x10, 0x80, 0xFF}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      try {
        RReader(damaged, "it").text();
        RReader(damaged, "it").read();
      } catch (const Error&) {
        ++errors;
      }
    }
  CHECK(errors > 100);
}

TEST_CASE("a stop is heard while books are read") {
  const Files files;
  const auto zipped = files.write("a.txt.gz", gzip(prose(60)));
  std::string nils = r_header() + big_endian(19) + big_endian(10'000);
  for (int i = 0; i < 10'000; ++i) nils += big_endian(254);
  const StopSignals signals;
  CHECK(read_books(zipped).size() == 1);
  raise(SIGTERM);
  CHECK_THROWS_WITH(read_books(zipped), Contains("stopped while reading the books"));
  CHECK_THROWS_WITH(unwrapped(prose(2000)), Contains("stopped while reading the books"));
  CHECK_THROWS_WITH(RReader(nils, "it").text(), Contains("stopped while reading the books"));
  std::size_t first = 0, room = 1 << 20;
  CHECK_THROWS_WITH(inflate(read_file(zipped), first, room, "it"), Contains("stopped while unpacking the books"));
  try {
    read_books(zipped);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::stopped);
  }
}
