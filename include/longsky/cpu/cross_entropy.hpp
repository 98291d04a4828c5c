// longsky/cpu/cross_entropy.hpp — the head and its loss, a group of tokens at a time: the N x V logits never exist.
//
//   logits = x W^T      loss[t] = log(sum over v of e^logits[t][v]) - logits[t][target]
//   dlogits = scale (softmax(logits) - onehot(target))      dx = dlogits W      dW += dlogits^T x
//
// Only rows with a target are computed: they are gathered in panels, and the logits of a panel lie as [V, tokens], so
// that a vector holds neighbouring tokens and the panel is a packed factor of dx as it is. The groups depend on the
// targets and V alone, so that dW is summed in the same order by any number of threads.
#pragma once

#include <longsky/core/parallel.hpp>
#include <longsky/core/rows.hpp>
#include <longsky/cpu/device.hpp>
#include <longsky/cpu/gemm.hpp>
#include <longsky/cpu/vec.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace longsky::cpu {

/// One call's work. `dx` and `dw` are both there or both not.
template <PrecisionPolicy Precision, int V, int C>
class CrossEntropyPass {
  using Factors = FactorsOf<Precision>;
  using Element = typename Factors::Element;
  static constexpr int tokens = gemm_panel;  // of one panel
  static constexpr int depth = Factors::depth;
  static constexpr std::int64_t c_elements = (C + depth - 1) / depth, v_elements = (V + depth - 1) / depth;
  static constexpr std::int64_t token_elements = tokens / depth, c_panels = (C + gemm_panel - 1) / gemm_panel;
  static constexpr std::int64_t logits_of_panel = std::int64_t{V} * tokens;
  // 512 tokens share one pass over dW, unless their logits would be more than 64 MiB.
  static constexpr std::int64_t most_panels =
      std::clamp<std::int64_t>((std::int64_t{1} << 24) / logits_of_panel, 1, std::max(1, 512 / tokens));
  static constexpr std::int64_t v_rows = 16 * gemm_rows, c_rows = 8 * gemm_rows;  // rows of one item of work

 public:
  CrossEntropyPass(Device& device, float* losses, std::int32_t* best, Rows<const float, C> x,
                   std::span<const std::int32_t> targets, const float* w, Rows<float, C> dx, float* dw, float scale)
      : device_(device),
        losses_(losses),
        best_(best),
        x_(x),
        targets_(targets),
        w_(w),
        dx_(dx),
        dw_(dw),
        scale_(scale) {}

  void run() {
    const std::int64_t trained = gather();
    if (trained == 0) return;
    threads_ = trained * V * C < 250'000 ? 1 : device_.threads();
    take_scratch(panels_of(trained));
    if constexpr (!Factors::in_place) convert_weights();
    for (std::int64_t first = 0; first < trained; first += most_panels * tokens) {
      rows_ = all_rows_ + first;
      count_ = std::min(most_panels * tokens, trained - first);
      panels_ = (count_ + tokens - 1) / tokens;
      pack_inputs();
      compute_logits();
      parallel_for(threads_, panels_ * (tokens / vec_width), [this](std::int64_t i) { reduce_lanes(i * vec_width); });
      if (!dw_) continue;
      prepare_gradients();
      const std::int64_t dx_items = (C + c_rows - 1) / c_rows, dw_items = (V + v_rows - 1) / v_rows;
      parallel_for(threads_, panels_ * dx_items + dw_items, [&](std::int64_t i) {
        if (i < dw_items)
          add_weight_gradient(i * v_rows);
        else
          compute_input_gradient((i - dw_items) / dx_items, (i - dw_items) % dx_items * c_rows);
      });
    }
  }

 private:
  // Lists the rows with a target and answers for the others.
  std::int64_t gather() {
    const auto n = static_cast<std::int64_t>(targets_.size());
    all_rows_ = reinterpret_cast<std::int64_t*>(device_.scratch(Scratch::gathered, 2 * n));
    std::int64_t trained = 0;
    for (std::int64_t t = 0; t < n; ++t) {
      if (targets_[static_cast<std::size_t>(t)] >= 0) {
        all_rows_[trained++] = t;
        continue;
      }
      losses_[t] = 0;
      if (best_) best_[t] = -1;
      if (dw_) std::fill_n(dx_[t], C, 0.0f);
    }
    return trained;
  }

