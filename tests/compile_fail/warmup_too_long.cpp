// error: warmup_must_end_within_the_steps
// cause: The learning rate rises for `warmup` steps, and the stage has fewer: it would never reach its peak.
// remedy: Lower `warmup`, or raise `steps`.
#include "right_recipe.hpp"

constexpr longsky::StageSpec spec =
    longsky::checked({.name = "pretrain", .context = 64, .steps = 10, .warmup = 20}, right::Recipe::model);
