// Byte pairs: against an encoder and a trainer that do the definition step by step; files, hostile ones too; threads.
#include "support/catch.hpp"
#include "support/scratch_directory.hpp"

#include <longsky/text/byte_pair_training.hpp>

#include <longsky/core/random.hpp>
#include <longsky/core/sealed_json.hpp>
#include <longsky/core/signals.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

std::string sample_text(int words) {
  Random random(7, stream_of("text"), 0);
  std::string text;
  for (int i = 0; i < words; ++i) {
    text += random.chance(0.1f) ? ". " : " ";
    for (int s = random.between(1, 3); s > 0; --s)
      text += random.pick(std::vector<std::string>{"ba", "ke", "lo", "mi", "nu", "ba", "ban"});
    if (random.chance(0.1f)) text += " " + std::to_string(random.below(100000));
  }
  return text;
}

PieceCounts counted(const std::string& text) {
  PieceCounts counts;
  count_pieces(text, counts);
  return counts;
}

/// The definition: count all pairs of all pieces, join the most frequent one (the last by its bytes among equals)
/// unless its bytes are a token already or too many, again; until `merges` are made or no pair occurs twice.
std::vector<std::string> merged_by_definition(const PieceCounts& counts, int merges) {
  std::vector<std::pair<std::vector<std::string>, std::int64_t>> words;
  for (const auto& [piece, count] : counts) {
    if (is_digit(piece[0])) continue;
    words.push_back({{}, count});
    for (char c : piece) words.back().first.emplace_back(1, c);
  }
  std::vector<std::string> out;
  std::set<std::pair<std::string, std::string>> refused;
  while (static_cast<int>(out.size()) < merges) {
    std::map<std::pair<std::string, std::string>, std::int64_t> pairs;
    for (const auto& [symbols, count] : words)
      for (std::size_t i = 0; i + 1 < symbols.size(); ++i) pairs[{symbols[i], symbols[i + 1]}] += count;
    auto best = pairs.end();
    for (auto it = pairs.begin(); it != pairs.end(); ++it)
      if (it->second > 1 && !refused.contains(it->first) && (best == pairs.end() || it->second >= best->second))
        best = it;
    if (best == pairs.end()) return out;
    const std::string made = best->first.first + best->first.second;
    if (made.size() > BytePair::longest_token || std::count(out.begin(), out.end(), made) > 0) {
      refused.insert(best->first);
      continue;
    }
    out.push_back(made);
    for (auto& [symbols, count] : words) {
      std::vector<std::string> joined;
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        const bool match =
            i + 1 < symbols.size() && symbols[i] == best->first.first && symbols[i + 1] == best->first.second;
        joined.push_back(match ? out.back() : symbols[i]);
        i += match ? 1 : 0;
      }
      symbols = joined;
    }
  }
  return out;
}

using Ids = std::vector<std::int32_t>;
using Merges = std::vector<BytePair::Merge>;

/// The definition of encoding one piece: the earliest merge that fits anywhere, at its leftmost place, until none does.
Ids encoded_by_definition(const Merges& merges, const std::string& piece) {
  Ids ids;
  for (char c : piece) ids.push_back(BytePair::first_byte + static_cast<std::uint8_t>(c));
  for (std::size_t m = 0; m < merges.size();) {
    std::size_t i = 0;
    while (i + 1 < ids.size() && BytePair::Merge{ids[i], ids[i + 1]} != merges[m]) ++i;
    if (i + 1 >= ids.size()) {
      ++m;
      continue;
    }
    ids[i] = BytePair::first_merge + static_cast<std::int32_t>(m);
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    m = 0;
  }
  return ids;
}

std::string random_letters(Random& random, int length, std::string_view letters) {
  std::string out;
  while (static_cast<int>(out.size()) < length)
    out += letters[random.below(static_cast<std::uint32_t>(letters.size()))];
  return out;
}

