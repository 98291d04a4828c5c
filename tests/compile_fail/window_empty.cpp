// error: a sliding window must hold at least the token itself
// cause: A window of 0 tokens hides every key, also the token's own.
// remedy: Write `SlidingWindow<1>` or larger.
#include <longsky/spec/mask.hpp>

constexpr bool sees_itself = longsky::SlidingWindow<0>::visible({0, 0}, {0, 0});
