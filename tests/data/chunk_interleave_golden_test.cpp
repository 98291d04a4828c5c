// Chunk interleaving against what two public programs make of the same documents: tests/golden/cip_*.json. Whatever
// cases stand in a file are tried; `source` in it names the program and its version.
#include "data/toy_corpus.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

#include <longsky/data/chunk_interleave.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

using namespace longsky;
using namespace longsky::test;

namespace {

using Documents = std::vector<MarkedTokens>;

/// The documents of a file end in `eos`; what stands behind the last one is none.
Documents documents_of(const Json& file, const Json& masks, std::int32_t eos) {
  Documents documents;
  for (std::size_t d = 0; d < file.size(); ++d) {
    MarkedTokens document{file.item(d).get<Tokens>(), {}};
    if (document.tokens.empty() || document.tokens.back() != eos) continue;
    if (masks.size() > 0)
      for (int mask : masks.item(d).get<std::vector<int>>())
        document.roles.push_back(mask == 0 ? Role::silent : Role::text);
    documents.push_back(document);
  }
  return documents;
}

/// An instance as OLMo-core has it: tokens, and 1 for each that is learned.
struct Instance {
  std::vector<int> tokens, label_mask;
  static void fields(auto& self, auto&& field) {
    field("tokens", self.tokens);
    field("label_mask", self.label_mask);
  }
};

template <class Write>
Instance written(int length, const SpecialTokens& special, const Write& write) {
  OwnSequence out(length - 1);
  SequenceWriter writer(out.view(), special);
  write(writer);
  writer.finish();
  Instance instance{out.tokens, {}};
  for (const Role role : out.roles) instance.label_mask.push_back(role == Role::silent ? 0 : 1);
  return instance;
}

}  // namespace

TEST_CASE("a fixed group is OLMo-core's, to the token and the label", "[golden]") {
  for (const Json& given : golden("cip_fixed_group")) {
    INFO(given.at("case").text());
    const auto length = given.at("sequence_length").get<int>(), chunks = given.at("chunks_per_doc").get<int>();
    const auto group = given.at("docs_per_instance").get<std::size_t>();
    FrameTokens frame{{}, given.at("eos").get<std::int32_t>(), given.at("pad").get<std::int32_t>()};
    if (!given.at("bos").is_null()) frame.begin = given.at("bos").get<std::int32_t>();
    const SpecialTokens special{.pad = frame.pad, .end = frame.end};

    std::vector<Instance> made;
    Documents all;
    const auto exempt = given.at("exempt_files").get<std::vector<std::size_t>>();
    const Json files = given.at("files"), masks = given["document_masks"];
    for (std::size_t f = 0; f < files.size(); ++f) {
      const Documents documents = documents_of(files.item(f), masks.item(f), frame.end);
      all.insert(all.end(), documents.begin(), documents.end());
      if (std::find(exempt.begin(), exempt.end(), f) == exempt.end()) continue;
      for (const MarkedTokens& document : documents)
        made.push_back(written(length, special, [&](SequenceWriter& writer) { write_whole(writer, document); }));
    }
    const auto order = given.at("order").get<std::vector<std::size_t>>();
    for (std::size_t first = 0; first + group <= order.size(); first += group) {
      Documents documents;
      for (std::size_t d = first; d < first + group; ++d) documents.push_back(all.at(order[d]));
      made.push_back(written(length, special,
                             [&](SequenceWriter& writer) { write_fixed_group(writer, documents, chunks, frame); }));
    }

    const auto wanted = given.at("instances").get<std::vector<Instance>>();
    REQUIRE(made.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      CHECK(made[i].tokens == wanted[i].tokens);
      CHECK(made[i].label_mask == wanted[i].label_mask);
    }
  }
}

TEST_CASE("interleaving is that of Untie the Knots' baseline, with its cuts and with equal ones", "[golden]") {
  int equal = 0;
  for (const Json& given : golden("cip_packed_group")) {
    INFO(given.at("case").text());
    const auto documents = given.at("documents").get<std::vector<Tokens>>();
    const auto cuts = given.at("cuts").get<std::vector<Cuts>>();
    const auto counts = given.at("chunks").get<std::vector<int>>();
    Tokens wanted = given.at("tokens").get<Tokens>();
    wanted.push_back(given.at("last_label").get<std::int32_t>());
    CHECK(dealt<std::int32_t>(documents, cuts) == wanted);

    Random random(1, 2, 3);
    std::vector<Cuts> own;
    for (std::size_t d = 0; d < documents.size(); ++d)
      own.push_back(EqualCuts::cuts(documents[d].size(), counts[d], random));
    if (own != cuts || std::set<int>(counts.begin(), counts.end()).size() > 1) continue;
    CHECK(interleaved<EqualCuts>(documents, counts.at(0), random) == wanted);
    ++equal;
  }
  CHECK(equal > 0);
}
