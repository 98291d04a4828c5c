// longsky/data/corpus.hpp — everything data policies are made of: tokenized books, words to ask for, how to encode.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/random.hpp>
#include <longsky/data/source.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace longsky {

using Tokens = std::vector<std::int32_t>;

/// A book as tokens.
struct TokenDocument {
  std::string name;
  Tokens tokens;
};

/// The tokens that text never makes.
struct SpecialTokens {
  std::int32_t pad = 0, bos = 1, user = 2, assistant = 3, end = 4;
};

/// Words by which rows and facts are called, each with its leading space: " zebra".
struct KeyPool {
  std::vector<std::string> words;  ///< one token each
  std::vector<std::string> names;  ///< two or three tokens each
  float name_share = 0.4f;         ///< how many keys are names
  float pair_share = 0.25f;        ///< how many are two words; the rest is one word

  std::string draw(Random& random) const {
    const float kind = random.uniform();
    if (kind < name_share && !names.empty()) return random.pick(names);
    std::string key = random.pick(words);
    if (kind < name_share + pair_share) key += random.pick(words);
    return key;
  }
};

/// Keys of a pool that were not drawn before.
class DistinctKeys {
 public:
  explicit DistinctKeys(const KeyPool& pool) : pool_(pool) {}

  std::string draw(Random& random) {
    return fresh([&] { return pool_.draw(random); });
  }
  std::string draw_word(Random& random) {
    return fresh([&] { return random.pick(pool_.words); });
  }

 private:
  template <class Make>
  std::string fresh(const Make& make) {
    for (int tries = 0; tries < 10'000; ++tries)
      if (std::string key = make(); taken_.insert(key).second) return key;
    throw Error(ExitCode::usage,
                "more than " + std::to_string(taken_.size()) + " different keys are needed, but the corpus has " +
                    std::to_string(pool_.words.size()) + " words and " + std::to_string(pool_.names.size()) +
                    " names to make them of; add books or use a larger vocabulary");
  }

  const KeyPool& pool_;
  std::unordered_set<std::string> taken_;
};

/// Three pools without a word in common, and three texts without a paragraph in common: what a run trains on, what its
/// settings are chosen by, and what is reported.
struct Corpus {
  int vocab = 0;
  SpecialTokens special = {};
  std::vector<TokenDocument> documents = {};      ///< training text
  TokenDocument development = {}, held_out = {};  ///< haystacks without digits
  KeyPool keys = {}, development_keys = {}, test_keys = {};
  std::vector<std::string> columns = {};                       ///< "price", "age", …
  std::function<void(std::string_view, Tokens&)> encode = {};  ///< appends; may be called from several threads
  std::function<std::string(std::span<const std::int32_t>)> decode = {};
};

/// A number as text: six digits, in 13 % of all draws three or nine.
inline std::string draw_number(Random& random) {
  const std::uint32_t kind = random.below(15);
  std::string digits(kind == 0 ? 3 : kind == 1 ? 9 : 6, '0');
  for (char& digit : digits) digit = static_cast<char>('0' + random.below(10));
  return digits;
}

/// Six digits.
inline std::string draw_six_digits(Random& random) {
  std::string digits(6, '0');
  for (char& digit : digits) digit = static_cast<char>('0' + random.below(10));
  return digits;
}

}  // namespace longsky
