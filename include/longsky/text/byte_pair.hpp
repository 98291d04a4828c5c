// longsky/text/byte_pair.hpp — a byte-level byte-pair encoding with numbers cut in threes.
//
//   ids: 8 specials · 256 bytes · 00..99 · 000..999 · one for each merge
//
// A run of digits is cut from the left in groups of three and never merged; every other piece starts as its bytes, and
// the earliest learned merge that fits is applied until none does, at the leftmost place first (Sennrich et al., arXiv
// 1508.07909). Any bytes encode, and decoding gives the same bytes back. A piece of n bytes takes n log n steps.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/sealed_json.hpp>
#include <longsky/core/stop.hpp>
#include <longsky/text/pieces.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace longsky {

/// The tokenizer. Copies share one cache of encoded words; encode and decode may be called from any number of threads.
class BytePair {
 public:
  using Merge = std::pair<std::int32_t, std::int32_t>;
  static constexpr std::int32_t pad = 0, bos = 1, user = 2, assistant = 3, end = 4;
  static constexpr std::int32_t first_byte = 8, first_pair = 264, first_triple = 364, first_merge = 1364;
  static constexpr std::array<std::string_view, 8> specials = {"<pad>", "<bos>",        "<user>",       "<assistant>",
                                                               "<end>", "<reserved_0>", "<reserved_1>", "<reserved_2>"};

  static constexpr std::size_t longest_token = 256;  // bytes; merges that each double the last would fill any memory

  /// Each merge joins two tokens that are there before it, and makes the next id. Throws Error(corrupt) for one that
  /// does not, and for one that makes a token of more than `longest_token` bytes.
  explicit BytePair(std::vector<Merge> merges = {}) : merges_(std::move(merges)), cache_(std::make_shared<Cache>()) {
    tokens_.reserve(first_merge + merges_.size());
    for (std::string_view name : specials) tokens_.emplace_back(name);
    for (int b = 0; b < 256; ++b) tokens_.emplace_back(1, static_cast<char>(b));
    for (int i = 0; i < 100; ++i) tokens_.push_back(std::to_string(100 + i).substr(1));
    for (int i = 0; i < 1000; ++i) tokens_.push_back(std::to_string(1000 + i).substr(1));
    for (const auto& [a, b] : merges_) {
      const auto known = [&](std::int32_t id) {
        return id >= first_byte && static_cast<std::size_t>(id) < tokens_.size() &&
               (id < first_pair || id >= first_merge);
      };
      const auto id = static_cast<std::int32_t>(tokens_.size());
      if (!known(a) || !known(b) || !joins_.emplace(key(a, b), id).second)
        throw Error(ExitCode::corrupt, "merge " + std::to_string(id - first_merge) + " of the tokenizer joins " +
                                           std::to_string(a) + " and " + std::to_string(b) +
                                           "; expected two tokens made before it and not joined yet");
      std::string joined = tokens_[static_cast<std::size_t>(a)] + tokens_[static_cast<std::size_t>(b)];
      if (joined.size() > longest_token)
        throw Error(ExitCode::corrupt, "merge " + std::to_string(id - first_merge) +
                                           " of the tokenizer makes a token of " + std::to_string(joined.size()) +
                                           " bytes; expected at most " + std::to_string(longest_token));
      tokens_.push_back(std::move(joined));
    }
  }

  int vocab() const { return static_cast<int>(tokens_.size()); }

  /// Appends the tokens of `text`. Specials are never made from text, whatever it says.
  void encode(std::string_view text, std::vector<std::int32_t>& out) const {
    encode(text, out, [] {});
  }

