// longsky/spec/objective.hpp — which tokens are trained. The data says what a token is, the objective what counts.
#pragma once

#include <concepts>
#include <cstdint>

namespace longsky {

/// What a token is to an objective.
enum class Role : std::uint8_t {
  silent,    ///< padding, or a token whose prediction would teach nothing; never trained
  text,      ///< running text
  prompt,    ///< what a user says
  response,  ///< what the model is to say
};

/// Every token that is not silent (pretraining).
struct NextToken {
  static constexpr bool trains(Role role) { return role != Role::silent; }
};

/// Responses only (SFT).
struct ResponseOnly {
  static constexpr bool trains(Role role) { return role == Role::response; }
};

/// What an objective must have.
template <class T>
concept Objective = requires(Role role) {
  { T::trains(role) } -> std::same_as<bool>;
};

}  // namespace longsky
