// longsky/program/chain.hpp — which stages a model goes through, in which order, and at which rotary base.
//
// The recipe itself is one chain; what it is compared with are others: the short recipe ("before") and the ablations.
// Chains share their common beginnings, so a stage that two of them start with is trained once.
#pragma once

#include <longsky/spec/position.hpp>
#include <longsky/train/recipe.hpp>

#include <optional>
#include <string>
#include <vector>

namespace longsky {

/// One stage of a chain.
struct Link {
  std::size_t stage;                 ///< index in the recipe
  std::string name;                  ///< of the stage, and of a changed base
  std::optional<RopeSpec> position;  ///< instead of the stage's own

  friend bool operator==(const Link& a, const Link& b) { return a.name == b.name; }
};

/// A model's way through the stages.
struct Chain {
  std::string name;  ///< as the report calls it
  std::vector<Link> links;

  /// The directory of the first `n` links: `pretrain+long_pretrain`.
  std::string directory(std::size_t n) const {
    std::string path;
    for (std::size_t i = 0; i < n; ++i) path += (i ? "+" : "") + links[i].name;
    return path;
  }
};

/// What the comparison needs to know of each stage of a recipe.
struct StageOutline {
  StageSpec spec;
  RopeSpec position;
  bool trains_prompts;  ///< every token is trained, not the answers alone
};

template <Recipe R>
std::vector<StageOutline> outline() {
  std::vector<StageOutline> list;
  for_each_stage<R>([&]<class S>(std::size_t) {
    list.push_back({S::spec, S::Position::spec, S::Objective::trains(Role::prompt)});
  });
  return list;
}

/// The recipe as it stands.
inline Chain full_chain(const std::vector<StageOutline>& stages) {
  Chain chain{"after", {}};
  for (std::size_t i = 0; i < stages.size(); ++i) chain.links.push_back({i, stages[i].spec.name, {}});
  return chain;
}

/// The stages of the first stage's context at the first stage's base: what one has before anything is made long.
inline Chain short_chain(const std::vector<StageOutline>& stages) {
  Chain chain{"before", {}};
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].spec.context != stages[0].spec.context) continue;
    const bool changed = stages[i].position != stages[0].position;
    chain.links.push_back({i, std::string(stages[i].spec.name) + (changed ? "@first_base" : ""),
                           changed ? std::optional(stages[0].position) : std::nullopt});
  }
  return chain;
}

/// The recipe without each stage that is longer than the first, and the recipe at the first stage's base throughout.
[[gnu::cold]] inline std::vector<Chain> ablation_chains(const std::vector<StageOutline>& stages) {
  std::vector<Chain> chains;
  for (std::size_t left_out = 0; left_out < stages.size(); ++left_out) {
    if (stages[left_out].spec.context == stages[0].spec.context) continue;
    Chain chain{std::string("without ") + stages[left_out].spec.name, {}};
    for (std::size_t i = 0; i < stages.size(); ++i)
      if (i != left_out) chain.links.push_back({i, stages[i].spec.name, {}});
    chains.push_back(chain);
  }
  Chain same_base{"without the change of base", {}};
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const bool changed = stages[i].position != stages[0].position;
    same_base.links.push_back({i, std::string(stages[i].spec.name) + (changed ? "@first_base" : ""),
                               changed ? std::optional(stages[0].position) : std::nullopt});
  }
  chains.push_back(same_base);
  return chains;
}

}  // namespace longsky
