// longsky/program/command_line.hpp — option structs on the command line: groups, defaults, and the nearest name for a
// misspelt one.
//
//   PROGRAM COMMAND [--option VALUE | --option=VALUE | --switch] … ;   --help after PROGRAM or COMMAND
//
// Written here, in plain functions: a parser from a package cost every program eight seconds of compiling.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/core/options.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace longsky {

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
  if (const std::optional<Value> value = number_in<Value>(text)) return *value;
  throw Error(ExitCode::usage, flag + " was given '" + text + "', expected " +
                                   (std::is_floating_point_v<Value> ? "a number"
                                    : std::is_unsigned_v<Value>     ? "a whole number that is not negative"
                                                                    : "a whole number") +
                                   "; see --help for what it means");
}

/// Where the value of an option goes. A `bool` is a switch: it takes no value.
using OptionTarget = std::variant<bool*, int*, std::uint64_t*, double*, std::string*>;

/// An option as a command knows it.
struct CommandOption {
  std::string flag;
  OptionTarget target;
  std::string group, text;
  bool may_be_empty = false;            ///< of a text
  std::string standard = {};            ///< the default, as it would be given
  std::vector<std::string> given = {};  ///< what the command line says, in its order

  bool is_switch() const { return target.index() == 0; }
  const char* type() const {
    constexpr const char* names[] = {"", "INT", "INT", "NUMBER", "TEXT"};
    return names[target.index()];
  }
  std::string value() const {
    if (const auto* whole = std::get_if<int*>(&target)) return shortest_text(**whole);
    if (const auto* whole = std::get_if<std::uint64_t*>(&target)) return shortest_text(**whole);
    if (const auto* number = std::get_if<double*>(&target)) return shortest_text(**number);
    if (const auto* words = std::get_if<std::string*>(&target)) return **words;
    return "";
  }
  void set(const std::string& value) const {
    if (const auto* on = std::get_if<bool*>(&target)) **on |= says(value, {"true", "on", "yes", "1"});
    if (const auto* whole = std::get_if<int*>(&target)) **whole = parse_value<int>(flag, value);
    if (const auto* whole = std::get_if<std::uint64_t*>(&target)) **whole = parse_value<std::uint64_t>(flag, value);
    if (const auto* number = std::get_if<double*>(&target)) **number = parse_value<double>(flag, value);
    if (const auto* words = std::get_if<std::string*>(&target)) {
      if (value.empty() && !may_be_empty)
        throw Error(ExitCode::usage, flag + " was given an empty text, expected a name; leave it out for the default");
      **words = value;
    }
  }
  static bool says(const std::string& value, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), value) != words.end();
  }
};

/// One command, or the program itself: what it may be given and, after parsing, what it was given besides.
struct Command {
  std::string name, text;
  std::vector<CommandOption> options = {};
  std::vector<std::string> unknown = {};
  bool help = false;
};

/// A command line that is incomplete or says something twice. The sentence stands alone, without the program's name,
/// and before "Run with --help for more information."
struct Misuse : Error {
  explicit Misuse(const std::string& what) : Error(ExitCode::usage, what) {}
};

/// Adds every member of `options` to `command`, with its group, its words and, as it stands, its default.
template <Options T>
void add_options(Command& command, T& options, std::span<const OptionText> texts) {
  const auto add = [&](std::string_view member, OptionTarget target) {
    const auto text = std::find_if(texts.begin(), texts.end(), [&](const OptionText& t) { return member == t.member; });
    if (text == texts.end()) throw Error(ExitCode::failure, "the option " + std::string(member) + " has no help text");
    CommandOption& option = command.options.emplace_back(
        CommandOption{flag_of(member), target, text->group, text->text, text->may_be_empty});
    option.standard = option.value();
  };
  for_each_option(options, [&](std::string_view member, auto& value) { add(member, &value); });
}

/// The flags that `command` has.
[[gnu::cold]] inline std::vector<std::string> flags_of(const Command& command) {
  std::vector<std::string> flags{"--help"};
  for (const CommandOption& option : command.options) flags.push_back(option.flag);
  return flags;
}

/// The word that follows `flag` as its value. A word that is an option, or nearly one, is none: whoever forgot the
/// value would otherwise be answered with a book or a directory of that name. Throws Misuse.
[[gnu::cold]] inline std::string following_value(const Command& command, const CommandOption& option,
                                                 std::span<const std::string>& rest) {
  if (rest.empty()) throw Misuse(option.flag + ": 1 required " + option.type() + " missing");
  const std::string word = rest.front(), flag = word.substr(0, word.find('='));
  if (flag == "-h" || (flag.starts_with("--") && !nearest(flag, flags_of(command)).empty()))
    throw Misuse(option.flag + ": 1 required " + option.type() + " missing before " + word +
                 "; if that is its value, write " + option.flag + "=" + word);
  rest = rest.subspan(1);
  return word;
}

