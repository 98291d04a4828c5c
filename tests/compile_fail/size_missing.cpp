// error: every_size_must_be_positive
// cause: A size of the model was not given (or is not positive): what is left out is 0.
// remedy: Give `vocab`, `layers`, `width`, `heads`, `kv_heads`, `ffn` and `context`.
#include <longsky/spec/model.hpp>

constexpr longsky::ModelSpec model =
    longsky::checked({.vocab = 512, .layers = 2, .width = 128, .heads = 4, .kv_heads = 2, .ffn = 256});
