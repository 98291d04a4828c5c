// longsky/text/library.hpp — all the books of a directory.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/text/books.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace longsky {

/// The books of every .txt, .gz and .rdb file below `directory`, in the order of their paths; of books with equal names
/// the first. Throws Error(usage) for a directory that is not there or has no such file.
[[gnu::cold]] inline std::vector<Book> read_library(const std::filesystem::path& directory) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end; it.increment(error))
    if (const auto extension = it->path().extension();
        it->is_regular_file() && (extension == ".txt" || extension == ".gz" || extension == ".rdb"))
      files.push_back(it->path());
  if (error)
    throw Error(ExitCode::usage, "cannot read the corpus directory '" + directory.string() + "': " + error.message() +
                                     "; make it with scripts/corpus, or name another with --corpus");
  if (files.empty())
    throw Error(ExitCode::usage,
                "the corpus directory '" + directory.string() +
                    "' has no .txt, .gz or .rdb file; put books there, or make it with scripts/corpus");
  std::sort(files.begin(), files.end());
  std::vector<Book> books;
  for (const fs::path& file : files)
    for (Book& book : read_books(file))
      if (std::none_of(books.begin(), books.end(), [&](const Book& b) { return b.name == book.name; }))
        books.push_back(std::move(book));
  return books;
}

}  // namespace longsky
