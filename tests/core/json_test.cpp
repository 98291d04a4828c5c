// JSON values: made, written, read back as the same, and asked for what they are not.
#include "support/catch.hpp"

#include <longsky/core/json.hpp>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

using Catch::Matchers::Contains;
using longsky::Error;
using longsky::Json;

namespace {

struct Point {
  int x = 0;
  std::vector<double> path;
  static void fields(auto& point, auto&& field) {
    field("x", point.x);
    field("path", point.path);
  }
};

static_assert(longsky::JsonStruct<Point> && !longsky::JsonStruct<std::string>);
static_assert(longsky::JsonList<std::vector<int>> && !longsky::JsonList<std::string> && !longsky::JsonList<Json>);
static_assert(!std::constructible_from<Json, void*>);

std::string problem_of(std::string_view text) {
  std::string problem;
  const Json json = Json::parse(text, &problem);
  CHECK(json.is_null());
  return problem;
}

}  // namespace

TEST_CASE("JSON is written in the order it was given") {
  const Json json = Json::object({{"z", 1}, {"a", true}, {"m", false}, {"none", Json()}, {"t", "a \"b\"\n"}});
  CHECK(json.text() == R"({"z":1,"a":true,"m":false,"none":null,"t":"a \"b\"\n"})");
  CHECK(Json::object(std::vector<Json::Member>{}).text() == "{}");
  CHECK(Json(std::vector<int>{}).text() == "[]");
  CHECK(Json::object({{"a", std::vector<int>{1, 2}}, {"b", std::vector<std::string>{"x"}}}).text(2) ==
        "{\n  \"a\": [1, 2],\n  \"b\": [\n    \"x\"\n  ]\n}");
  CHECK(Json(std::vector<std::vector<double>>{{0.5}, {}}).text() == "[[0.5],[]]");
}

TEST_CASE("a real is written with the fewest digits that read back as the same double") {
  CHECK(Json(0.1).text() == "0.1");
  CHECK(Json(2.0).text() == "2.0");  // a real again when it is read
  CHECK(Json(1e300).text() == "1e+300");
  CHECK(Json(std::nan("")).text() == "null");
  CHECK(Json(std::numeric_limits<double>::infinity()).text() == "null");
  std::mt19937_64 bits(0);
  for (int i = 0; i < 10'000; ++i) {
    const double value = std::bit_cast<double>(bits());
    if (!std::isfinite(value)) continue;
    INFO(value);
    REQUIRE(Json::parse("[" + Json(value).text() + "]").item(0).get<double>() == value);
  }
  for (const double value : {-0.0, 5e-324, 1.7976931348623157e308})
    CHECK(Json::parse("[" + Json(value).text() + "]").item(0).get<double>() == value);
  CHECK(std::isnan(Json().get<double>()));  // as it was written
}

TEST_CASE("structs and lists are read back as they were") {
  const std::vector<Point> points = {{1, {0.1, 1e-30}}, {-7, {}}};
  const auto again = Json::parse(Json(points).text()).get<std::vector<Point>>();
  REQUIRE(again.size() == 2);
  CHECK(again[0].x == 1);
  CHECK(again[0].path == points[0].path);
  CHECK(again[1].x == -7);
  CHECK(again[1].path.empty());
}

TEST_CASE("whole numbers to 63 bits") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  CHECK(Json::parse("[" + Json(most).text() + "]").item(0).get<std::int64_t>() == most);
  CHECK(Json(std::uint64_t{most}).get<std::uint64_t>() == std::uint64_t{most});
  CHECK_THROWS_WITH(Json(std::numeric_limits<std::uint64_t>::max()), Contains("2^63"));
  CHECK_THROWS_WITH(Json(300).get<std::uint8_t>(), Contains("expected a whole number, found 300"));
  CHECK_THROWS_WITH(Json(-1).get<std::size_t>(), Contains("found -1"));
  CHECK(Json(0).is_size());
  CHECK_FALSE(Json(-1).is_size());
  CHECK_FALSE(Json(1.0).is_size());
}

TEST_CASE("what a value is not is said, or answered otherwise") {
  const Json json = Json::object({{"n", 3}, {"t", "x"}});
  CHECK_THROWS_WITH(json.at("m"), Contains("the field \"m\" is missing"));
  CHECK_THROWS_WITH(json.at("t").get<int>(), Contains("expected a whole number, found \"x\""));
  CHECK_THROWS_WITH(json.at("n").get<std::string>(), Contains("expected a text, found 3"));
  CHECK_THROWS_WITH(json.at("n").get<bool>(), Contains("expected true or false"));
  CHECK_THROWS_WITH(json.at("n").get<std::vector<int>>(), Contains("expected a list"));
  CHECK_THROWS_WITH(json.at("n").get<Point>(), Contains("expected an object"));
  CHECK_THROWS_WITH(json.get<Point>(), Contains("\"x\" is missing"));
  CHECK_THROWS_WITH(json.at("t").get<double>(), Contains("expected a number"));
  CHECK(json["m"].is_null());
  CHECK(json["m"]["deeper"].is_null());
  CHECK(json["t"].get_or(5) == 5);
  CHECK(json["n"].get_or(5) == 3);
  CHECK(json["m"].get_or(0.5) == 0.5);
  CHECK(Json(7).items().empty());
  CHECK(Json(7).size() == 0);
}

TEST_CASE("a value never changes once it is made; copies share it") {
  Json a = Json::object({{"n", 3}});
  const Json b = a;
  a = Json(5);
  CHECK(b.text() == "{\"n\":3}");
  CHECK(a.get<int>() == 5);
  const Json c = std::move(a);
  CHECK(c.get<int>() == 5);
  CHECK(a.is_null());
  CHECK(Json::parse("{\"a\":[1,2.5]}") == Json::parse(" { \"a\" : [ 1 , 2.5 ] } "));
}

TEST_CASE("a text that is no JSON is told where") {
  CHECK_THAT(problem_of("{\"a\": 1,}"), Contains("line 1"));
  CHECK_THAT(problem_of("{\"a\":1,\"a\":2}"), Contains("duplicate"));
  for (const char* text :
       {"", "{", "nul", "{} {}", "[1e999]", "[99999999999999999999]", "[\"\xff\"]", "[\"\\u0000\"]", "7x"})
    CHECK_FALSE(problem_of(text).empty());
  CHECK_FALSE(problem_of(std::string_view("[1]\0", 4)).empty());
  CHECK_THAT(problem_of(std::string(1'000'000, '[')), Contains("depth"));
}

TEST_CASE("what is not UTF-8 is replaced when it is written") {
  CHECK(Json("a\xff é").get<std::string>() == "a\uFFFD é");
  CHECK(Json::object({{"k\xfe", 1}}).contains("k\uFFFD"));
}
