// tests/docs/quote.cpp — documents quote files that are compiled; this says where a quotation has drifted, or mends it.
//
//   docs_quote <project>            exit 1 and a list when README.md or docs/*.md differ from what they quote
//   docs_quote --update <project>   writes the quotations anew
//
// In a document:   <!-- from examples/own_mask.cpp:policy -->   followed by a fenced block.
// In the file:     // begin: policy … // end: policy            (without `:name` the whole file is meant).
// And <!-- from tests/compile_fail -->, up to <!-- end -->, is the table of every sentence that answers a wrong program.

#include <longsky/core/file.hpp>
#include <longsky/core/standard_output.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

std::vector<std::string> read_lines(const fs::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

std::string_view trimmed(std::string_view s) {
  const auto first = s.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

/// The lines between the two markers without their common indentation, other markers left out; the whole file when
/// `marker` is empty.
std::vector<std::string> region(const fs::path& path, const std::string& marker) {
  std::vector<std::string> found;
  bool inside = marker.empty(), closed = marker.empty(), seen = inside;
  for (const std::string& line : read_lines(path)) {
    const std::string_view text = trimmed(line);
    const bool begins = text.starts_with("// begin: "), ends = text.starts_with("// end: ");
    if (begins && text.substr(10) == marker) inside = seen = true;
    if (ends && text.substr(8) == marker) inside = false, closed = true;
    if (inside && !begins && !ends) found.push_back(line);
  }
  if (!seen || !closed)
    throw std::runtime_error(path.string() + " has no '// begin: " + marker + "' … '// end: " + marker + "'");
  std::size_t indent = std::string::npos;
  for (const std::string& line : found)
    if (!trimmed(line).empty()) indent = std::min(indent, line.find_first_not_of(' '));
  for (std::string& line : found) line.erase(0, std::min(line.size(), indent));
  return found;
}

/// One row for each program in tests/compile_fail: its sentence, why it is said, what to do.
std::vector<std::string> table_of_sentences(const fs::path& project) {
  std::vector<fs::path> programs;
  for (const auto& entry : fs::directory_iterator(project / "tests/compile_fail"))
    if (entry.path().extension() == ".cpp") programs.push_back(entry.path());
  std::sort(programs.begin(), programs.end());
  std::vector<std::string> rows{"| the compiler says | because | what to do | the wrong program |", "|---|---|---|---|"};
  for (const fs::path& program : programs) {
    const std::vector<std::string> lines = read_lines(program);
    const auto field = [&](std::size_t i, const std::string& key) {
      if (i >= lines.size() || !lines[i].starts_with("// " + key + ": "))
        throw std::runtime_error(program.string() + ": line " + std::to_string(i + 1) + " must be '// " + key + ": …'");
      return lines[i].substr(5 + key.size());
    };
    std::string sentence = field(0, "error");  // what g++ says | what clang++ says, where they differ
    if (const auto bar = sentence.find('|'); bar != std::string::npos) sentence.replace(bar, 1, "` or `");
    const std::string name = program.filename().string();
    rows.push_back("| `" + sentence + "` | " + field(1, "cause") + " | " + field(2, "remedy") + " | [" + name +
                   "](../tests/compile_fail/" + name + ") |");
  }
  return rows;
}

/// The document as it should be; `quotations` counts what was found.
std::vector<std::string> with_quotations(const fs::path& project, const fs::path& document, int& quotations) {
  const std::vector<std::string> lines = read_lines(document);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out.push_back(lines[i]);
    const std::string_view text = trimmed(lines[i]);
    if (!text.starts_with("<!-- from ") || !text.ends_with(" -->")) continue;
    ++quotations;
    const std::string from{text.substr(10, text.size() - 14)};
    const bool table = from == "tests/compile_fail";
    const auto closes = [&](const std::string& line) { return line == (table ? "<!-- end -->" : "```"); };
    if (!table && (i + 1 >= lines.size() || !lines[i + 1].starts_with("```")))
      throw std::runtime_error(document.string() + ":" + std::to_string(i + 2) + ": a ``` block must follow");
    if (!table) out.push_back(lines[++i]);
    const auto colon = from.find(':');
    const std::string marker = colon == std::string::npos ? "" : from.substr(colon + 1);
    const std::vector<std::string> quoted =
        table ? table_of_sentences(project) : region(project / from.substr(0, colon), marker);
    out.insert(out.end(), quoted.begin(), quoted.end());
    while (++i < lines.size() && !closes(lines[i])) continue;
    if (i >= lines.size()) throw std::runtime_error(document.string() + ": a quotation of " + from + " never ends");
    out.push_back(lines[i]);
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) try {
  const bool update = argc == 3 && std::string_view{argv[1]} == "--update";
  if (argc != 2 && !update) throw std::runtime_error("usage: docs_quote [--update] <project>");
  const fs::path project = argv[argc - 1];
  std::vector<fs::path> documents;
  if (fs::exists(project / "README.md")) documents.push_back(project / "README.md");
  if (fs::exists(project / "docs"))
    for (const auto& entry : fs::directory_iterator(project / "docs"))
      if (entry.path().extension() == ".md") documents.push_back(entry.path());
  int quotations = 0, drifted = 0;
  for (const fs::path& document : documents) {
    const std::vector<std::string> now = read_lines(document), wanted = with_quotations(project, document, quotations);
    if (now == wanted) continue;
    const std::size_t line = static_cast<std::size_t>(
        std::mismatch(now.begin(), now.end(), wanted.begin(), wanted.end()).first - now.begin());
    if (update) {
      longsky::replace_file(document, join(wanted));
      std::cout << document.string() << ": updated\n";
    } else {
      ++drifted;
      std::cout << document.string() << ":" << line + 1 << ": not what it quotes; run docs_quote --update\n";
    }
  }
  std::cout << quotations << " quotations in " << documents.size() << " documents\n";
  longsky::require_output_written();
  return drifted == 0 && quotations > 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "docs_quote: " << error.what() << '\n';
  return 1;
}
