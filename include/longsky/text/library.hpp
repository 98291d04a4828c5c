// longsky/text/library.hpp — all the books of a directory, and the name of every file there that is not read.
//
// The tree itself is walked first, links after it, and no directory or file twice: a link that leads back ends the
// walk, and a file is read under its own name where it has one.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/printable.hpp>
#include <longsky/core/stop.hpp>
#include <longsky/text/books.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace longsky {

/// The books of a directory, each with a name of its own, and a sentence for each reason why files were not read, which
/// names them and is fit for a terminal.
struct Library {
  std::vector<Book> books;
  std::vector<std::string> not_read;
};

/// The walk through a directory: the files that hold books, and those that do not by the reason.
class LibraryWalk {
 public:
  [[gnu::cold]] explicit LibraryWalk(std::filesystem::path root) : root_(std::move(root)) {
    visit(root_);
    for (; !links_.empty(); links_.pop_front()) visit(links_.front());
    std::sort(files_.begin(), files_.end());
  }

  const std::vector<std::filesystem::path>& files() const { return files_; }

  void leave_out(const std::filesystem::path& path, const std::string& reason) {
    left_out_[reason].push_back(relative(path));
  }

  /// The path below the directory.
  std::string relative(const std::filesystem::path& path) const { return path.lexically_relative(root_).string(); }

  [[gnu::cold]] std::vector<std::string> sentences() const {
    constexpr std::size_t most = 100;  // names a sentence: a folder of photographs should not hide the rest
    std::vector<std::string> out;
    for (const auto& [reason, paths] : left_out_) {
      std::string names;
      for (std::size_t i = 0; i < std::min(most, paths.size()); ++i) names += (i ? ", " : "") + printable(paths[i]);
      if (paths.size() > most) names += " and " + std::to_string(paths.size() - most) + " more";
      out.push_back("not read: " + names + " (" + printable(reason) + ")");
    }
    return out;
  }

 private:
  [[noreturn]] void fail(const std::filesystem::path& directory, const std::string& problem) const {
    throw Error(ExitCode::usage,
                "cannot read the corpus directory '" + directory.string() + "': " + problem +
                    (directory == root_ ? "; make it with scripts/corpus, or name another with --corpus"
                                        : "; check its permissions, or move it elsewhere"));
  }

  // A file or a directory, through links. What is seen for the second time is not visited again.
  [[gnu::cold]] void visit(const std::filesystem::path& path) {
    heed_stop("looking for books");
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      const std::string problem = std::strerror(errno);
      if (path == root_) fail(path, problem);
      return leave_out(path, "cannot be opened: " + problem);
    }
    const bool directory = S_ISDIR(status.st_mode);
    if (path == root_ && !directory) fail(path, "it is not a directory");
    if (!directory && !S_ISREG(status.st_mode)) return leave_out(path, "neither a file nor a directory");
    if (!directory && !holds_books(path)) return;
    const auto [seen, fresh] = seen_.emplace(std::pair(status.st_dev, status.st_ino), path);
    if (!fresh)
      return leave_out(
          path, "the same as " + (seen->second == root_ ? "the corpus directory itself" : relative(seen->second)));
    if (directory)
      walk(path);
    else
      files_.push_back(path);
  }

  [[gnu::cold]] void walk(const std::filesystem::path& directory) {
    std::error_code error;
    std::vector<std::filesystem::path> entries;
    for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
      entries.push_back(it->path());
    if (error) fail(directory, error.message());
    std::sort(entries.begin(), entries.end());
    for (const std::filesystem::path& entry : entries) {
      struct stat status {};
      if (entry.filename().string().starts_with("."))
        leave_out(entry, "hidden");
      else if (::lstat(entry.c_str(), &status) == 0 && S_ISLNK(status.st_mode))
        links_.push_back(entry);
      else
        visit(entry);
    }
  }

  bool holds_books(const std::filesystem::path& path) {
    const std::string extension = lower_extension(path);
    if (extension == ".txt" || extension == ".gz" || extension == ".rdb") return true;
    const bool is_index = extension == ".rdx" && !file_beside(path, {".rdb", ".RDB"}).empty();
    if (!is_index) leave_out(path, "a book is .txt, .gz or .rdb");
    return false;
  }

  std::filesystem::path root_;
  std::vector<std::filesystem::path> files_;
  std::deque<std::filesystem::path> links_;
  std::map<std::pair<dev_t, ino_t>, std::filesystem::path> seen_;
  std::map<std::string, std::vector<std::string>> left_out_;
};