  /// The same, and calls each() again and again while it does: what that throws ends it.
  template <class Each>
  void encode(std::string_view text, std::vector<std::int32_t>& out, Each&& each) const {
    std::unordered_map<std::string_view, Place> fresh;  // pieces that the cache lacks, and where in `out` they stand
    {
      const std::shared_lock lock(cache_->mutex);
      Joining joining;
      for_each_piece(text, [&](std::string_view piece) {
        each();
        if (is_digit(piece[0])) return encode_digits(piece, out);
        if (piece.size() == 1) return out.push_back(first_byte + static_cast<std::uint8_t>(piece[0]));
        if (const auto found = cache_->words.find(piece); found != cache_->words.end()) {
          out.insert(out.end(), found->second.begin(), found->second.end());
        } else if (const auto known = fresh.find(piece); known != fresh.end()) {
          for (std::size_t i = known->second.begin; i < known->second.end; ++i) out.push_back(out[i]);
        } else {
          const std::size_t begin = out.size();
          encode_piece(piece, joining, out, each);
          if (piece.size() <= longest_cached && fresh.size() < most_cached)
            fresh.emplace(piece, Place{begin, out.size()});
        }
      });
    }
    if (!fresh.empty()) remember(fresh, out);
  }

  std::vector<std::int32_t> encode(std::string_view text) const {
    std::vector<std::int32_t> out;
    encode(text, out);
    return out;
  }

  /// The bytes of the tokens; specials are written by name. Throws Error(usage) for an id outside the vocabulary.
  std::string decode(std::span<const std::int32_t> ids) const {
    std::string text;
    for (std::int32_t id : ids) text += token(id);
    return text;
  }

  std::string_view token(std::int32_t id) const {
    if (id < 0 || id >= vocab())
      throw Error(ExitCode::usage,
                  "there is no token " + std::to_string(id) + "; expected 0 to " + std::to_string(vocab() - 1));
    return tokens_[static_cast<std::size_t>(id)];
  }

  /// True for a whole word of at least four lower-case letters with its leading space.
  bool is_word(std::int32_t id) const {
    const std::string_view text = token(id);
    return text.size() >= 5 && text[0] == ' ' &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz", 1) == std::string_view::npos;
  }

  /// The tokenizer as JSON with a checksum.
  [[gnu::cold]] std::string text() const {
    std::vector<Json> merges;
    for (const auto& [left, right] : merges_) merges.push_back(std::vector<std::int32_t>{left, right});
    return sealed_text(Json::object({{"format", format}, {"version", 1}, {"vocab", vocab()}, {"merges", merges}})) +
           "\n";
  }

  /// Writes that to a file, at once and durably.
  [[gnu::cold]] void save(const std::filesystem::path& path) const { replace_file(path, text()); }

