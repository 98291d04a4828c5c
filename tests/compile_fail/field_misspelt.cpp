// error: kvheads
// cause: `ModelSpec` has no field of that name.
// remedy: The fields are listed in `longsky/spec/model.hpp`; this one is spelt `kv_heads`.
#include <longsky/spec/model.hpp>

constexpr longsky::ModelSpec model{
    .vocab = 512, .layers = 2, .width = 128, .heads = 4, .kvheads = 2, .ffn = 256, .context = 64};
