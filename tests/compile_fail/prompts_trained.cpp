// error: questions and tables are prompts, only their answers are trained
// cause: The data of this stage asks and answers; `NextToken` would also train the questions and the table itself.
// remedy: Write `using Objective = ResponseOnly;` in that stage.
#include "right_recipe.hpp"

struct Asking : right::Stage {
  using Data = right::Questions;
};
struct Wrong : right::Recipe {
  using Stages = longsky::StageList<Asking>;
};
static_assert(longsky::Recipe<Wrong>);
