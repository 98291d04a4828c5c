// error: a recipe trains at least one stage
// cause: The recipe's list of stages is empty.
// remedy: Name at least one stage: `using Stages = longsky::StageList<Pretrain>;`.
#include "right_recipe.hpp"

struct Wrong : right::Recipe {
  using Stages = longsky::StageList<>;
};
static_assert(longsky::Recipe<Wrong>);
