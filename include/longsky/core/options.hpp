// longsky/core/options.hpp — a plain struct with visible defaults, walked by name.
//
//   struct RunOptions { int threads = 0; std::string out = "runs/tiny"; };
//   BOOST_HANA_ADAPT_STRUCT(longsky::RunOptions, threads, out);      // at global scope, once
#pragma once

#include <boost/hana/accessors.hpp>
#include <boost/hana/adapt_struct.hpp>
#include <boost/hana/for_each.hpp>
#include <boost/hana/fuse.hpp>
#include <boost/hana/string.hpp>

#include <string>
#include <string_view>
#include <type_traits>

namespace longsky {

/// The words of `--help` for one member of an option struct.
struct OptionText {
  const char* member;
  const char* group;
  const char* text;
  bool may_be_empty = false;  ///< of a text: whether "" says something
};

/// A struct that has been adapted and starts with its defaults.
template <class T>
concept Options = boost::hana::Struct<std::remove_const_t<T>>::value && std::is_default_constructible_v<T>;

/// Calls f(name, value&) for every member, in order.
template <Options T, class F>
void for_each_option(T& options, F&& f) {
  boost::hana::for_each(boost::hana::accessors<std::remove_const_t<T>>(), boost::hana::fuse([&](auto name, auto get) {
                          f(std::string_view{name.c_str()}, get(options));
                        }));
}

/// The flag of a member: `max_wall` is `--max-wall`.
inline std::string flag_of(std::string_view member) {
  std::string flag{"--"};
  for (char c : member) flag += c == '_' ? '-' : c;
  return flag;
}

}  // namespace longsky
