// longsky/eval/perplexity.hpp — how well a model predicts a held-out book, by position in its context.
//
//   nll[b] = mean over windows of -log p(token at position p | the p tokens before it in its window), p in bin b
//
// Windows are consecutive, without overlap, and start anywhere in the book; every token of a window but its first is
// scored. A model that uses its context falls with position; one that is lost beyond its training length rises.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/eval/report_data.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/nn/mirror.hpp>
#include <longsky/train/recipe.hpp>

#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace longsky {

/// Mean negative log-likelihood per bin of positions (at most one bin a position), over up to `windows` windows of
/// `context` + 1 tokens of `book`. `after_each` is called after every window and may throw to stop. Throws Error when
/// the book is shorter than one window.
template <Recipe R, class Device, class AfterEach>
PerplexityCurve perplexity_by_position(Device& device, std::span<float> weights, const RopeSpec& rope,
                                       std::span<const std::int32_t> book, int context, int windows, int bins,
                                       const AfterEach& after_each) {
  if (context < 1 || windows < 1 || bins < 1)
    throw Error(ExitCode::usage, "perplexity over " + std::to_string(windows) + " windows of " +
                                     std::to_string(context) + " tokens in " + std::to_string(bins) +
                                     " bins is the mean of nothing; all three must be positive");
  bins = std::min(bins, context);  // none without a position
  const std::int64_t stride = context + 1;
  if (static_cast<std::int64_t>(book.size()) < stride)
    throw Error(ExitCode::usage, "the held-out book has " + std::to_string(book.size()) +
                                     " tokens, fewer than the context of " + std::to_string(context) +
                                     "; hold out a longer book or shorten the context");
  const int n = static_cast<int>(std::min<std::int64_t>(windows, static_cast<std::int64_t>(book.size()) / stride));
  using Element = ElementOf<Device, typename R::Precision>;
  Mirror<Device, Element> on_device(device, weights);
  Decoder<NetOf<R, FinalMask<R>, Element>, Device> decoder(device, context, rope, context + 1);
  std::vector<float> losses(static_cast<std::size_t>(context));
  std::vector<std::int32_t> positions(static_cast<std::size_t>(context)), documents(positions.size());
  std::iota(positions.begin(), positions.end(), 0);

  std::vector<double> sums(static_cast<std::size_t>(bins));
  std::vector<std::int64_t> counts(sums.size());
  const std::int64_t apart = (static_cast<std::int64_t>(book.size()) - stride) / std::max(1, n - 1);
  for (int window = 0; window < n; ++window) {
    const auto tokens = book.subspan(static_cast<std::size_t>(window * apart), static_cast<std::size_t>(stride));
    const Pass pass = decoder.stage(
        {tokens.first(static_cast<std::size_t>(context)), tokens.subspan(1), documents, positions, context});
    device.download(losses.data(), decoder.forward(on_device.span(), pass).data(), context);
    for (int p = 0; p < context; ++p) {
      const std::size_t bin = static_cast<std::size_t>(static_cast<std::int64_t>(p) * bins / context);
      sums[bin] += static_cast<double>(losses[static_cast<std::size_t>(p)]);
      ++counts[bin];
    }
    after_each();
  }
  PerplexityCurve curve;
  for (int bin = 0; bin < bins; ++bin) {
    curve.position_end.push_back(static_cast<int>(static_cast<std::int64_t>(bin + 1) * context / bins));
    curve.nll_mean.push_back(sums[static_cast<std::size_t>(bin)] /
                             static_cast<double>(counts[static_cast<std::size_t>(bin)]));
  }
  return curve;
}

}  // namespace longsky
