// error: context_must_not_exceed_the_model
// cause: The stage trains on longer sequences than the model has positions for.
// remedy: Raise `ModelSpec::context` to the longest context of all stages, or lower the stage's.
#include "right_recipe.hpp"

constexpr longsky::StageSpec spec = longsky::checked(
    {.name = "long", .context = 128, .sequences = 2, .steps = 10, .lr = 1e-3}, right::Recipe::model);