  // The parts of a group of panels, floats.
  struct Sizes {
    std::int64_t x, c, factor, logits, along, across;
    constexpr explicit Sizes(std::int64_t panels)
        : x(round_up(panels * tokens * C)),
          c(round_up(panels * std::max<std::int64_t>(c_elements * tokens, c_panels * gemm_panel * token_elements))),
          factor(round_up(panels * tokens)),
          logits(round_up(panels * logits_of_panel)),
          along(round_up(panels * V * token_elements)),
          across(round_up(panels * v_elements * tokens)) {}
  };
  static constexpr std::int64_t round_up(std::int64_t floats) { return (floats + 15) / 16 * 16; }
  static constexpr std::int64_t weights_along = round_up(V * c_elements), weights_across = v_elements * C;
  static constexpr std::int64_t panels_of(std::int64_t trained) {
    return std::min(most_panels, (trained + tokens - 1) / tokens);
  }

 public:
  /// What a call with gradients takes if all of `n` tokens are trained.
  static constexpr ScratchPlan scratch(std::int64_t n) {
    const Sizes sizes(panels_of(n));
    ScratchPlan plan;
    plan[Scratch::gathered] = 2 * n;
    plan[Scratch::packed_b] = sizes.x + sizes.c + sizes.factor;
    plan[Scratch::logits] = sizes.logits + (Factors::in_place ? 0 : sizes.along + sizes.across);
    plan[Scratch::packed_a] = Factors::in_place ? 0 : weights_along + weights_across;
    return plan;
  }

 private:
  void take_scratch(std::int64_t panels) {
    const bool converts = !Factors::in_place && dw_;
    const Sizes sizes(panels);
    float* at = device_.scratch(Scratch::packed_b, sizes.x + sizes.c + sizes.factor);
    gathered_x_ = at;
    packed_x_ = reinterpret_cast<Element*>(at += sizes.x);
    factor_ = at += sizes.c;
    logits_ = at = device_.scratch(Scratch::logits, sizes.logits + (converts ? sizes.along + sizes.across : 0));
    if constexpr (Factors::in_place) {
      dlogits_along_ = dlogits_across_ = logits_;
      w_along_ = w_across_ = w_;
    } else {
      dlogits_along_ = reinterpret_cast<Element*>(at += sizes.logits);
      dlogits_across_ = reinterpret_cast<Element*>(at += sizes.along);
    }
  }

  void convert_weights() {
    constexpr std::int64_t of_along = weights_along;
    float* const at = device_.scratch(Scratch::packed_a, of_along + weights_across);
    auto *along = reinterpret_cast<Element*>(at), *across = reinterpret_cast<Element*>(at + of_along);
    parallel_chunks(threads_, v_elements, 64, [&](std::int64_t first, std::int64_t last, std::int64_t) {
      for (std::int64_t v = first * depth; v < std::min<std::int64_t>(V, last * depth); ++v)
        Factors::copy_along(along + v * c_elements, w_ + v * C, C);
      for (std::int64_t e = first; dw_ && e < last; ++e)
        Factors::copy_across(across + e * C, w_ + e * depth * C, C,
                             static_cast<int>(std::min<std::int64_t>(depth, V - e * depth)), C);
    });
    w_along_ = along;
    w_across_ = across;
  }

  // The rows of x, gathered, as one panel of columns each; the tokens that a last panel lacks are zero.
  void pack_inputs() {
    parallel_for(threads_, panels_, [&](std::int64_t p) {
      for (std::int64_t t = p * tokens; t < (p + 1) * tokens; ++t) {
        float* const row = gathered_x_ + t * C;
        if (t < count_)
          std::copy_n(x_[rows_[t]], C, row);
        else
          std::fill_n(row, C, 0.0f);
      }
      pack_panel<Factors, Contiguous::along>(packed_x_ + p * c_elements * tokens, gathered_x_ + p * tokens * C, C, C,
                                             tokens);
    });
  }

  void compute_logits() {
    parallel_for(threads_, (V + v_rows - 1) / v_rows, [&](std::int64_t item) {
      const std::int64_t first = item * v_rows, n = std::min<std::int64_t>(v_rows, V - first);
      for (std::int64_t p = 0; p < panels_; ++p)
        for_strips(n, [&](std::int64_t i, int rows) {
          const Element* const b = packed_x_ + p * c_elements * tokens;
          register_block_of<Factors, Contiguous::along>(
              rows, {.depth = c_elements, .a = w_along_ + (first + i) * c_elements, .a_leading = c_elements, .b = b},
              {logits_ + p * logits_of_panel + (first + i) * tokens, tokens, nullptr, 0, nullptr, tokens});
        });
    });
  }

