// longsky/program/identity.hpp — what a run is: written into run.json and into each of its checkpoints, and compared
// before a byte of one is used.
#pragma once

#include <longsky/core/crc32c.hpp>
#include <longsky/core/error.hpp>
#include <longsky/core/json.hpp>
#include <longsky/text/byte_pair.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace longsky {

/// What two invocations on one directory must agree on; anything else may change between them.
struct RunIdentity {
  std::string recipe;  ///< describe<R>()
  double scale = 1, lr_scale = 1;
  std::uint32_t books = 0;  ///< CRC-32C of their texts
  std::string held_out;
  std::uint32_t tokenizer = 0;  ///< CRC-32C of its tokens

  static void fields(auto& identity, auto&& field) {
    field("recipe", identity.recipe);
    field("scale", identity.scale);
    field("lr_scale", identity.lr_scale);
    field("books", identity.books);
    field("held_out", identity.held_out);
    field("tokenizer", identity.tokenizer);
  }
};

/// What a checkpoint belongs to: a place in the directory of a run.
struct StageIdentity {
  RunIdentity run;
  std::uint64_t seed = 0;
  std::string stages;  ///< those it went through: "pretrain+sft"

  static void fields(auto& identity, auto&& field) {
    field("run", identity.run);
    field("seed", identity.seed);
    field("stages", identity.stages);
  }
};

/// RunIdentity::tokenizer.
[[gnu::cold]] inline std::uint32_t checksum_of(const BytePair& tokenizer) {
  std::uint32_t crc = 0;
  for (std::int32_t id = 0; id < tokenizer.vocab(); ++id)
    crc = crc32c(std::string_view("\n"), crc32c(tokenizer.token(id), crc));
  return crc;
}

/// "another lr_scale: 0.5 there, 1 here", of the first field that differs; empty where all are alike. Of texts of many
/// lines, the first line that differs; of a long line, what lies around the first difference.
[[gnu::cold]] inline std::string difference(const Json& there, const Json& here) {
  constexpr std::size_t longest = 100, before = 40;
  for (const auto& [name, value] : here.members()) {
    const Json other = there[name.c_str()];
    if (other == value) continue;
    if (value.is_object()) return difference(other, value);
    std::string a = other.text(), b = value.text();
    if (other.is_string() && value.is_string()) {
      a = other.get<std::string>(), b = value.get<std::string>();
      const auto at = static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
      const auto line = [at](const std::string& text) {
        const std::size_t start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
        std::size_t from = at - start <= before ? start : at - before;
        while (from > start && (static_cast<unsigned char>(text[from]) & 0xc0u) == 0x80u) --from;
        const std::string found = text.substr(from, text.find('\n', from) - from);
        return (from > start ? "'…" : "'") + found.substr(0, longest) + (found.size() > longest ? "…'" : "'");
      };
      const std::string of_a = line(a);
      b = line(b);
      a = of_a;
    }
    return "another " + name + ": " + a + " there, " + b + " here";
  }
  return {};
}

/// Throws Error(usage) unless the checkpoint in `directory`, whose state names `there`, belongs to `here`.
[[gnu::cold]] inline void require_same(const std::filesystem::path& directory, const Json& there, const Json& here) {
  const std::string other = difference(there, here);
  if (other.empty()) return;
  throw Error(ExitCode::usage, "the checkpoint " + directory.string() + " has " + other +
                                   "; give the options and books it was made with, use another --out, or remove that "
                                   "directory, and its stage is trained again");
}

}  // namespace longsky
