// longsky/spec/mask.hpp — which keys a query sees. Documents are an explicit array, never inferred from positions.
//
// A mask of a language model is causal: no query sees a later key, and attention never visits one. A policy says the
// rest pair by pair (`visible`) and, so that whole tiles can be skipped or taken without a test, tile by tile
// (`cover`).
#pragma once

#include <longsky/core/config.hpp>

#include <concepts>
#include <cstdint>

namespace longsky {

/// A token as a mask sees it: its index in its sequence, and the number of its document (never decreasing).
struct TokenPlace {
  std::int32_t index;
  std::int32_t document;
};

/// A run of consecutive tokens, both ends included.
struct TokenRange {
  TokenPlace first, last;
};

/// How much of a tile of queries x keys is visible, the causal limit included.
enum class Cover { none, some, all };

/// Every earlier token and the token itself.
struct Causal {
  static constexpr bool isolates_documents = false;
  LONGSKY_HD static constexpr bool visible(TokenPlace q, TokenPlace k) { return k.index <= q.index; }
  LONGSKY_HD static constexpr Cover cover(TokenRange q, TokenRange k) {
    if (k.first.index > q.last.index) return Cover::none;
    return k.last.index <= q.first.index ? Cover::all : Cover::some;
  }
};

/// The last `Window` tokens, the token itself included.
template <int Window>
struct SlidingWindow {
  static_assert(Window > 0, "longsky: a sliding window must hold at least the token itself");
  static constexpr bool isolates_documents = false;
  LONGSKY_HD static constexpr bool visible(TokenPlace q, TokenPlace k) {
    return k.index <= q.index && q.index - k.index < Window;
  }
  LONGSKY_HD static constexpr Cover cover(TokenRange q, TokenRange k) {
    if (k.first.index > q.last.index || q.first.index - k.last.index >= Window) return Cover::none;
    return k.last.index <= q.first.index && q.last.index - k.first.index < Window ? Cover::all : Cover::some;
  }
};

/// `Inner`, inside the query's own document only (ProLong's packing).
template <class Inner = Causal>
struct WithinDocument {
  static constexpr bool isolates_documents = true;
  LONGSKY_HD static constexpr bool visible(TokenPlace q, TokenPlace k) {
    return q.document == k.document && Inner::visible(q, k);
  }
  LONGSKY_HD static constexpr Cover cover(TokenRange q, TokenRange k) {
    if (k.last.document < q.first.document || k.first.document > q.last.document) return Cover::none;
    const Cover inner = Inner::cover(q, k);
    const bool one_document = k.first.document == q.last.document && k.last.document == q.first.document;
    return one_document || inner == Cover::none ? inner : Cover::some;
  }
};

/// What a mask policy must have. `isolates_documents` says that no pair in different documents is visible.
template <class T>
concept MaskPolicy = requires(TokenPlace q, TokenPlace k, TokenRange tile) {
  { T::isolates_documents } -> std::convertible_to<bool>;
  { T::visible(q, k) } -> std::same_as<bool>;
  { T::cover(tile, tile) } -> std::same_as<Cover>;
};

}  // namespace longsky