  // The losses of vec_width tokens. Where gradients are asked for, the logits become e^(logit - maximum), less their
  // sum at the target; what is missing to dlogits is a factor per token, scale / sum, which is cheaper to apply
  // elsewhere.
  void reduce_lanes(std::int64_t first) {
    float* const logits = logits_ + first / tokens * logits_of_panel + first % tokens;
    Vec top = load(logits);
    IntVec at{};
    for (int v = 1; v < V; ++v) {
      const Vec l = load(logits + std::int64_t{v} * tokens);
      at = l > top ? v - IntVec{} : at;
      top = l > top ? l : top;
    }
    const auto lanes = static_cast<int>(std::clamp<std::int64_t>(count_ - first, 0, vec_width));
    float of_target[vec_width] = {};
    for (int i = 0; i < lanes; ++i) of_target[i] = logits[std::int64_t{target(first + i)} * tokens + i];

    Vec total = zero();
    constexpr int run = 64;  // summed apart, so that rounding errors do not grow with V
    for (int v0 = 0; v0 < V; v0 += run) {
      Vec part = zero();
      for (int v = v0; v < std::min(V, v0 + run); ++v) {
        const Vec e = exp(load(logits + std::int64_t{v} * tokens) - top);
        part += e;
        if (dw_) store(logits + std::int64_t{v} * tokens, e);
      }
      total += part;
    }
    for (int i = 0; i < vec_width; ++i) {
      factor_[first + i] = i < lanes ? scale_ / total[i] : 0.0f;
      if (i >= lanes) continue;
      const std::int64_t row = rows_[first + i];
      losses_[row] = std::log(total[i]) + (top[i] - of_target[i]);
      if (best_) best_[row] = at[i];
      if (dw_) logits[std::int64_t{target(first + i)} * tokens + i] -= total[i];
    }
  }

  // x, scaled by each token's factor and packed for dW; the logits in the element format, where that is another one.
  void prepare_gradients() {
    constexpr std::int64_t v_chunk = 256;
    const std::int64_t v_chunks = Factors::in_place ? 0 : (V + v_chunk - 1) / v_chunk;
    parallel_for(threads_, panels_ * (1 + v_chunks), [&](std::int64_t item) {
      const std::int64_t p = item % panels_, chunk = item / panels_ - 1;
      if (chunk < 0) {
        for (std::int64_t t = p * tokens; t < (p + 1) * tokens; ++t)
          for (int c = 0; c < C; ++c) gathered_x_[t * C + c] *= factor_[t];
        for (std::int64_t j = 0; j < c_panels; ++j)
          pack_panel<Factors, Contiguous::across>(
              packed_x_ + (j * panels_ + p) * token_elements * gemm_panel,
              gathered_x_ + p * tokens * C + j * gemm_panel, C, tokens,
              static_cast<int>(std::min<std::int64_t>(gemm_panel, C - j * gemm_panel)));
        return;
      }
      if constexpr (!Factors::in_place) {
        const float* const from = logits_ + p * logits_of_panel;
        const std::int64_t last = std::min<std::int64_t>(V, (chunk + 1) * v_chunk);
        for (std::int64_t v = chunk * v_chunk; v < last; ++v)
          Factors::copy_along(dlogits_along_ + (p * V + v) * token_elements, from + v * tokens, tokens);
        for (std::int64_t v = chunk * v_chunk; v < last; v += depth)
          Factors::copy_across(dlogits_across_ + (p * v_elements + v / depth) * tokens, from + v * tokens, tokens,
                               static_cast<int>(std::min<std::int64_t>(depth, V - v)), tokens);
      }
    });
  }