Merges random_merges(Random& random, int wanted) {
  Merges merges;
  std::vector<std::int32_t> tokens = {8 + 'a', 8 + 'b', 8 + 'c'};
  std::map<std::int32_t, std::size_t> sizes = {{tokens[0], 1}, {tokens[1], 1}, {tokens[2], 1}};
  while (static_cast<int>(merges.size()) < wanted) {
    const BytePair::Merge merge = {random.pick(tokens), random.pick(tokens)};
    const std::size_t size = sizes[merge.first] + sizes[merge.second];
    if (size > 12 || std::count(merges.begin(), merges.end(), merge) > 0) continue;
    tokens.push_back(BytePair::first_merge + static_cast<std::int32_t>(merges.size()));
    sizes[tokens.back()] = size;
    merges.push_back(merge);
  }
  return merges;
}

}  // namespace

TEST_CASE("encoding joins what the definition joins, whatever the letters and the merges") {
  Random random(3, stream_of("pieces"), 0);
  for (int round = 0; round < 60; ++round) {
    const Merges merges = random_merges(random, random.between(1, 30));
    const BytePair tokenizer(merges);
    for (const std::string_view letters : {"a", "ab", "abc"})
      for (const int length : {2, 3, 4, 5, 7, 31, 32, 33, 100}) {
        const std::string piece = random_letters(random, length, letters);
        CHECK(tokenizer.encode(piece) == encoded_by_definition(merges, piece));
        CHECK(tokenizer.encode(piece) == encoded_by_definition(merges, piece));  // from the cache, too
      }
  }
}

TEST_CASE("training joins what the definition joins, in runs without a blank too") {
  Random random(4, stream_of("runs"), 0);
  for (int round = 0; round < 40; ++round)
    for (const std::string_view letters : {"a", "ab", "abcz"}) {
      std::string text;
      for (int pieces = random.between(1, 4); pieces > 0; --pieces)
        text += random_letters(random, random.between(2, 150), letters) + ',';
      if (round == 0) text = random_letters(random, 900, letters);  // tokens reach their longest
      const PieceCounts counts = counted(text);
      const std::vector<std::string> expected = merged_by_definition(counts, 60);
      const int made = static_cast<int>(expected.size());
      const BytePair tokenizer = train_byte_pair(counts, BytePair::first_merge + made);
      std::vector<std::string> got;
      for (int i = 0; i < made; ++i) got.emplace_back(tokenizer.token(BytePair::first_merge + i));
      CHECK(got == expected);
      if (made < 60)
        CHECK_THROWS_WITH(train_byte_pair(counts, BytePair::first_merge + made + 1), Contains("too short"));
    }
}

TEST_CASE("a word of a quarter of a million letters is learned from and encoded") {
  // The square of this length would be minutes, and the steps are counted besides.
  Random random(5, stream_of("long"), 0);
  const std::string run = random_letters(random, 1 << 18, "abcdefgh");
  const BytePair tokenizer = train_byte_pair(counted(run), BytePair::first_merge + 200);
  CHECK(tokenizer.decode(tokenizer.encode(run)) == run);
  const auto steps = [&](std::size_t length) {
    std::int64_t n = 0;
    Ids out;
    tokenizer.encode(std::string_view(run).substr(0, length), out, [&] { ++n; });
    return n;
  };
  const std::int64_t once = steps(1 << 16);
  CHECK(steps(1 << 17) < 2.1 * static_cast<double>(once));
  CHECK(steps(1 << 18) < 4.2 * static_cast<double>(once));
  CHECK(tokenizer.decode(tokenizer.encode(std::string(1 << 18, 'a'))) == std::string(1 << 18, 'a'));
}

TEST_CASE("a stop is heard while the tokenizer is learned and while it encodes") {
  Random random(6, stream_of("stop"), 0);
  const PieceCounts counts = counted(random_letters(random, 1 << 14, "abcdefgh"));
  const StopSignals signals;
  CHECK(train_byte_pair(counts, BytePair::first_merge + 10).vocab() == BytePair::first_merge + 10);
  raise(SIGTERM);
  PieceCounts more;
  CHECK_THROWS_WITH(train_byte_pair(counts, BytePair::first_merge + 10), Contains("stopped while learning"));
  CHECK_THROWS_WITH(count_pieces(std::string(5000, ','), more), Contains("stopped while counting"));
  CHECK(more.size() <= 1);
  Ids out;
  StopHeeder heed("encoding");
  CHECK_THROWS_WITH(BytePair().encode(std::string(1 << 20, ','), out, heed), Contains("stopped while encoding"));
  CHECK(out.size() < 5000);
  out.clear();
  BytePair().encode(std::string(1 << 14, ','), out);  // a step that is under way is not given up
  CHECK(out.size() == 1 << 14);
}