/// Takes one word that belongs to `command`, and from `rest` the value that follows it. Throws Misuse.
[[gnu::cold]] inline void take_word(Command& command, const std::string& word, std::span<const std::string>& rest) {
  const std::size_t equals = word.find('=');
  const std::string flag = word.substr(0, equals);
  std::optional<std::string> value;  // what stands behind an equals sign, which may be nothing
  if (equals != std::string::npos) value = word.substr(equals + 1);
  const auto option =
      std::find_if(command.options.begin(), command.options.end(), [&](const auto& o) { return o.flag == flag; });
  if (flag == "--help" || flag == "-h") {
    if (value) throw Misuse(flag + " takes no value");
    command.help = true;
  } else if (option == command.options.end()) {
    command.unknown.push_back(word);
  } else if (option->is_switch()) {
    const std::string on = value.value_or("true");
    if (!CommandOption::says(on, {"true", "on", "yes", "1", "false", "off", "no", "0"}))
      throw Misuse("Could not convert: " + flag + " = '" + on + "'");
    option->given.push_back(on);
  } else {
    option->given.push_back(value ? *value : following_value(command, *option, rest));
  }
}

/// Gives the options of `command` the values that were found for them. Throws Error(usage).
[[gnu::cold]] inline void set_options(const Command& command) {
  for (const CommandOption& option : command.options) {
    if (option.given.size() > 1 && !option.is_switch())
      throw Misuse(option.flag + ": At Most 1 required but received " + std::to_string(option.given.size()));
    for (const std::string& value : option.given) option.set(value);
  }
}

/// Throws Error(usage) for words that `command` does not know, with the nearest that it or one of `commands` does.
[[gnu::cold]] inline void refuse_unknown(const Command& command, std::span<const Command> commands = {}) {
  if (command.unknown.empty()) return;
  std::vector<std::string> known = flags_of(command);
  for (const Command& other : commands) known.push_back(other.name);
  const std::string word = command.unknown.front().substr(0, command.unknown.front().find('='));
  const std::string near = nearest(word, known);
  throw Error(ExitCode::usage, "there is no " + std::string(word.starts_with("-") ? "option " : "command ") + word +
                                   (near.empty() ? "." : "; did you mean " + near + "?") + " See " + command.name +
                                   " --help.");
}

/// Reads a command line into the options and returns the command it names; of that or of `program`, `help` may be set.
/// Throws Error(usage).
[[gnu::cold]] inline Command* parse_command_line(Command& program, std::span<Command> commands,
                                                 std::span<const std::string> words) {
  Command* command = nullptr;
  try {
    while (!words.empty()) {
      const std::string word = words.front();
      words = words.subspan(1);
      const auto named =
          std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.name == word; });
      if (!command && named != commands.end())
        command = &*named;
      else
        take_word(command ? *command : program, word, words);
    }
    if (command) set_options(*command);
    if (program.help || (command && command->help)) return command;
    if (!command) throw Misuse("A subcommand is required");
  } catch (const Misuse&) {
    refuse_unknown(program, commands);  // the likelier reason
    throw;
  }
  refuse_unknown(program, commands);
  refuse_unknown(*command);
  return command;
}

/// The names of a help text in one column, what they mean in the next.
inline std::string help_line(const std::string& name, const std::string& text) {
  constexpr std::size_t column = 30;
  std::string line = "  " + name;
  if (line.size() >= column)
    line += "\n" + std::string(column, ' ');
  else
    line.resize(column, ' ');
  return line + text + "\n";
}

/// What `--help` says: of the program where `command` is none, else of that command.
[[gnu::cold]] inline std::string help_text(const Command& program, std::span<const Command> commands,
                                           const Command* command) {
  std::string help = (command ? command->text : program.text) + "\nUsage: " + program.name +
                     (command ? " " + command->name + " [OPTIONS]" : " [OPTIONS] SUBCOMMAND") + "\n\nOptions:\n" +
                     help_line("-h,--help", "Print this help message and exit");
  if (!command) {
    help += "\nSubcommands:\n";
    for (const Command& c : commands) help += help_line(c.name, c.text);
    return help + "\n";
  }
  std::string group;
  for (const CommandOption& o : command->options) {
    if (o.group != group) help += "\n\n" + o.group + ":\n";
    group = o.group;
    help += help_line(o.flag + (o.is_switch() ? "" : " ") + o.type() + (o.standard.empty() ? "" : "=" + o.standard),
                      o.text);
  }
  return help + "\n";
}

/// Seconds in "90", "90s", "15m", "2h", "01:30:00" or "15:00"; 0 for an empty text. Throws Error(usage).
[[gnu::cold]] inline double parse_duration(const std::string& text) {
  if (text.empty()) return 0;
  double total = 0;
  std::size_t at = 0;
  const auto bad = [&] {
    return Error(ExitCode::usage, "'" + text + "' is not a duration; write it as 90s, 15m, 2h or 01:30:00");
  };
  for (;;) {
    std::size_t end = at;
    while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.')) ++end;
    const std::optional<double> number = number_in<double>(std::string_view(text).substr(at, end - at));
    if (!number) throw bad();
    if (end == text.size()) return total + *number;
    if (text[end] == ':') {
      total = (total + *number) * 60;
      at = end + 1;
      continue;
    }
    const std::string_view unit = std::string_view(text).substr(end);
    if (total != 0) throw bad();
    if (unit == "s") return *number;
    if (unit == "m") return *number * 60;
    if (unit == "h") return *number * 3600;
    throw bad();
  }
}

}  // namespace longsky
