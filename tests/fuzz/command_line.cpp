// tests/fuzz/command_line.cpp — a command line, a word between zeros.
#include "fuzz/harness.hpp"

#include <longsky/program/command_line.hpp>
#include <longsky/program/options.hpp>

#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longsky;
  const std::string_view text = fuzz::text_of(data, size);
  std::vector<std::string> words;
  for (std::size_t at = 0, end; at <= size && words.size() < 64; at = end + 1) {
    end = std::min(text.find('\0', at), size);
    words.emplace_back(text.substr(at, end - at));
  }
  RunOptions options;
  Command program{"program", "for a test"};
  Command train{"train", "trains"};
  add_options(train, options, run_option_texts);
  std::vector<Command> commands{train, {"plan", "plans"}};
  fuzz::accepted([&] { parse_command_line(program, commands, words); });
  help_text(program, commands, &commands[0]);
  return 0;
}
