// The library: every file of a directory is a book or is named with the reason, whatever the tree looks like.
#include "support/catch.hpp"
#include "support/scratch_directory.hpp"

#include <longsky/core/file.hpp>
#include <longsky/text/library.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

std::string prose(const std::string& about) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "Line " + std::to_string(i) + " of a book on " + about + " that goes on.\n";
  return text;
}

struct Tree {
  ScratchDirectory folder;
  fs::path put(const fs::path& name, const std::string& contents) const {
    fs::create_directories((folder.path() / name).parent_path());
    replace_file(folder.path() / name, contents);
    return folder.path() / name;
  }
  Library read() const { return read_library(folder.path()); }
};

std::vector<std::string> names(const Library& library) {
  std::vector<std::string> out;
  for (const Book& book : library.books) out.push_back(book.name);
  return out;
}

std::string sentences(const Library& library) {
  std::string out;
  for (const std::string& sentence : library.not_read) out += sentence + '\n';
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("books of one file name are all read, each under a name of its own") {
  const Tree tree;
  tree.put("a/chapter1.txt", prose("whales"));
  tree.put("b/chapter1.txt", prose("balls"));
  tree.put("b/other.txt", prose("letters"));
  CHECK(names(tree.read()) == Names{"a/chapter1", "b/chapter1", "other"});
  CHECK(sentences(tree.read()).empty());
  tree.put("b/chapter1.TXT", prose("sermons"));  // and capitals are no other kind of file
  CHECK(names(tree.read()) == Names{"a/chapter1", "b/chapter1.TXT", "b/chapter1.txt", "other"});
  tree.put("chapter1.txt", prose("the sea"));
  CHECK(names(tree.read()) == Names{"a/chapter1", "b/chapter1.TXT", "b/chapter1.txt", "other", "chapter1"});
}

TEST_CASE("names that an .rdb gives twice are told apart") {
  std::vector<Book> books = {{"x", "1"}, {"x", "2"}, {"x", "3"}, {"x", "4"}, {"y", "5"}, {"r.rdb/x (1)", "6"}};
  name_apart(books, {"r.rdb", "r.rdb", "s.rdb", "x.txt", "y.txt", "z.txt"});
  Names all;
  for (const Book& book : books) all.push_back(book.name);
  CHECK(all == Names{"r.rdb/x (2)", "r.rdb/x (3)", "s/x", "x", "y", "r.rdb/x (1)"});
}

TEST_CASE("every file that is not read is named with the reason") {
  const Tree tree;
  tree.put("emma.txt", prose("whales"));
  tree.put("emma.pdf", "x");
  tree.put("notes", "x");
  tree.put(".draft.txt", prose("drafts"));
  tree.put(".git/config.txt", prose("git"));
  tree.put("lonely.rdx", "x");
  REQUIRE(::mkfifo((tree.folder / "pipe.txt").c_str(), 0600) == 0);
  fs::create_symlink("nowhere.txt", tree.folder / "gone.txt");
  fs::create_symlink("self.txt", tree.folder / "self.txt");
  fs::create_symlink("emma.txt", tree.folder / "a_link.txt");
  fs::create_hard_link(tree.folder / "emma.txt", tree.folder / "hard.txt");
  tree.put("z_copy.txt", prose("whales") + "\n");
  const Library library = tree.read();
  CHECK(names(library) == Names{"emma"});
  const std::string said = sentences(library);
  CHECK_THAT(said, Contains("not read: emma.pdf, lonely.rdx, notes (a book is .txt, .gz or .rdb)"));
  CHECK_THAT(said, Contains("not read: .draft.txt, .git (hidden)"));
  CHECK_THAT(said, Contains("not read: pipe.txt (neither a file nor a directory)"));
  CHECK_THAT(said, Contains("not read: gone.txt (cannot be opened: No such file"));
  CHECK_THAT(said, Contains("not read: self.txt (cannot be opened: Too many levels"));
  CHECK_THAT(said, Contains("a_link.txt") && Contains("hard.txt") && Contains("(the same as emma.txt)"));
  CHECK_THAT(said, Contains("not read: z_copy.txt (z_copy in it is the same text as emma.txt)"));
}

TEST_CASE("what is left out is named so that a terminal can show it") {
  const Tree tree;
  tree.put("emma.txt", prose("whales"));
  tree.put("a\x1b[2Jb.pdf", "x");
  for (int i = 0; i < 120; ++i) tree.put(std::to_string(1000 + i) + ".jpg", "x");
  const std::string said = sentences(tree.read());
  CHECK_THAT(said, !Contains("\x1b") && Contains("1000.jpg") && Contains(" and 21 more (a book is"));
}

TEST_CASE("links to directories are followed, and a circle of them ends") {
  const Tree tree, elsewhere;
  elsewhere.put("shelf/persuasion.txt", prose("letters"));
  tree.put("own/emma.txt", prose("whales"));
  fs::create_directory_symlink(elsewhere.folder / "shelf", tree.folder / "far");
  fs::create_directory_symlink("..", tree.folder / "own" / "up");
  fs::create_directory_symlink(".", tree.folder / "here");
  fs::create_directory_symlink(tree.folder.path(), elsewhere.folder / "shelf" / "back");
  const Library library = tree.read();
  CHECK(names(library) == Names{"persuasion", "emma"});
  const std::string said = sentences(library);
  CHECK_THAT(said, Contains("here") && Contains("own/up") && Contains("far/back"));
  CHECK_THAT(said, Contains("(the same as the corpus directory itself)"));
  fs::create_directory_symlink(elsewhere.folder / "shelf", tree.folder / "a_far");
  CHECK(names(tree.read()).size() == 2);
  CHECK_THAT(sentences(tree.read()), Contains("not read: far (the same as a_far)"));
}

TEST_CASE("a directory without books is answered in words") {
  const Tree tree;
  CHECK_THROWS_WITH(tree.read(), Contains("has no .txt, .gz or .rdb file"));
  tree.put("emma.pdf", "x");
  CHECK_THROWS_WITH(tree.read(), Contains("has no .txt, .gz or .rdb file") && Contains("not read: emma.pdf"));
  CHECK_THROWS_WITH(read_library(tree.folder / "none"), Contains("cannot read the corpus directory"));
  CHECK_THROWS_WITH(read_library(tree.folder / "emma.pdf"), Contains("it is not a directory"));
  fs::create_symlink("self", tree.folder / "self");
  CHECK_THROWS_WITH(read_library(tree.folder / "self"), Contains("Too many levels"));
}
