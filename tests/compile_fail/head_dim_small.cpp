// error: head_dim_must_be_a_multiple_of_16
// cause: Attention works on whole vectors of 16 numbers, and `width / heads` is not a multiple of 16.
// remedy: Choose `width` and `heads` so that `width / heads` is 16, 32, 48, 64, … .
#include <longsky/spec/model.hpp>

constexpr longsky::ModelSpec model = longsky::checked(
    {.vocab = 512, .layers = 2, .width = 96, .heads = 4, .kv_heads = 4, .ffn = 256, .context = 64});
