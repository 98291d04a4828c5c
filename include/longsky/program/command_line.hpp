// longsky/program/command_line.hpp — option structs on the command line: groups, defaults, and the nearest name for a
// misspelt one.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/options.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

namespace longsky {

/// The words of `--help` for one member of an option struct.
struct OptionText {
  const char* member;
  const char* group;
  const char* text;
};

/// How many letters must be inserted, removed or exchanged to make `a` of `b` (Levenshtein).
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t exchanged = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({exchanged, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

/// The name in `known` that is nearest to `word`, or nothing when none is near.
inline std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& name : known)
    if (const std::size_t d = edit_distance(word, name); d < distance) distance = d, best = name;
  return best;
}

/// What is written after `flag` as a value. Throws Error(usage) unless the whole of `text` is one that fits.
template <class Value>
Value parse_value(const std::string& flag, const std::string& text) {
  if constexpr (std::is_same_v<Value, std::string>) {
    return text;
  } else {
    Value value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
      throw Error(ExitCode::usage, flag + " was given '" + text + "', expected " +
                                       (std::is_floating_point_v<Value> ? "a number"
                                        : std::is_unsigned_v<Value>     ? "a whole number that is not negative"
                                                                        : "a whole number") +
                                       "; see --help for what it means");
    return value;
  }
}

/// A value as it would be written after its flag.
template <class Value>
std::string value_text(const Value& value) {
  if constexpr (std::is_same_v<Value, std::string>) {
    return value;
  } else {
    char text[64];
    return {text, std::to_chars(text, text + sizeof text, value).ptr};
  }
}

/// Adds every member of `options` to `app`, with its group, its words and its default.
template <Options T>
void add_options(CLI::App& app, T& options, std::span<const OptionText> texts) {
  for_each_option(options, [&](std::string_view member, auto& value) {
    const auto text = std::find_if(texts.begin(), texts.end(), [&](const OptionText& t) { return member == t.member; });
    if (text == texts.end()) throw Error(ExitCode::failure, "the option " + std::string(member) + " has no help text");
    using Value = std::remove_reference_t<decltype(value)>;
    const std::string flag = flag_of(member);
    CLI::Option* option;
    if constexpr (std::is_same_v<Value, bool>) {
      option = app.add_flag_callback(flag, [&value] { value = true; }, text->text);
    } else {
      // As text: one parser for all types, with the sentences of this library.
      option = app.add_option_function<std::string>(
          flag, [&value, flag](const std::string& given) { value = parse_value<Value>(flag, given); }, text->text);
      option->default_str(value_text(value));
      option->type_name(std::is_same_v<Value, std::string> ? "TEXT" : std::is_integral_v<Value> ? "INT" : "NUMBER");
    }
    option->group(text->group);
  });
}

/// Throws Error(usage) for words that are no option of `app`, with the nearest one.
inline void refuse_unknown(const CLI::App& app) {
  const std::vector<std::string> left = app.remaining();
  if (left.empty()) return;
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) known.push_back(option->get_name());
  for (const CLI::App* sub : app.get_subcommands({})) known.push_back(sub->get_name());
  const std::string word = left.front().substr(0, left.front().find('='));
  const std::string near = nearest(word, known);
  throw Error(ExitCode::usage, "there is no " + std::string(word.starts_with("-") ? "option " : "command ") + word +
                                   (near.empty() ? "." : "; did you mean " + near + "?") + " See " + app.get_name() + " --help.");
}

/// Seconds in "90", "90s", "15m", "2h", "01:30:00" or "15:00"; 0 for an empty text. Throws Error(usage).
inline double parse_duration(const std::string& text) {
  if (text.empty()) return 0;
  double total = 0;
  std::size_t at = 0;
  const auto bad = [&] {
    return Error(ExitCode::usage, "'" + text + "' is not a duration; write it as 90s, 15m, 2h or 01:30:00");
  };
  for (;;) {
    std::size_t end = at;
    while (end < text.size() && (std::isdigit(static_cast<unsigned char>(text[end])) || text[end] == '.')) ++end;
    double number = 0;
    try {
      std::size_t used = 0;
      number = std::stod(text.substr(at, end - at), &used);
      if (used != end - at) throw bad();
    } catch (const std::logic_error&) {
      throw bad();
    }
    if (end == text.size()) return total + number;
    if (text[end] == ':') {
      total = (total + number) * 60;
      at = end + 1;
      continue;
    }
    const std::string_view unit = std::string_view(text).substr(end);
    if (total != 0) throw bad();
    if (unit == "s") return number;
    if (unit == "m") return number * 60;
    if (unit == "h") return number * 3600;
    throw bad();
  }
}

}  // namespace longsky
