// longsky/train/weights.hpp — a model's parameters as one flat vector that passes from stage to stage.
#pragma once

#include <longsky/core/buffer.hpp>
#include <longsky/io/safetensors.hpp>
#include <longsky/train/recipe.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace longsky {

/// The parameters of `R`, initialised by its Init policy from a seed.
template <Recipe R>
class Weights {
 public:
  using Layout = LayoutOf<R>;

  explicit Weights(std::uint64_t seed) : values_(static_cast<std::size_t>(Layout::size)) {
    [&]<class First, class... Rest>(StageList<First, Rest...>) {
      R::Init::template initialise<NetOf<R, Causal>>(values_.span(), seed, First::Position::spec);
    }(typename R::Stages{});
  }

  std::span<float> span() const { return values_.span(); }

 private:
  Buffer<float> values_;
};

/// The rows of the tables of `R` laid over `values`, in order: `embedding`, `layers.0.qkv`, …, `final_norm`.
template <Recipe R>
std::vector<TensorRef> named_tensors(std::span<float> values) {
  std::vector<TensorRef> list;
  const auto add = [&](std::string_view name, int rows, int columns, int layer, std::int64_t at) {
    list.push_back(
        {(layer < 0 ? "" : "layers." + std::to_string(layer) + ".") + std::string(name),
         rows == 1 ? std::vector<std::int64_t>{columns} : std::vector<std::int64_t>{rows, columns},
         values.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(std::int64_t{rows} * columns))});
  };
  LayoutOf<R>::for_each(
      [&](auto entry, int layer, std::int64_t at) { add(entry.name, entry.rows, entry.columns, layer, at); });
  return list;
}

}  // namespace longsky
