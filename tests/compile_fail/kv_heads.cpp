// error: kv_heads_must_divide_heads
// cause: Each key and value head serves the same number of query heads, and here the division leaves a rest.
// remedy: Choose `kv_heads` among the divisors of `heads`: 1 (multi-query) … `heads` (multi-head).
#include <longsky/spec/model.hpp>

constexpr longsky::ModelSpec model = longsky::checked(
    {.vocab = 512, .layers = 2, .width = 128, .heads = 4, .kv_heads = 3, .ffn = 256, .context = 64});
