// program/check_corpus_test.cpp — data is tried before a run begins: what would fail or train nothing later is said
// then.
#include <longsky/program/check_corpus.hpp>

#include "support/catch.hpp"

#include <cstdint>
#include <string>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

constexpr StageSpec stage{.name = "quiet", .context = 8, .sequences = 1, .steps = 1, .lr = 1e-3};

/// What trying data says of which only sequence `trains` trains a token; empty where nothing is wrong.
std::string tried(std::uint64_t trains, int* draws = nullptr) {
  try {
    check_stage_data(stage, [&](Batch& batch, std::uint64_t index, double progress) {
      CHECK((0 <= progress && progress < 1));
      if (draws) ++*draws;
      fill_batch(
          batch,
          [&](const Sequence& out, Draw&) {
            std::fill(out.tokens.begin(), out.tokens.end(), 1);
            std::fill(out.documents.begin(), out.documents.end(), 0);
            std::fill(out.roles.begin(), out.roles.end(), Role::silent);
            if (index == trains) out.roles[3] = Role::text;
          },
          {[](Role role) { return role == Role::text; }, true}, 0, 0, index, progress);
    });
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("data that trains nothing is said before a run begins") {
  CHECK_THAT(tried(1'000'000), Contains("stage quiet would train nothing") && Contains("check its data"));
}

TEST_CASE("data that seldom trains is tried until it does, other data no longer than it takes to see its parts") {
  int draws = 0;
  CHECK(tried(0, &draws).empty());
  CHECK(draws == 16);
  draws = 0;
  CHECK(tried(900, &draws).empty());
  CHECK(draws == 901);
}