TEST_CASE("training joins what the definition joins") {
  const PieceCounts counts = counted(sample_text(2000));
  const BytePair tokenizer = train_byte_pair(counts, BytePair::first_merge + 40);
  const std::vector<std::string> expected = merged_by_definition(counts, 40);
  REQUIRE(tokenizer.vocab() == BytePair::first_merge + 40);
  for (int i = 0; i < 40; ++i)
    CHECK(tokenizer.token(BytePair::first_merge + i) == expected[static_cast<std::size_t>(i)]);
}

TEST_CASE("a text too short for the vocabulary is an error in words") {
  CHECK_THROWS_WITH(train_byte_pair(counted("one line, no more"), 3000),
                    Contains("too short") && Contains("add books"));
  CHECK_THROWS_WITH(train_byte_pair(counted("x"), 100), Contains("expected at least 1364"));
}

TEST_CASE("encoding and decoding") {
  const std::string text = sample_text(2000);
  const BytePair tokenizer = train_byte_pair(counted(text), BytePair::first_merge + 60);

  SECTION("text comes back, from a cold and a warm cache alike") {
    const auto cold = tokenizer.encode(text);
    CHECK(tokenizer.decode(cold) == text);
    CHECK(tokenizer.encode(text) == cold);
    CHECK(cold.size() < text.size() / 2);
  }
  SECTION("any bytes come back") {
    Random random(1, stream_of("bytes"), 0);
    for (int round = 0; round < 100; ++round) {
      std::string bytes;
      for (int i = 0; i < 64; ++i) bytes += static_cast<char>(random.below(256));
      CHECK(tokenizer.decode(tokenizer.encode(bytes)) == bytes);
    }
  }
  SECTION("numbers are cut in threes from the left") {
    using T = std::vector<std::int32_t>;
    CHECK(tokenizer.encode("482913") == T{BytePair::first_triple + 482, BytePair::first_triple + 913});
    CHECK(tokenizer.encode("0070") == T{BytePair::first_triple + 7, BytePair::first_byte + '0'});
    CHECK(tokenizer.encode("00109") == T{BytePair::first_triple + 1, BytePair::first_pair + 9});
  }
  SECTION("no text makes a special") {
    for (std::int32_t id : tokenizer.encode("<pad><bos><user><assistant><end>")) CHECK(id >= BytePair::first_byte);
    CHECK(tokenizer.decode(std::vector<std::int32_t>{BytePair::user, BytePair::end}) == "<user><end>");
  }
  SECTION("joined pieces have joined tokens") {
    auto ab = tokenizer.encode(" bake:");
    const auto b = tokenizer.encode(" 123456\n");
    ab.insert(ab.end(), b.begin(), b.end());
    CHECK(tokenizer.encode(" bake: 123456\n") == ab);
  }
  SECTION("a word is a space and four lower-case letters or more") {
    const BytePair joins({{8 + ' ', 8 + 'a'}, {1364, 8 + 'b'}, {1365, 8 + 'c'}, {1366, 8 + 'd'}, {1366, 8 + 'D'}});
    CHECK(joins.token(1367) == " abcd");
    CHECK(joins.is_word(1367));
    CHECK_FALSE(joins.is_word(1366));
    CHECK_FALSE(joins.is_word(1368));
    CHECK_FALSE(joins.is_word(BytePair::bos));
    CHECK_THROWS_WITH(joins.token(1369), Contains("expected 0 to 1368"));
    CHECK_THROWS_WITH(joins.token(-1), Contains("there is no token -1"));
  }
}

TEST_CASE("many threads may encode with one tokenizer", "[threads]") {
  const std::string text = sample_text(3000);
  const BytePair tokenizer = train_byte_pair(counted(text), BytePair::first_merge + 60);
  const auto expected = BytePair(tokenizer).encode(text);
  const BytePair cold = train_byte_pair(counted(text), BytePair::first_merge + 60);
  std::vector<std::vector<std::int32_t>> got(4);
  {
    std::vector<std::jthread> threads;
    for (auto& out : got) threads.emplace_back([&] { cold.encode(text, out); });
  }
  for (const auto& out : got) CHECK(out == expected);
}

