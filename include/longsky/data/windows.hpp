// longsky/data/windows.hpp — windows of a list of documents: every place where one of a length can begin is as likely.
//
//   places(L) = sum over documents of at least L tokens of (size - L + 1) = before[k] - k (L - 1)
//
// with the documents sorted, the longest first, `before` the 64-bit sums of their sizes and k how many have L tokens.
// Both k and the document of a place are found by bisection, so that a draw costs the logarithm of the number of
// documents.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/random.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace longsky {

/// Where windows can begin in documents of which only the sizes are known.
class WindowPlaces {
 public:
  /// The place of a window: its document, and the first of its tokens.
  struct Place {
    std::size_t document = 0;
    std::int64_t first = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };

  explicit WindowPlaces(std::span<const std::int64_t> sizes)
      : sizes_(sizes.begin(), sizes.end()), order_(sizes.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return sizes_[a] > sizes_[b]; });
    before_.push_back(0);
    for (const std::size_t i : order_) before_.push_back(before_.back() + sizes_[i]);
  }

  std::size_t documents() const { return sizes_.size(); }
  std::int64_t longest() const { return order_.empty() ? 0 : sizes_[order_.front()]; }

  /// How many windows of `length` >= 1 tokens there are.
  std::int64_t count(std::int64_t length) const { return places_before(long_enough(length), length); }

  /// Window number `n` of the count(length) there are, document after document.
  Place at(std::int64_t n, std::int64_t length) const {
    std::size_t low = 0, high = long_enough(length);  // the document is among [low, high)
    while (high - low > 1) {
      const std::size_t middle = low + (high - low) / 2;
      (places_before(middle, length) <= n ? low : high) = middle;
    }
    return {order_[low], n - places_before(low, length)};
  }

  /// A window of `length` >= 1 tokens, each as likely as any other. Throws Error(usage) where no document is that long.
  Place draw(std::int64_t length, Random& random) const {
    const std::int64_t all = count(length);
    if (all == 0)
      throw Error(ExitCode::usage, "a window of " + std::to_string(length) +
                                       " tokens was asked for, but the longest of the " + std::to_string(documents()) +
                                       " training books has " + std::to_string(longest()) +
                                       "; add a longer book or train on a shorter context");
    return at(static_cast<std::int64_t>(random.below64(static_cast<std::uint64_t>(all))), length);
  }

 private:
  // Documents of at least `length` tokens.
  std::size_t long_enough(std::int64_t length) const {
    const auto end = std::partition_point(order_.begin(), order_.end(),
                                          [&](std::size_t document) { return sizes_[document] >= length; });
    return static_cast<std::size_t>(end - order_.begin());
  }
  // Windows in the first `documents` of those that are long enough.
  std::int64_t places_before(std::size_t documents, std::int64_t length) const {
    return before_[documents] - static_cast<std::int64_t>(documents) * (length - 1);
  }

  std::vector<std::int64_t> sizes_;
  std::vector<std::size_t> order_;    // documents, the longest first
  std::vector<std::int64_t> before_;  // tokens of the first so many of them
};

}  // namespace longsky
