// error: no_parameter_is_called
// cause: The table of this layer has no parameter of that name; the message quotes the name.
// remedy: The names are in the layer's table, the `params(…)` at the top of its header.
#include <longsky/core/params.hpp>

using namespace longsky::literals;

constexpr auto table = longsky::params("wq"_n = longsky::matrix<128, 128>, "wo"_n = longsky::output<128, 128>);
constexpr std::size_t place = decltype(table)::index<decltype("wqq"_n)>();
