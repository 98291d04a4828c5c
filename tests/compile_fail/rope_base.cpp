// error: a rotary base must be greater than 1
// cause: The frequencies of the rotary embedding are powers of the base; with a base of 1 or less they do not fall.
// remedy: Write a base such as `10'000` or `500'000`.
#include <longsky/spec/position.hpp>

constexpr longsky::RopeSpec spec = longsky::Rope<longsky::RopeSpec{.base = 0.5}>::spec;
