// tests/fuzz/replay.cpp — every harness on its corpus, and on the same bytes changed in a few hundred ways: the same
// ones in every run.
//
//   fuzz_replay CORPUS [HARNESS]      CORPUS/<harness>/*
#include "fuzz/harness.hpp"
#include "fuzz/harnesses.hpp"

#include <longsky/core/file.hpp>
#include <longsky/core/random.hpp>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <vector>

namespace {

using namespace longsky;

constexpr int changes_a_harness = 400;
constexpr std::size_t longest = 8192;  // a changed input, bytes

/// One to four changes: a bit, a byte, a part taken out, said twice or taken from another input, a cut, a number.
std::string changed(std::string text, const std::vector<std::string>& corpus, Random& random) {
  const auto place = [&] { return random.below(static_cast<std::uint32_t>(text.size() + 1)); };
  for (int i = random.between(1, 4); i > 0; --i) {
    const std::size_t at = place(), size = std::min<std::size_t>(text.size() - at, 1 + random.below(64));
    switch (random.below(8)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ 1 << random.below(8));
        break;
      case 1:
        if (at < text.size()) text[at] = static_cast<char>(random.below(256));
        break;
      case 2:
        text.erase(at, size);
        break;
      case 3:
        text.insert(place(), text.substr(at, size));
        break;
      case 4: {
        const std::string& other = random.pick(corpus);
        text.insert(at,
                    other.substr(random.below(static_cast<std::uint32_t>(other.size() + 1)), 1 + random.below(256)));
        break;
      }
      case 5:
        text.resize(at);
        break;
      case 6:
        text.insert(at,
                    random.pick(std::vector<std::string>{"-1", "1e999", "9223372036854775807", "0.5", "null", "[[[[",
                                                         "\xff", std::string(4, '\0'), "\x7f\xff\xff\xff", "\x1b[2J"}));
        break;
      default:
        text.insert(at, std::string(1 + random.below(200), static_cast<char>(random.below(256))));
    }
  }
  if (text.size() > longest) text.resize(longest);
  return text;
}

void replay(const Harness& harness, const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  const auto run = [&](const std::string& text) {
    harness.run(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  };
  for (const auto& file : files) {
    std::cout << harness.name << ": " << file.filename().string() << std::endl;  // the last line names what failed
    corpus.push_back(read_file(file));
    run(corpus.back());
  }
  if (corpus.empty())
    throw Error(ExitCode::usage, directory.string() + " is empty; a harness needs an input to change");
  for (int i = 0; i < changes_a_harness; ++i) {
    Random random(1, stream_of(harness.name), static_cast<std::uint64_t>(i));
    const std::size_t at = static_cast<std::size_t>(i) % corpus.size();
    std::cout << '\r' << harness.name << ": " << files[at].filename().string() << ", changed, " << i << std::flush;
    run(changed(corpus[at], corpus, random));
  }
  std::cout << std::endl;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || words.size() > 2) throw Error(ExitCode::usage, "expected: fuzz_replay CORPUS [HARNESS]");
  int replayed = 0;
  for (const Harness& harness : harnesses)
    if (words.size() == 1 || words[1] == harness.name) {
      replay(harness, std::filesystem::path(words[0]) / harness.name);
      ++replayed;
    }
  if (replayed == 0) throw Error(ExitCode::usage, "there is no harness " + words.back());
  return 0;
} catch (const Error& error) {
  std::cerr << error.what() << '\n';
  return static_cast<int>(error.code());
}