/// Gives each book a name of its own: the file's, with its folders where that is another's too, with its extension
/// where even that is, and last with a number. `paths` are the books' files, as they are shown.
[[gnu::cold]] inline void name_apart(std::vector<Book>& books, const std::vector<std::string>& paths) {
  const auto names_of_several = [&] {
    std::unordered_map<std::string, int> uses;
    for (const Book& book : books) ++uses[book.name];
    std::erase_if(uses, [](const auto& use) { return use.second == 1; });
    return uses;
  };
  const auto rename = [&](auto&& longer) {
    const auto several = names_of_several();
    for (std::size_t i = 0; i < books.size(); ++i)
      if (several.contains(books[i].name)) books[i].name = longer(i);
  };
  std::vector<std::string> objects(books.size());  // an .rdb's books have names of their own
  for (std::size_t i = 0; i < books.size(); ++i)
    if (lower_extension(paths[i]) == ".rdb") objects[i] = "/" + books[i].name;
  rename([&](std::size_t i) {
    const std::filesystem::path path = paths[i];
    std::filesystem::path stem = path.stem();
    if (lower_extension(path) == ".gz") stem = stem.stem();
    return (path.parent_path() / stem).string() + objects[i];
  });
  rename([&](std::size_t i) { return paths[i] + objects[i]; });
  const auto several = names_of_several();
  std::unordered_set<std::string> taken;
  std::unordered_map<std::string, int> numbers;
  for (Book& book : books) taken.insert(book.name);
  for (Book& book : books) {
    if (!several.contains(book.name)) continue;
    const std::string name = book.name;
    while (!taken.insert(book.name = name + " (" + std::to_string(++numbers[name]) + ")").second) {
    }
  }
}

/// The books of every .txt, .gz and .rdb file below `directory`, in the order of their paths. Hidden files and
/// directories are left out, links are followed, and a text that is there twice is read once; all that is left out is
/// named. Throws Error(usage) for a directory that is not there, cannot be read or holds no book, what read_books
/// throws for a file that should be one and is not, and Error(stopped) when the run is asked to stop.
[[gnu::cold]] inline Library read_library(const std::filesystem::path& directory) {
  LibraryWalk walk(directory);
  if (walk.files().empty()) {
    std::string sentence = "the corpus directory '" + directory.string() +
                           "' has no .txt, .gz or .rdb file; put books there, or make it with scripts/corpus";
    for (const std::string& left_out : walk.sentences()) sentence += "; " + left_out;
    throw Error(ExitCode::usage, sentence);
  }
  Library library;
  std::vector<std::string> paths;
  std::unordered_multimap<std::size_t, std::size_t> known;  // the hash of a text, the book that has it
  for (const std::filesystem::path& file : walk.files())
    for (Book& book : read_books(file)) {
      const std::size_t hash = std::hash<std::string_view>()(book.text);
      const auto [first, last] = known.equal_range(hash);
      const auto same =
          std::find_if(first, last, [&](const auto& entry) { return library.books[entry.second].text == book.text; });
      if (same != last) {
        walk.leave_out(file, book.name + " in it is the same text as " + paths[same->second]);
        continue;
      }
      known.emplace(hash, library.books.size());
      library.books.push_back(std::move(book));
      paths.push_back(walk.relative(file));
    }
  name_apart(library.books, paths);
  library.not_read = walk.sentences();
  return library;
}

}  // namespace longsky