  // dW[v] += dlogits[v] x for v_rows rows from `first`, summed over the tokens of the whole group.
  void add_weight_gradient(std::int64_t first) {
    for (std::int64_t j = 0; j < c_panels; ++j)
      for_strips(std::min<std::int64_t>(v_rows, V - first), [&](std::int64_t i, int rows) {
        const Element* const b = packed_x_ + j * panels_ * token_elements * gemm_panel;
        float* const c = dw_ + (first + i) * C + j * gemm_panel;
        register_block_of<Factors, Contiguous::along>(
            rows,
            {.depth = token_elements,
             .a = dlogits_along_ + (first + i) * token_elements,
             .a_leading = token_elements,
             .b = b,
             .chunks = panels_,
             .a_stride = std::int64_t{V} * token_elements,
             .b_stride = token_elements * gemm_panel},
            {c, C, c, C, nullptr, static_cast<int>(std::min<std::int64_t>(gemm_panel, C - j * gemm_panel))});
      });
  }

  // dx^T[c] = W^T[c] dlogits for c_rows rows from `first` and the tokens of one panel, then turned and scaled.
  void compute_input_gradient(std::int64_t panel, std::int64_t first) {
    alignas(64) float turned[c_rows * tokens];
    const std::int64_t n = std::min<std::int64_t>(c_rows, C - first);
    constexpr std::int64_t some = 512;  // of v_elements, whose dlogits then stay in the second level of cache
    for (std::int64_t e = 0; e < v_elements; e += some)
      for_strips(n, [&](std::int64_t i, int rows) {
        const Element* const b = dlogits_across_ + (panel * v_elements + e) * tokens;
        float* const c = turned + i * tokens;
        register_block_of<Factors, Contiguous::across>(rows,
                                                       {.depth = std::min<std::int64_t>(some, v_elements - e),
                                                        .a = w_across_ + e * C + first + i,
                                                        .a_leading = C,
                                                        .b = b},
                                                       {c, tokens, e == 0 ? nullptr : c, tokens, nullptr, tokens});
      });
    const std::int64_t last = std::min((panel + 1) * tokens, count_);
    for (std::int64_t t = panel * tokens; t < last; ++t)
      for (std::int64_t c = 0; c < n; ++c) dx_[rows_[t]][first + c] = turned[c * tokens + t % tokens] * factor_[t];
  }

  template <class Body>
  static void for_strips(std::int64_t n, const Body& body) {
    const std::int64_t strips = (n + gemm_rows - 1) / gemm_rows;
    for (std::int64_t s = 0; s < strips; ++s)
      body(cut(n, strips, s), static_cast<int>(cut(n, strips, s + 1) - cut(n, strips, s)));
  }

  std::int32_t target(std::int64_t i) const { return targets_[static_cast<std::size_t>(rows_[i])]; }

  Device& device_;
  float* losses_;
  std::int32_t* best_;
  Rows<const float, C> x_;
  std::span<const std::int32_t> targets_;
  const float* w_;
  Rows<float, C> dx_;
  float* dw_;
  float scale_;

  int threads_ = 1;
  std::int64_t* all_rows_ = nullptr;     // the rows with a target
  const std::int64_t* rows_ = nullptr;   // those of the group
  std::int64_t count_ = 0, panels_ = 0;  // how many they are
  float* gathered_x_ = nullptr;          // [panels * tokens, C]
  Element* packed_x_ = nullptr;          // [panels, C, tokens], later [C panels, panels, tokens, gemm_panel]
  float* factor_ = nullptr;              // [panels * tokens]
  float* logits_ = nullptr;              // [panels, V, tokens]
  Element *dlogits_along_ = nullptr, *dlogits_across_ = nullptr;
  const Element *w_along_ = nullptr, *w_across_ = nullptr;
};

/// losses[t] for every row with a target, 0 for the others; best[t], where `best` is not nullptr, is the likeliest
/// token of a row with a target and -1 elsewhere. w is [V, C].
template <PrecisionPolicy Precision, int V, int C>
void cross_entropy_forward(Device& device, float* losses, std::int32_t* best, Rows<const float, C> x,
                           std::span<const std::int32_t> targets, const float* w) {
  CrossEntropyPass<Precision, V, C>(device, losses, best, x, targets, w, {}, nullptr, 1.0f).run();
}

/// Also dx = the gradient of scale * sum of losses (0 in rows without a target), and dw [V, C] += the same for w.
template <PrecisionPolicy Precision, int V, int C>
void cross_entropy_forward_backward(Device& device, float* losses, Rows<float, C> dx, float* dw, Rows<const float, C> x,
                                    std::span<const std::int32_t> targets, const float* w, float scale) {
  CrossEntropyPass<Precision, V, C>(device, losses, nullptr, x, targets, w, dx, dw, scale).run();
}

}  // namespace longsky::cpu
