// error: interleaved chunks of a document must see each other
// cause: Chunk interleaving (CIP) deals a document over the whole sequence; a mask that ends at documents hides its parts from each other.
// remedy: Write `using Mask = Causal;` in that stage, or use data that keeps documents whole.
#include "right_recipe.hpp"

struct Interleaved : right::Stage {
  using Data = right::InterleavedBooks;
  using Mask = longsky::WithinDocument<>;
};
struct Wrong : right::Recipe {
  using Stages = longsky::StageList<Interleaved>;
};
static_assert(longsky::Recipe<Wrong>);
