// error: R::Stages|no type named 'Stages'
// cause: A recipe names its stages, and this one does not.
// remedy: Add `using Stages = longsky::StageList<…>;` with at least one stage.
#include "right_recipe.hpp"

struct Wrong {
  static constexpr longsky::ModelSpec model = right::Recipe::model;
  using Layers = right::Recipe::Layers;
  using Precision = right::Recipe::Precision;
  using Recompute = right::Recipe::Recompute;
  using Init = right::Recipe::Init;
  using Optimizer = right::Recipe::Optimizer;
};
static_assert(longsky::Recipe<Wrong>);
