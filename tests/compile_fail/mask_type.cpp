// error: isolates_documents
// cause: The type given as a mask lacks a part of a mask policy; the note names the part.
// remedy: A mask has `isolates_documents`, `visible(query, key)` and `cover(queries, keys)`: see `examples/own_mask.cpp`.
#include "right_recipe.hpp"

struct Masked : right::Stage {
  using Mask = longsky::Fp32;
};
static_assert(longsky::Stage<Masked>);
