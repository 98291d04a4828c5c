// error: S::Data|no type named 'Data'
// cause: A stage names its data, and this one does not.
// remedy: Add `using Data = …;`: a data policy of `longsky/data/`, or your own as in `examples/own_data.cpp`.
#include "right_recipe.hpp"

struct Bare {
  static constexpr longsky::StageSpec spec = right::Stage::spec;
  using Mask = right::Stage::Mask;
  using Position = right::Stage::Position;
  using Objective = right::Stage::Objective;
  using Schedule = right::Stage::Schedule;
};
static_assert(longsky::Stage<Bare>);
