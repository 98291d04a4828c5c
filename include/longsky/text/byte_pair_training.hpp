// longsky/text/byte_pair_training.hpp — learns a byte-pair encoding: the most frequent pair becomes a token, again and
// again.
//
// All pieces are one list of symbols. Counts are kept by pair, with the places where a pair occurs, and the best pair
// is the top of a heap whose stale entries are put back when they surface: a pair never becomes more frequent once it
// has been counted. So n bytes take n log n steps, whatever they are. Ties go to the pair that sorts last, so the
// result depends on the text alone.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/stop.hpp>
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
  heed_stop("counting the words of the books");
  StopHeeder heed("counting the words of the books");
  for_each_piece(text, [&](std::string_view p) {
    heed();
    ++counts[piece.assign(p)];
  });
}

/// Learns a tokenizer of exactly `vocab` tokens. Throws Error: usage if the text is too short for that many, stopped
/// when the run is asked to stop.
class BytePairTrainer {
 public:
  explicit BytePairTrainer(const PieceCounts& pieces) {
    for (int b = 0; b < 256; ++b) strings_.emplace_back(1, static_cast<char>(b));
    taken_.insert(strings_.begin(), strings_.end());
    for (const auto& [piece, count] : pieces) {
      if (is_digit(piece[0]) || piece.size() < 2) continue;
      if (piece.size() >= none - nodes_.size())
        throw Error(ExitCode::usage, "the books' different words have more than 4 GiB together; use fewer books");
      const auto first = static_cast<Place>(nodes_.size()), end = static_cast<Place>(first + piece.size());
      for (Place at = first; at < end; ++at) {
        const auto symbol = static_cast<Symbol>(static_cast<std::uint8_t>(piece[at - first]));
        nodes_.push_back({symbol, at > first ? at - 1 : none, at + 1 < end ? at + 1 : none,
                          static_cast<std::uint32_t>(counts_.size())});
      }
      counts_.push_back(count);
    }
    for (Place at = 0; at < nodes_.size(); ++at) {
      heed_();
      count_pair(at);
    }
    for (const auto& [pair, occurrence] : pairs_) push(pair, occurrence.count);
  }

  BytePair train(int vocab) {
    heed_stop("learning the tokenizer");
    const int wanted = vocab - BytePair::first_merge;
    if (wanted < 0)
      throw Error(ExitCode::usage, "a vocabulary of " + std::to_string(vocab) +
                                       " tokens was asked for; expected at least " +
                                       std::to_string(BytePair::first_merge) + " (specials, bytes and numbers)");
    std::vector<BytePair::Merge> merges;
    while (static_cast<int>(merges.size()) < wanted) {
      const Pair best = pop(wanted, static_cast<int>(merges.size()));
      std::string joined = strings_[best.first] + strings_[best.second];
      if (joined.size() > BytePair::longest_token) continue;
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
  using Place = std::uint32_t;
  static constexpr Place none = 0xffffffff;
  struct Node {  // a symbol, at the place of its first byte
    Symbol symbol;
    Place before, next;  // within its piece
    std::uint32_t piece;
  };
  struct Occurrence {
    std::int64_t count = 0;
    std::vector<Place> places;  // of its first symbols, from left to right; some may have lost the pair since
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

  Pair pair_at(Place at) const {
    const Place next = nodes_[at].next;
    return {nodes_[at].symbol, next == none ? none : nodes_[next].symbol};
  }

  void count_pair(Place at) {
    if (nodes_[at].next == none) return;
    Occurrence& occurrence = pairs_[pair_at(at)];
    occurrence.count += counts_[nodes_[at].piece];
    occurrence.places.push_back(at);
  }

  void uncount_pair(Place at) {
    if (nodes_[at].next != none) pairs_[pair_at(at)].count -= counts_[nodes_[at].piece];
  }

  void apply(Pair pair, Symbol joined) {
    const std::vector<Place> places = std::move(pairs_[pair].places);
    for (const Place at : places) {
      heed_();
      Node& node = nodes_[at];
      if (pair_at(at) != pair) continue;
      const Place gone = node.next;
      if (node.before != none) uncount_pair(node.before);
      uncount_pair(at);
      uncount_pair(gone);
      node.symbol = joined;
      node.next = nodes_[gone].next;
      nodes_[gone].symbol = none;
      if (node.next != none) nodes_[node.next].before = at;
      for (const Place left : {node.before, at})
        if (left != none && nodes_[left].next != none) {
          count_pair(left);
          fresh_.insert(pair_at(left));
        }
    }
    for (Pair p : fresh_)
      if (const std::int64_t count = pairs_[p].count; count > 1) push(p, count);
    fresh_.clear();
    pairs_.erase(pair);
  }

  std::vector<std::string> strings_;
  std::unordered_set<std::string> taken_;
  std::vector<Node> nodes_;
  std::vector<std::int64_t> counts_;  // how often each piece occurs
  std::unordered_map<Pair, Occurrence, PairHash> pairs_;
  std::unordered_set<Pair, PairHash> fresh_;
  std::priority_queue<Candidate> heap_;
  StopHeeder heed_{"learning the tokenizer"};
};

/// A tokenizer of exactly `vocab` tokens, learned on the pieces that were counted.
inline BytePair train_byte_pair(const PieceCounts& pieces, int vocab) { return BytePairTrainer(pieces).train(vocab); }

}  // namespace longsky