  /// Throws Error: usage where there is no file, corrupt for one that save() did not write, to the bit.
  [[gnu::cold]] static BytePair load(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error))
      throw Error(ExitCode::usage, "there is no tokenizer " + path.string() + "; train one first");
    const auto fail = [&](const std::string& what) {
      throw Error(ExitCode::corrupt, "tokenizer " + path.string() + " " + what + "; train it again");
    };
    std::string problem;
    const Json json = read_sealed(path, &problem);
    if (!json.is_object()) fail("cannot be used: " + problem);
    if (json["format"].get_or(std::string()) != format)
      fail("has no field \"format\": \"" + std::string(format) + "\"");
    if (json["version"].get_or(0) != 1) fail("has another version than 1");
    std::vector<Merge> merges;
    if (!json["merges"].is_array()) fail("has no array \"merges\"");
    for (const Json& pair : json["merges"].items()) {
      const auto id = [&](std::size_t side) { return pair.item(side).get_or<std::int32_t>(-1); };
      if (pair.size() != 2 || id(0) < 0 || id(1) < 0) fail("has a merge that is not a pair of token ids");
      merges.emplace_back(id(0), id(1));
    }
    if (json["vocab"].get_or<std::int64_t>(-1) != first_merge + static_cast<std::int64_t>(merges.size()))
      fail("has " + std::to_string(merges.size()) + " merges, which does not fit its field \"vocab\"");
    return BytePair(std::move(merges));
  }

  friend bool operator==(const BytePair& a, const BytePair& b) { return a.merges_ == b.merges_; }

 private:
  static constexpr const char* format = "longsky byte-pair encoding";

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  struct Cache {
    std::shared_mutex mutex;
    std::unordered_map<std::string, std::vector<std::int32_t>, Hash, std::equal_to<>> words;
  };
  static constexpr std::size_t most_cached = 1 << 18, longest_cached = 32;  // words, bytes: what is rare stays out

  struct KeyHash {
    std::size_t operator()(std::uint64_t key) const { return key * 0x9E3779B97F4A7C15u >> 16; }
  };
  struct Place {  // a part of the tokens that are being made
    std::size_t begin, end;
  };
  struct Candidate {  // a merge that may be applied at a place
    std::int32_t id;
    std::size_t at;
    friend auto operator<=>(const Candidate&, const Candidate&) = default;
  };
  struct Joining {  // a piece as a list of tokens, each at the place of its first byte; kept to use its memory again
    std::vector<std::int32_t> ids;
    std::vector<std::size_t> before, next;
    std::vector<Candidate> candidates;  // a heap with the earliest merge, and of it the leftmost place, on top
  };

  static std::uint64_t key(std::int32_t a, std::int32_t b) {
    return static_cast<std::uint64_t>(a) << 32 | static_cast<std::uint32_t>(b);
  }

  static void encode_digits(std::string_view digits, std::vector<std::int32_t>& out) {
    for (std::size_t i = 0; i < digits.size(); i += 3) {
      const std::string_view group = digits.substr(i, 3);
      std::int32_t value = 0;
      for (char c : group) value = value * 10 + (c - '0');
      out.push_back(group.size() == 3   ? first_triple + value
                    : group.size() == 2 ? first_pair + value
                                        : first_byte + '0' + value);
    }
  }

  template <class Each>
  void encode_piece(std::string_view piece, Joining& list, std::vector<std::int32_t>& out, Each&& each) const {
    const std::size_t n = piece.size();
    list.ids.resize(n), list.before.resize(n), list.next.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      list.ids[i] = first_byte + static_cast<std::uint8_t>(piece[i]);
      list.before[i] = i - 1;
      list.next[i] = i + 1;
    }
    const auto pair_at = [&](std::size_t i) {
      return Merge{list.ids[i], list.next[i] < n ? list.ids[list.next[i]] : -1};
    };
    const auto offer = [&](std::size_t i) {
      each();
      const Merge pair = pair_at(i);
      const auto found = joins_.find(key(pair.first, pair.second));
      if (found == joins_.end()) return;
      list.candidates.push_back({found->second, i});
      std::push_heap(list.candidates.begin(), list.candidates.end(), std::greater<>());
    };
    list.candidates.clear();
    for (std::size_t i = 0; i + 1 < n; ++i) offer(i);
    while (!list.candidates.empty()) {
      std::pop_heap(list.candidates.begin(), list.candidates.end(), std::greater<>());
      const auto [id, at] = list.candidates.back();
      list.candidates.pop_back();
      if (merges_[static_cast<std::size_t>(id - first_merge)] != pair_at(at)) continue;  // joined to others since
      const std::size_t gone = list.next[at];
      list.ids[at] = id;
      list.ids[gone] = -1;
      list.next[at] = list.next[gone];
      if (list.next[at] < n) list.before[list.next[at]] = at;
      if (at > 0) offer(list.before[at]);
      offer(at);
    }
    for (std::size_t i = 0; i < n; i = list.next[i]) out.push_back(list.ids[i]);
  }

  void remember(const std::unordered_map<std::string_view, Place>& fresh, const std::vector<std::int32_t>& out) const {
    const std::unique_lock lock(cache_->mutex);
    for (const auto& [piece, place] : fresh) {
      if (cache_->words.size() >= most_cached) return;
      const auto at = [&](std::size_t i) { return out.begin() + static_cast<std::ptrdiff_t>(i); };
      cache_->words.try_emplace(std::string(piece), at(place.begin), at(place.end));
    }
  }

  std::vector<Merge> merges_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::uint64_t, std::int32_t, KeyHash> joins_;
  std::shared_ptr<Cache> cache_;
};

}  // namespace longsky
