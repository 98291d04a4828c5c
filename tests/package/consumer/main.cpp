// tests/package/consumer/main.cpp — someone else's program: it has an installed longsky and nothing of the source tree.
#include <longsky/longsky.hpp>
#include <longsky/version.hpp>

#include <cairo.h>
#include <jansson.h>
#include <zlib.h>

#include <iostream>

namespace {

constexpr longsky::ModelSpec model = longsky::checked(
    {.vocab = 512, .layers = 2, .width = 128, .heads = 4, .kv_heads = 2, .ffn = 256, .context = 64});

}  // namespace

// One call into each library that the headers use: what is missing in the package shows when this links.
int main() {
  std::cout << "longsky " << longsky::version << " with cairo " << cairo_version_string() << ", zlib " << zlibVersion()
            << ", Jansson " << jansson_version_str()
            << "\nhead_dim " << model.head_dim() << '\n';
}