TEST_CASE("a tokenizer comes back from its file, and a damaged file is answered in words") {
  const ScratchDirectory folder;
  const auto path = folder.path() / "tokenizer.json";
  const BytePair tokenizer = train_byte_pair(counted(sample_text(500)), BytePair::first_merge + 10);
  tokenizer.save(path);
  CHECK(BytePair::load(path) == tokenizer);

  const auto with = [&](const std::string& contents) {
    std::ofstream(path) << contents;
    return path;
  };
  CHECK_THROWS_WITH(BytePair::load(folder.path() / "none.json"), Contains("there is no tokenizer"));
  CHECK_THROWS_WITH(tokenizer.save(folder.path() / "none" / "t.json"), Contains("t.json"));
  CHECK_THROWS_WITH(BytePair::load(with("")), Contains("cannot be used"));
  CHECK_THROWS_WITH(BytePair::load(with("[1]\n")), Contains("no checksum"));
  const auto sealed = [&](const std::string& members) {
    std::string before = "{" + members + (members.empty() ? "" : ",");
    return with(before + sealed::seal(before, false) + "\n");
  };
  CHECK_THROWS_WITH(BytePair::load(sealed("")), Contains("\"format\""));
  const std::string start = "\"format\":\"longsky byte-pair encoding\",";
  CHECK_THROWS_WITH(BytePair::load(sealed(start + "\"version\":2")), Contains("version"));
  CHECK_THROWS_WITH(BytePair::load(sealed(start + "\"version\":1")), Contains("\"merges\""));
  const auto merges = [&](const std::string& list, int vocab) {
    return sealed(start + "\"version\":1,\"vocab\":" + std::to_string(vocab) + ",\"merges\":" + list);
  };
  CHECK(BytePair::load(merges("[[40,105]]", 1365)).vocab() == 1365);
  CHECK_THROWS_WITH(BytePair::load(merges("[[40,105]]", 1366)), Contains("\"vocab\""));
  for (const char* bad : {"[[40]]", "[[40,\"a\"]]", "[[40,-1]]", "[[40,1.5]]", "[[40,99999999999]]", "[7]"})
    CHECK_THROWS_WITH(BytePair::load(merges(bad, 1365)), Contains("not a pair of token ids"));
  for (const char* bad : {"[[40,1364]]", "[[40,3]]", "[[40,300]]"})
    CHECK_THROWS_WITH(BytePair::load(merges(bad, 1365)), Contains("made before it"));
  CHECK_THROWS_WITH(BytePair::load(merges("[[40,41],[40,41]]", 1366)), Contains("not joined yet"));

  std::string doubling = "[[40,40]";
  for (int i = 0; i < 27; ++i) doubling += ",[" + std::to_string(1364 + i) + "," + std::to_string(1364 + i) + "]";
  CHECK_THROWS_WITH(BytePair::load(merges(doubling + "]", 1392)),
                    Contains("merge 8 of the tokenizer makes a token of 512 bytes; expected at most 256"));
  REQUIRE(::mkfifo((folder / "pipe.json").c_str(), 0600) == 0);
  CHECK_THROWS_AS(BytePair::load(folder / "pipe.json"), Error);
}

TEST_CASE("a tokenizer's file that was cut, or in which a bit was flipped, is refused") {
  const ScratchDirectory folder;
  const auto path = folder / "tokenizer.json";
  const BytePair tokenizer = train_byte_pair(counted(sample_text(500)), BytePair::first_merge + 10);
  tokenizer.save(path);
  const std::string whole = read_file(path);
  CHECK(whole == tokenizer.text());
  const auto refused = [&](const std::string& contents) {
    std::ofstream(path, std::ios::binary) << contents;
    try {
      BytePair::load(path);
    } catch (const Error& error) {
      return error.code() == ExitCode::corrupt;
    }
    return false;
  };
  for (std::size_t n = 0; n < whole.size(); n += 7) CHECK(refused(whole.substr(0, n)));
  int accepted = 0;
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    accepted += refused(damaged) ? 0 : 1;
  }
  CHECK(accepted == 0);
}
