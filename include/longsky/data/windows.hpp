// longsky/data/windows.hpp — windows of a list of documents: every place where one of a length can begin is as likely.
//
//   places(L) = sum over documents of at least L tokens of (size - L + 1) = before[k] - k (L - 1)
//
// where k documents come first that have L tokens and `before` are the 64-bit sums of their sizes: the documents as
// they are listed where all have so many, else the longest first. Both k and the document of a place are found by
// bisection, so that a draw costs the logarithm of the number of documents.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/random.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
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

  explicit WindowPlaces(std::span<const std::int64_t> sizes) : sizes_(sizes.begin(), sizes.end()) {
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    as_listed_ = order_of(order);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sizes_[a] > sizes_[b]; });
    longest_first_ = order_of(std::move(order));
  }

  std::size_t documents() const { return sizes_.size(); }
  std::int64_t longest() const { return sizes_.empty() ? 0 : sizes_[longest_first_.documents.front()]; }

  /// How many windows of `length` >= 1 tokens there are.
  std::int64_t count(std::int64_t length) const { return longest_first_.places_before(long_enough(length), length); }

  /// Window number `n` of the count(length) there are, document after document.
  Place at(std::int64_t n, std::int64_t length) const {
    std::size_t low = 0, high = long_enough(length);  // the document is among [low, high)
    const Order& order = high == documents() ? as_listed_ : longest_first_;
    while (high - low > 1) {
      const std::size_t middle = low + (high - low) / 2;
      (order.places_before(middle, length) <= n ? low : high) = middle;
    }
    return {order.documents[low], n - order.places_before(low, length)};
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
  struct Order {
    std::vector<std::size_t> documents;
    std::vector<std::int64_t> before;  // tokens of the first so many of them

    // Windows in the first `count` of them, all of which have `length` tokens.
    std::int64_t places_before(std::size_t count, std::int64_t length) const {
      return before[count] - static_cast<std::int64_t>(count) * (length - 1);
    }
  };

  Order order_of(std::vector<std::size_t> documents) const {
    std::vector<std::int64_t> before{0};
    for (const std::size_t i : documents) before.push_back(before.back() + sizes_[i]);
    return {std::move(documents), std::move(before)};
  }

  // Documents of at least `length` tokens.
  std::size_t long_enough(std::int64_t length) const {
    const auto& sorted = longest_first_.documents;
    const auto end =
        std::partition_point(sorted.begin(), sorted.end(), [&](std::size_t i) { return sizes_[i] >= length; });
    return static_cast<std::size_t>(end - sorted.begin());
  }

  std::vector<std::int64_t> sizes_;
  Order as_listed_, longest_first_;
};

}  // namespace longsky
