// longsky/text/byte_pair_training.hpp — learns a byte-pair encoding: the most frequent pair becomes a token, again and
// again.
//
// Counts are kept by pair, with the words in which a pair occurs, and the best pair is the top of a heap whose stale
// entries are put back when they surface. Ties go to the pair that sorts last, so the result depends on the text alone.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/text/byte_pair.hpp>

#include <cstdint>
#include <queue>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace longsky {

/// How often each piece of text occurs.
using PieceCounts = std::unordered_map<std::string, std::int64_t>;

inline void count_pieces(std::string_view text, PieceCounts& counts) {
  std::string piece;
  for_each_piece(text, [&](std::string_view p) { ++counts[piece.assign(p)]; });
}

/// Learns a tokenizer of exactly `vocab` tokens. Throws Error(usage) if the text is too short for that many.
class BytePairTrainer {
 public:
  explicit BytePairTrainer(const PieceCounts& pieces) {
    for (int b = 0; b < 256; ++b) strings_.emplace_back(1, static_cast<char>(b));
    taken_.insert(strings_.begin(), strings_.end());
    for (const auto& [piece, count] : pieces) {
      if (is_digit(piece[0]) || piece.size() < 2) continue;
      Word word{{}, count};
      for (char c : piece) word.symbols.push_back(static_cast<std::uint8_t>(c));
      words_.push_back(std::move(word));
    }
    for (std::size_t w = 0; w < words_.size(); ++w) count_pairs(w, 1);
    for (const auto& [pair, occurrence] : pairs_) push(pair, occurrence.count);
  }

  BytePair train(int vocab) {
    const int wanted = vocab - BytePair::first_merge;
    if (wanted < 0)
      throw Error(ExitCode::usage, "a vocabulary of " + std::to_string(vocab) +
                                       " tokens was asked for; expected at least " +
                                       std::to_string(BytePair::first_merge) + " (specials, bytes and numbers)");
    std::vector<BytePair::Merge> merges;
    while (static_cast<int>(merges.size()) < wanted) {
      const Pair best = pop(wanted, static_cast<int>(merges.size()));
      std::string joined = strings_[best.first] + strings_[best.second];
      if (!taken_.insert(joined).second) continue;  // the same bytes came about by another way: one token is enough
      merges.emplace_back(token(best.first), token(best.second));
      strings_.push_back(std::move(joined));
      apply(best, static_cast<Symbol>(strings_.size() - 1));
    }
    return BytePair(std::move(merges));
  }

 private:
  using Symbol = std::uint32_t;
  using Pair = std::pair<Symbol, Symbol>;
  struct PairHash {
    std::size_t operator()(Pair p) const { return (std::uint64_t{p.first} << 32 | p.second) * 0x9E3779B97F4A7C15u; }
  };
  struct Word {
    std::vector<Symbol> symbols;
    std::int64_t count;
  };
  struct Occurrence {
    std::int64_t count = 0;
    std::vector<std::size_t> words;  // may hold a word twice, or one that has lost the pair since
  };
  struct Candidate {
    std::int64_t count;
    Pair pair;
    const BytePairTrainer* trainer;
    bool operator<(const Candidate& other) const {
      const auto& s = trainer->strings_;
      return std::tie(count, s[pair.first], s[pair.second]) <
             std::tie(other.count, s[other.pair.first], s[other.pair.second]);
    }
  };

  static std::int32_t token(Symbol s) {
    return static_cast<std::int32_t>(s) + (s < 256 ? BytePair::first_byte : BytePair::first_merge - 256);
  }

  void push(Pair pair, std::int64_t count) { heap_.push({count, pair, this}); }

  Pair pop(int wanted, int done) {
    while (!heap_.empty()) {
      const Candidate top = heap_.top();
      heap_.pop();
      const std::int64_t now = pairs_[top.pair].count;
      if (now < 2) continue;
      if (now == top.count) return top.pair;
      push(top.pair, now);
    }
    throw Error(ExitCode::usage, "the text is too short to learn " + std::to_string(wanted) +
                                     " merges of the tokenizer, only " + std::to_string(done) +
                                     " pairs occur twice; add books or ask for a smaller vocabulary");
  }

  void count_pairs(std::size_t w, int sign) {
    const auto& symbols = words_[w].symbols;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      Occurrence& occurrence = pairs_[{symbols[i], symbols[i + 1]}];
      occurrence.count += sign * words_[w].count;
      if (sign > 0) occurrence.words.push_back(w);
    }
  }

  void apply(Pair pair, Symbol joined) {
    const std::vector<std::size_t> where = std::move(pairs_[pair].words);
    for (std::size_t w : where) {
      auto& symbols = words_[w].symbols;
      bool there = false;
      for (std::size_t i = 0; i + 1 < symbols.size() && !there; ++i) there = Pair{symbols[i], symbols[i + 1]} == pair;
      if (!there) continue;
      count_pairs(w, -1);
      std::size_t kept = 0;
      for (std::size_t i = 0; i < symbols.size(); ++i) {
        const bool match = i + 1 < symbols.size() && Pair{symbols[i], symbols[i + 1]} == pair;
        symbols[kept++] = match ? joined : symbols[i];
        i += match ? 1 : 0;
      }
      symbols.resize(kept);
      count_pairs(w, 1);
      for (std::size_t i = 0; i + 1 < kept; ++i)
        if (symbols[i] == joined || symbols[i + 1] == joined) fresh_.insert({symbols[i], symbols[i + 1]});
    }
    for (Pair p : fresh_) push(p, pairs_[p].count);
    fresh_.clear();
    pairs_.erase(pair);
  }

  std::vector<std::string> strings_;
  std::unordered_set<std::string> taken_;
  std::vector<Word> words_;
  std::unordered_map<Pair, Occurrence, PairHash> pairs_;
  std::unordered_set<Pair, PairHash> fresh_;
  std::priority_queue<Candidate> heap_;
};

/// A tokenizer of exactly `vocab` tokens, learned on the pieces that were counted.
inline BytePair train_byte_pair(const PieceCounts& pieces, int vocab) { return BytePairTrainer(pieces).train(vocab); }

}  // namespace longsky
