// tests/spec/model_test.cpp — the derived sizes of a model, and that a spec prints itself as it is written.
#include "support/catch.hpp"

#include <longsky/spec/model.hpp>

#include <sstream>

namespace {

constexpr longsky::ModelSpec tiny = longsky::checked(
    {.vocab = 512, .layers = 2, .width = 128, .heads = 4, .kv_heads = 2, .ffn = 256, .context = 64});

static_assert(tiny.head_dim() == 32);
static_assert(tiny.kv_width() == 64);
static_assert(tiny.qkv_width() == 256);
static_assert(tiny.group() == 2);

TEST_CASE("a model spec prints in the spelling of its initialiser") {
  std::ostringstream out;
  out << tiny;
  CHECK(out.str() ==
        "ModelSpec{.vocab = 512, .layers = 2, .width = 128, .heads = 4, .kv_heads = 2, .ffn = 256, .context = 64, "
        ".tied = false, .qkv_bias = false, .embedding_scale = 1, .norm_eps = 1e-06}");
}

}  // namespace
