// bench/text/readers_bench.cpp — every reader and builder between a file and tokens, at n, 2n and 4n bytes of what is
// worst for it: bytes a second that stay the same are work in proportion.
//
//   build/native/bench/bench_text
#include <longsky/core/json.hpp>
#include <longsky/core/random.hpp>
#include <longsky/core/sealed_json.hpp>
#include <longsky/eval/loss_curve.hpp>
#include <longsky/io/safetensors.hpp>
#include <longsky/text/books.hpp>
#include <longsky/text/library.hpp>
#include <longsky/train/corpus.hpp>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace longsky;

struct TemporaryFile {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("bench_text." + std::to_string(::getpid()));
  ~TemporaryFile() { std::filesystem::remove(path); }
};

std::string letters(std::size_t n) {
  Random random(1, stream_of("letters"), 0);
  std::string out;
  while (out.size() < n) out += static_cast<char>('a' + random.below(16));
  return out;
}

std::string word(Random& random) {
  std::string out;
  for (int i = random.between(3, 9); i > 0; --i) out += static_cast<char>('a' + random.below(8));
  return out;
}

/// Half of its words are of two hundred, the others are met once.
std::string prose(std::size_t n) {
  Random random(2, stream_of("prose"), 0);
  std::vector<std::string> common(200);
  for (std::string& one : common) one = word(random);
  std::string out;
  while (out.size() < n)
    out += (random.chance(0.5f) ? random.pick(common) : word(random)) + (random.chance(0.1f) ? ".\n" : " ");
  return out;
}

std::string repeated(std::string_view part, std::size_t n) {
  std::string out;
  while (out.size() < n) out += part;
  return out;
}

std::string big_endian(std::uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8), static_cast<char>(n)};
}

PieceCounts counted(std::string_view text) {
  PieceCounts counts;
  count_pieces(text, counts);
  return counts;
}

/// A file that holds `contents` until it is written again.
std::filesystem::path file_of(std::string_view contents) {
  static const TemporaryFile file;
  replace_file(file.path, contents);
  return file.path;
}

/// Registers `work(input(n))`, timed without the making of the input.
template <class Input, class Work>
void add(const char* name, const Input& input, const Work& work) {
  benchmark::RegisterBenchmark(name,
                               [=](benchmark::State& state) {
                                 const auto made = input(static_cast<std::size_t>(state.range(0)));
                                 for (auto _ : state) benchmark::DoNotOptimize(work(made));
                                 state.SetBytesProcessed(state.iterations() * state.range(0));
                               })
      ->Arg(1 << 18)
      ->Arg(1 << 19)
      ->Arg(1 << 20)
      ->Unit(benchmark::kMillisecond);
}

const bool added = [] {
  add(
      "unwrapped.markers", [](std::size_t n) { return repeated("*** START OF THE x\n", n); }, unwrapped);
  add(
      "unwrapped.marks", [](std::size_t n) { return repeated("\xEF\xBB\xBF \n", n); }, unwrapped);
  add("checked_text.prose", prose, [](const std::string& text) { return checked_text(text, "it"); });
  add(
      "r_object.nils",
      [](std::size_t n) {
        return "X\n" + big_endian(2) + big_endian(0) + big_endian(0) + big_endian(19) +
               big_endian(static_cast<std::uint32_t>(n / 4)) + repeated(big_endian(254), n);
      },
      [](const std::string& data) { return RReader(data, "it").text(); });
  add(
      "pieces.blanks", [](std::size_t n) { return repeated(" ", n); },
      [](const std::string& text) {
        std::size_t pieces = 0;
        for_each_piece(text, [&](std::string_view) { ++pieces; });
        return pieces;
      });
  static const BytePair tokenizer = train_byte_pair(counted(letters(1 << 16)), BytePair::first_merge + 1000);
  add("encode.one_word", letters, [](const std::string& text) { return tokenizer.encode(text); });
  add("count_pieces.prose", prose, counted);
  const auto learned = [](const PieceCounts& counts) { return train_byte_pair(counts, BytePair::first_merge + 400); };
  add(
      "train.one_word", [](std::size_t n) { return counted(letters(n)); }, learned);
  add(
      "train.prose", [](std::size_t n) { return counted(prose(n)); }, learned);
  add(
      "make_corpus.prose",
      [](std::size_t n) {
        return std::vector<Book>{{"one", prose(n / 2)}, {"two", prose(n / 2 + 1)}};
      },
      [](const std::vector<Book>& books) {
        return make_corpus(make_tokenizer(books, "two", BytePair::first_merge + 400), books, "two", 0).vocab;
      });
  add(
      "json.numbers", [](std::size_t n) { return "[0" + repeated(",123", n) + "]"; },
      [](const std::string& text) { return Json::parse(text).size(); });
  add(
      "safetensors.header",
      [](std::size_t n) {
        std::string header = "{\"t\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
        for (int i = 0; header.size() < n; ++i)
          header += ",\"t" + std::to_string(i) + "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";
        header += "}";
        const std::uint64_t size = header.size();
        return file_of(std::string(reinterpret_cast<const char*>(&size), sizeof size) + header);
      },
      [](const auto& path) { return read_safetensors_header(path).tensors.size(); });
  add(
      "metrics.lines",
      [](std::size_t n) {
        std::string lines;
        for (int step = 1; lines.size() < n; ++step) {
          const std::string line = "{\"step\":" + std::to_string(step) + ",\"stage\":\"pretrain\",\"loss\":1.5";
          lines += line + sealed::seal(line, false) + "\n";
        }
        return file_of(lines);
      },
      [](const auto& path) { return read_loss_curves(path, [](const std::string&) {}).size(); });
  return true;
}();

}  // namespace
