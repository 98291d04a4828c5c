// longsky/eval/generate.hpp — reading a prompt and continuing it token by token, against a cache of keys and values.
//
// Tokens can be taken back: the cache is addressed by position, so `rewind` costs nothing, and many continuations of
// one prompt can be tried for the price of reading it once.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/random.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/nn/mirror.hpp>
#include <longsky/train/recipe.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace longsky {

/// The logarithm of softmax(logits)[token].
inline double log_probability(std::span<const float> logits, std::int32_t token) {
  const auto largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return static_cast<double>(logits[static_cast<std::size_t>(token)]) - largest - std::log(sum);
}

/// The most likely token.
inline std::int32_t greedy(std::span<const float> logits) {
  return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

/// A token drawn from softmax(logits / temperature); temperature 0 is greedy.
inline std::int32_t sampled(std::span<const float> logits, double temperature, Random& random) {
  if (temperature <= 0) return greedy(logits);
  const auto largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  const auto weight = [&](float logit) { return std::exp((static_cast<double>(logit) - largest) / temperature); };
  double total = 0;
  for (float logit : logits) total += weight(logit);
  double left = static_cast<double>(random.uniform()) * total;
  for (std::size_t token = 0; token < logits.size(); ++token)
    if ((left -= weight(logits[token])) < 0) return static_cast<std::int32_t>(token);
  return static_cast<std::int32_t>(logits.size()) - 1;
}

/// Reads and continues one sequence of up to `capacity` tokens with the weights of `R`.
template <Recipe R, class Device>
class Reader {
 public:
  Reader(Device& device, std::span<float> weights, const RopeSpec& rope, int capacity)
      : device_(device),
        weights_(device, weights),
        capacity_(capacity),
        decoder_(device, capacity, rope, capacity + 1),
        cache_(static_cast<std::size_t>(Network::cache_size(capacity))),
        device_logits_(static_cast<std::size_t>(R::model.vocab)),
        logits_(static_cast<std::size_t>(R::model.vocab)),
        indices_(static_cast<std::size_t>(capacity)),
        zeros_(static_cast<std::size_t>(capacity)),
        none_(static_cast<std::size_t>(capacity), -1) {
    std::iota(indices_.begin(), indices_.end(), 0);
  }

  int length() const { return length_; }
  int capacity() const { return capacity_; }

  /// The logits [V] after the last token of `prompt`. Forgets what was read before. Throws Error for a prompt that is
  /// empty, too long, or holds a token outside the vocabulary.
  std::span<const float> read(std::span<const std::int32_t> prompt) {
    if (prompt.empty() || static_cast<int>(prompt.size()) > capacity_)
      throw Error(ExitCode::usage, "a prompt must have 1 to " + std::to_string(capacity_) + " tokens, this one has " +
                                       std::to_string(prompt.size()) + "; shorten it or raise the context");
    for (std::int32_t token : prompt) check(token);
    const std::size_t n = prompt.size();
    decoder_.prefill(weights_.span(), staged(prompt, 0), cache_.data(), capacity_, device_logits_.data());
    length_ = static_cast<int>(n);
    return fetched_logits();
  }

  /// The logits [V] after one more token. Throws Error when the capacity is used up.
  std::span<const float> append(std::int32_t token) {
    check(token);
    if (length_ == capacity_)
      throw Error(ExitCode::usage,
                  "the context of " + std::to_string(capacity_) + " tokens is full; ask for fewer tokens");
    decoder_.decode(weights_.span(), staged({&token, 1}, length_), length_, cache_.data(), capacity_,
                    device_logits_.data());
    ++length_;
    return fetched_logits();
  }

  /// Forgets all tokens from index `length` on.
  void rewind(int length) { length_ = std::min(length, length_); }

 private:
  using Element = ElementOf<Device, typename R::Precision>;
  using Network = Decoder<NetOf<R, FinalMask<R>, Element>, Device>;

  static void check(std::int32_t token) {
    if (token < 0 || token >= R::model.vocab)
      throw Error(ExitCode::usage, "token " + std::to_string(token) + " is outside the vocabulary of " +
                                       std::to_string(R::model.vocab) + "; encode with the model's own tokenizer");
  }

  /// Tokens from index `first` of the sequence on, one document, nothing to predict.
  Pass staged(std::span<const std::int32_t> tokens, int first) {
    const auto part = [n = tokens.size()](const std::vector<std::int32_t>& all, int at) {
      return std::span(all).subspan(static_cast<std::size_t>(at), n);
    };
    return decoder_.stage(
        {tokens, part(none_, 0), part(zeros_, 0), part(indices_, first), static_cast<int>(tokens.size())});
  }
  std::span<const float> fetched_logits() {
    device_.download(logits_.data(), device_logits_.data(), static_cast<std::int64_t>(logits_.size()));
    return logits_;
  }

  Device& device_;
  Mirror<Device, Element> weights_;
  int capacity_;
  int length_ = 0;
  Network decoder_;
  typename Device::template Array<Element> cache_;
  typename Device::template Array<float> device_logits_;
  std::vector<float> logits_;
  std::vector<std::int32_t> indices_, zeros_, none_;
};

}  // namespace longsky
