// longsky/program/paths.hpp — where things are in the directory of a run.
//
//   <out>/run.json  tokenizer.json  summary.json  report.html
//   <out>/seed_0/pretrain+long_pretrain/checkpoints/…  metrics.jsonl  tb/  evaluation.json
#pragma once

#include <longsky/program/chain.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace longsky {

struct RunPaths {
  std::filesystem::path out;

  std::filesystem::path run_json() const { return out / "run.json"; }
  std::filesystem::path tokenizer() const { return out / "tokenizer.json"; }
  std::filesystem::path summary() const { return out / "summary.json"; }
  std::filesystem::path seed(std::uint64_t seed) const { return out / ("seed_" + std::to_string(seed)); }
  [[gnu::cold]] std::filesystem::path node(std::uint64_t of_seed, const Chain& chain, std::size_t links) const {
    return seed(of_seed) / chain.directory(links);
  }
  std::filesystem::path evaluation(std::uint64_t seed, const Chain& chain, bool development) const {
    return node(seed, chain, chain.links.size()) / (development ? "evaluation_development.json" : "evaluation.json");
  }
};

/// The name of the checkpoint a finished stage leaves.
inline constexpr const char* finished_checkpoint = "finished";

}  // namespace longsky
