// longsky/nn/init.hpp — how weights start. Every number is a function of (seed, parameter, index), so a seed is a
// model.
#pragma once

#include <longsky/core/machine.hpp>
#include <longsky/core/parallel.hpp>
#include <longsky/core/params.hpp>
#include <longsky/core/random.hpp>
#include <longsky/nn/decoder.hpp>
#include <longsky/spec/position.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <span>

namespace longsky {

/// The numbers of an initialisation.
struct InitSpec {
  double std = 0.02;
};

/// Matrices N(0, std^2), those that write to the residual stream N(0, std^2 / 2 layers); gains 1, biases 0.
template <InitSpec Spec = InitSpec{}>
struct NormalInit {
  template <class Net>
  static void initialise(std::span<float> weights, std::uint64_t seed, const RopeSpec&) {
    using Layout = WeightLayout<Net>;
    const int threads = processors_given();
    Layout::for_each([&](auto entry, int, std::int64_t at) {
      float* w = weights.data() + at;
      if constexpr (entry.kind == Kind::ones) {
        std::fill_n(w, entry.size, 1.0f);
      } else if constexpr (decays(entry.kind)) {
        constexpr auto spread = static_cast<double>(Spec.std);
        const double std = entry.kind == Kind::output ? spread / std::sqrt(2.0 * Net::model.layers) : spread;
        parallel_chunks(threads, entry.size, 1 << 18, [&](std::int64_t first, std::int64_t last, std::int64_t) {
          Random random(seed, stream_of("initialisation"), static_cast<std::uint64_t>(at));
          random.skip(2 * static_cast<std::uint64_t>(first));
          for (std::int64_t i = first; i < last; ++i)
            w[i] = static_cast<float>(std * static_cast<double>(random.normal()));
        });
      }
    });
  }
};

/// NormalInit, then two starting points of our own that let a very small model find retrieval in a minute instead of
/// after billions of tokens: layer 0 looks a fixed few tokens back (head h: 1, 2, 2, 3), and every later layer compares
/// like with like and copies what it finds (W_k = W_q, W_o = 0.7 W_v^T). Both are only starting values; nothing is
/// specific to a task. Needs qkv_bias and as many kv heads as heads. Not in the LongSkywork paper.
template <InitSpec Spec = InitSpec{.std = 0.09}>
struct InductionInit {
  static constexpr float local_score = 2.9f;  // how sharply layer 0 looks back
  static constexpr float local_gain = 3.0f;   // what layer 0 writes, against the other layers
  static constexpr float local_noise = 0.3f;  // what is left of the random queries and keys there
  static constexpr float copy_gain = 0.7f;
  static constexpr int fast_pairs = 4;  // the rotary pairs that can tell neighbours apart

  template <class Net>
  static void initialise(std::span<float> weights, std::uint64_t seed, const RopeSpec& rope) {
    constexpr ModelSpec m = Net::model;
    static_assert(m.qkv_bias && m.kv_heads == m.heads,
                  "longsky: InductionInit needs qkv_bias and kv_heads == heads; use NormalInit otherwise");
    static_assert(m.head_dim() >= 2 * fast_pairs, "longsky: InductionInit needs heads of at least 8 dims");
    constexpr int C = m.width, D = m.head_dim();
    constexpr int offsets[] = {1, 2, 2, 3};
    NormalInit<Spec>::template initialise<Net>(weights, seed, rope);

    using Layout = WeightLayout<Net>;
    Layout::for_each([&](auto entry, int layer, std::int64_t at) {
      float* w = weights.data() + at;
      if constexpr (entry.name == "qkv") {
        if (layer == 0)
          for (std::int64_t i = 0; i < 2 * C * C; ++i) w[i] *= local_noise;
        else
          std::copy_n(w, C * C, w + C * C);
      } else if constexpr (entry.name == "qkv_bias") {
        if (layer != 0) return;
        constexpr auto score = static_cast<double>(local_score);
        for (int head = 0; head < m.heads; ++head)
          for (int i = 0; i < fast_pairs; ++i) {
            const double back = offsets[head % 4] * inverse_frequency(rope, D, i);
            w[head * D + i] = local_score;
            w[C + head * D + i] = static_cast<float>(score * std::cos(back));
            w[C + head * D + D / 2 + i] = static_cast<float>(score * std::sin(back));
          }
      } else if constexpr (entry.name == "attention_out") {
        if (layer == 0) {
          for (std::int64_t i = 0; i < entry.size; ++i) w[i] *= local_gain;
          return;
        }
        float* qkv = nullptr;
        Layout::for_each([&](auto other, int other_layer, std::int64_t other_at) {
          if (other.name == "qkv" && other_layer == layer) qkv = weights.data() + other_at;
        });
        const float* value = qkv + 2 * C * C;
        for (int row = 0; row < C; ++row)
          for (int column = 0; column < C; ++column) w[row * C + column] = copy_gain * value[column * C + row];
      }
    });
  }
};

}  // namespace longsky
