// error: a rotary factor is target length / trained length
// cause: Positions are stretched by the factor; a factor below 1 would shorten the context.
// remedy: Write target length / trained length: 8 for a context eight times as long.
#include <longsky/spec/position.hpp>

constexpr longsky::RopeSpec spec = longsky::Rope<longsky::RopeSpec{.factor = 0.125}>::spec;
