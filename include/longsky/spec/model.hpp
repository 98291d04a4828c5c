// longsky/spec/model.hpp — the numbers of a model that shape memory, and the sentences that answer wrong ones.
#pragma once

#include <longsky/core/macros.hpp>

#include <cstdint>
#include <ostream>

namespace longsky {

/// A decoder of Llama's shape: pre-norm, rotary positions, grouped-query attention, SwiGLU.
struct ModelSpec {
  int vocab = 0;                 ///< V, token ids are [0, vocab)
  int layers = 0;                ///< blocks
  int width = 0;                 ///< C, the residual stream
  int heads = 0;                 ///< H, query heads
  int kv_heads = 0;              ///< key and value heads; heads / kv_heads queries share one
  int ffn = 0;                   ///< F, the feed-forward's inner width
  int context = 0;               ///< the longest sequence any stage trains on, tokens
  bool tied = false;             ///< the head's matrix is the embedding table
  bool qkv_bias = false;         ///< as in Qwen2
  float embedding_scale = 1.0f;  ///< multiplies the embedding at the input only, as in Gemma
  float norm_eps = 1e-6f;        ///< RMSNorm's epsilon

  constexpr int head_dim() const { return width / heads; }
  constexpr int kv_width() const { return kv_heads * head_dim(); }
  constexpr int qkv_width() const { return width + 2 * kv_width(); }
  constexpr int group() const { return heads / kv_heads; }

  friend constexpr bool operator==(const ModelSpec&, const ModelSpec&) = default;
  friend std::ostream& operator<<(std::ostream& os, const ModelSpec& m) {
    const auto yes = [](bool b) { return b ? "true" : "false"; };
    return os << "ModelSpec{.vocab = " << m.vocab << ", .layers = " << m.layers << ", .width = " << m.width
              << ", .heads = " << m.heads << ", .kv_heads = " << m.kv_heads << ", .ffn = " << m.ffn
              << ", .context = " << m.context << ", .tied = " << yes(m.tied) << ", .qkv_bias = " << yes(m.qkv_bias)
              << ", .embedding_scale = " << m.embedding_scale << ", .norm_eps = " << m.norm_eps << '}';
  }
};

// Not constexpr on purpose: the compiler prints the name of the one that a bad spec reaches.
namespace spec_error {
inline void every_size_must_be_positive() {}
inline void heads_must_divide_width(int /*heads*/, int /*width*/) {}
inline void kv_heads_must_divide_heads(int /*kv_heads*/, int /*heads*/) {}
inline void head_dim_must_be_a_multiple_of_16(int /*head_dim*/) {}
}  // namespace spec_error

/// The spec itself, or a compile error whose first line is the sentence that says what is wrong with it.
constexpr ModelSpec checked(ModelSpec m) {
  if (m.vocab <= 0 || m.layers <= 0 || m.width <= 0 || m.heads <= 0 || m.kv_heads <= 0 || m.ffn <= 0 || m.context <= 0)
    spec_error::every_size_must_be_positive();
  if (m.width % m.heads != 0) spec_error::heads_must_divide_width(m.heads, m.width);
  if (m.heads % m.kv_heads != 0) spec_error::kv_heads_must_divide_heads(m.kv_heads, m.heads);
  if (m.head_dim() % 16 != 0) spec_error::head_dim_must_be_a_multiple_of_16(m.head_dim());
  return m;
}

}  // namespace longsky
