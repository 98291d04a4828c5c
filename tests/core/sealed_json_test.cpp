// tests/core/sealed_json_test.cpp — what a seal closes is read as it was written or not at all.
#include "support/catch.hpp"

#include <longsky/core/sealed_json.hpp>

#include "support/scratch_directory.hpp"

#include <string>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

Json refused(std::string_view text, std::string& problem) {
  problem.clear();
  const Json found = parse_sealed(text, &problem);
  return found;
}

const std::vector<Json>& objects() {
  static const std::vector<Json> all = {
      Json::object({}), Json::object({{"a", 1}}),
      Json::object({{"text", "with \"crc32c\": \"00000000\" in it"},
                    {"list", std::vector<double>{1.5, 2}},
                    {"deep", Json::object({{"crc32c", Json::object({{"x", true}})}})}})};
  return all;
}

}  // namespace

TEST_CASE("a sealed object is JSON for everybody, and the same object with its seal") {
  for (const Json& object : objects())
    for (int indent : {0, 1, 2}) {
      const std::string text = sealed_text(object, indent);
      std::string problem;
      const Json found = parse_sealed(text, &problem);
      INFO(text);
      CHECK(problem.empty());
      CHECK(found == Json::parse(text));
      CHECK(found.size() == object.size() + 1);
      for (const auto& [name, value] : object.members()) CHECK(found[name.c_str()] == value);
    }
  CHECK(sealed_text(objects()[1]) == "{\"a\":1,\"crc32c\":\"" + sealed_text(objects()[1]).substr(17, 8) + "\"}");
  CHECK_THROWS_AS(sealed_text(Json::object({{"crc32c", 1}})), Error);
  CHECK_THROWS_AS(sealed_text(Json(1)), Error);
}

TEST_CASE("every flipped bit, every missing end and everything appended is refused") {
  for (const Json& object : objects())
    for (int indent : {0, 1}) {
      const std::string good = sealed_text(object, indent);
      std::string problem;
      for (std::size_t i = 0; i < good.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
          std::string bad = good;
          bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
          if (!refused(bad, problem).is_null() || problem.empty()) FAIL(bad);
        }
        if (!refused(good.substr(0, i), problem).is_null() || problem.empty()) FAIL(good.substr(0, i));
      }
      for (const char* more : {" ", "\n", "}", "x"}) CHECK(refused(good + more, problem).is_null());
    }
}

TEST_CASE("a sealed file is refused for any flipped bit and any missing end, its last line's end included") {
  const ScratchDirectory scratch;
  const auto path = scratch / "a";
  const Json object = objects()[2];
  write_sealed(path, object);
  std::string problem;
  CHECK(read_sealed(path, &problem)["list"] == object["list"]);
  CHECK(problem.empty());
  const std::string good = read_file(path);
  CHECK(good.back() == '\n');
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    for (const std::string& bytes : {bad, good.substr(0, i)}) {
      std::filesystem::remove(path);
      FileWriter(path).write(bytes);
      problem.clear();
      if (!read_sealed(path, &problem).is_null() || problem.empty()) FAIL(bytes);
    }
  }
}

TEST_CASE("the two ways a seal can be wrong are told apart") {
  std::string problem;
  refused("{\"a\": 1}", problem);
  CHECK_THAT(problem, Contains("no checksum at its end"));
  std::string other = sealed_text(objects()[1]);
  other.replace(other.find(":1"), 2, ":2");
  refused(other, problem);
  CHECK_THAT(problem, Contains("changed after it was written"));
}
