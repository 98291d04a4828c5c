// error: heads_must_divide_width
// cause: The width is cut in equal heads, and here the division leaves a rest.
// remedy: Choose `width` as a multiple of `heads`.
#include <longsky/spec/model.hpp>

constexpr longsky::ModelSpec model = longsky::checked(
    {.vocab = 512, .layers = 2, .width = 130, .heads = 4, .kv_heads = 4, .ffn = 256, .context = 64});
