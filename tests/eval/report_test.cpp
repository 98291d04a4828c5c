// tests/eval/report_test.cpp — pictures that agree with their numbers, and a page that holds everything itself.
#include <longsky/eval/report.hpp>

#include "support/catch.hpp"
#include "support/scratch_directory.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>
#include <string>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

NeedleGrid grid_of(double value) {
  NeedleGrid g;
  g.lengths = {512, 1024, 4096};
  g.depths = {0, 0.5, 1};
  g.exact.assign(3, std::vector<double>(3, value));
  g.ranked = g.exact;
  g.samples = 20;
  return g;
}

ReportData data_of_a_run() {
  ReportData data;
  data.title = "a <run> & \"more\"";
  data.summary = "found";
  data.figures = {{"wall time", "312 s"}};
  data.needles = {{"seed 1", {{"before", grid_of(0.03)}, {"after", grid_of(0.98)}}}};
  data.marks = {.trained_short = 512, .trained_long = 4096};
  data.perplexity = {{"after", {{64, 512, 4096}, {4.0, 3.5, 3.25}}}};
  data.losses = {{"pretrain", 512, {1, 2, 3}, {7, 5, std::nan("")}}, {"sft", 4096, {4}, {2}}, {"empty", 0, {}, {}}};
  data.tables = {{"Ablations", {"left out", "after"}, {{"stage 4", "12 %"}, {"<script>alert(1)</script>", ""}}}};
  data.recipe = {{"mask", "Causal"}};
  data.machine = {{"CPU", "two cores"}};
  data.command = "./train && echo '\x1b[2J\xff'";
  return data;
}

int count(const std::string& text, const std::string& part) {
  int n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

/// The size in a PNG's header.
std::pair<int, int> png_size(const std::string& png) {
  const auto big_endian = [&](std::size_t at) {
    int n = 0;
    for (std::size_t i = 0; i < 4; ++i) n = n << 8 | static_cast<unsigned char>(png[at + i]);
    return n;
  };
  return {big_endian(16), big_endian(20)};
}

}  // namespace

TEST_CASE("a report is one page that needs nothing else") {
  const ScratchDirectory run;
  write_report(run.path(), data_of_a_run());
  const std::string html = read_file(run / "report.html");
  CHECK_THAT(html, Contains("a &lt;run&gt; &amp; &quot;more&quot;") && Contains("Ablations") && Contains("two cores"));
  CHECK_THAT(html, Contains("prefers-color-scheme:dark") && Contains("&lt;script&gt;alert(1)"));
  CHECK(count(html, "<script") == 0);
  CHECK(count(html, "<link") == 0);
  CHECK(count(html, "src=") == 0);
  CHECK(count(html, "http") == count(html, "http://www.w3.org/2000/svg"));
  CHECK(count(html, "<svg") == 4);
  CHECK(count(html, "</svg>") == 4);
  CHECK(count(html, "\x1b") == 0);
  CHECK(count(html, "\xff") == 0);
  CHECK(count(html, "nan") == 0);
  for (const char* name : {"needle", "needle_ranked", "perplexity", "loss"}) {
    const std::string png = read_file(run / (std::string(name) + ".png"));
    REQUIRE(png.substr(0, 8) == "\x89PNG\r\n\x1a\n");
    CHECK(png_size(png).first == 1600);
    const std::string svg = read_file(run / (std::string(name) + ".svg"));
    CHECK(html.find(svg) != std::string::npos);
  }
}

TEST_CASE("a report of nothing is a page") {
  const ScratchDirectory run;
  write_report(run.path(), {.title = "empty"});
  CHECK_THAT(read_file(run / "report.html"), Contains("<h1>empty</h1>") && !Contains("<h2>") && !Contains("<svg"));
}

TEST_CASE("a perplexity beyond all numbers is a picture too") {
  for (const double nll : {709.7, 709.8, 1e300, std::nan("")})
    CHECK_THAT(perplexity_figure(std::vector<NamedCurve>{{"after", {{64, 512}, {0.0, nll}}}}, {}).svg(),
               Contains("</svg>") && !Contains("inf") && !Contains("nan\""));
}

TEST_CASE("a heat map shows each cell and the mean") {
  NeedleGrid grid = grid_of(1.0);
  grid.exact[2][0] = 0.25;
  const NamedGrid named[] = {{"after", grid}};
  const std::string svg = needle_figure("Needle", named, &NeedleGrid::exact, {.trained_short = 1024}).svg();
  CHECK(count(svg, ">100</text>") == 9);  // eight cells and a depth
  CHECK(count(svg, ">25</text>") == 1);
  CHECK(count(svg, hex(viridis(0.25))) >= 1);
  CHECK_THAT(svg, Contains("91.7 % in all") && Contains(">4K</text>") && Contains("20 in each cell"));
  CHECK(count(svg, "<polyline") == 1);  // the border of what was trained
  CHECK(mean_of_cells(grid, &NeedleGrid::exact) == Approx(8.25 / 9));

  grid.ranked.pop_back();
  const NamedGrid cut[] = {{"after", grid}};
  REQUIRE_THROWS_WITH(needle_figure("Needle", cut, &NeedleGrid::ranked, {}),
                      Contains("3 lengths and 3 depths lacks cells"));
}

TEST_CASE("a heat map in a terminal") {
  NeedleGrid grid = grid_of(0.0);
  grid.exact[1][2] = 1;
  std::ostringstream plain, coloured;
  print_heat_map(plain, "before", grid, &NeedleGrid::exact, false);
  print_heat_map(coloured, "before", grid, &NeedleGrid::exact, true);
  CHECK(plain.str() ==
        "before (11.1 % of all samples)\n"
        "  depth    512    1K    4K  tokens\n"
        "    0 %     0     0     0 \n"
        "   50 %     0     0     0 \n"
        "  100 %     0   100     0 \n");
  CHECK(count(coloured.str(), "\x1b[48;5;") == 9);
  CHECK(count(coloured.str(), "\x1b[0m") == 9);
  CHECK(terminal_colour({0x000000}) == 16);
  CHECK(terminal_colour({0xffffff}) == 231);
  CHECK(terminal_colour({0xff0000}) == 196);
}

TEST_CASE("the scale of colours grows lighter and ends where it should") {
  CHECK(viridis(0) == Colour{0x440154});
  CHECK(viridis(1) == Colour{0xfde725});
  CHECK(viridis(0.5) == Colour{0x21918c});
  CHECK(viridis(std::nan("")) == viridis(0));
  CHECK(viridis(7) == viridis(1));
  for (int i = 0; i < 100; ++i) CHECK(lightness(viridis(i / 100.0)) < lightness(viridis((i + 1) / 100.0)));
}

TEST_CASE("an axis puts numbers where they belong") {
  const Axis linear{0, 10, 100, 200}, logarithmic{1, 100, 0, 10, true};
  CHECK(linear.at(2.5) == Approx(125));
  CHECK(linear.at(99) == Approx(200));
  CHECK(logarithmic.at(10) == Approx(5));
  CHECK(ticks(linear, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(ticks(logarithmic, 6) == std::vector<double>{1, 2, 5, 10, 20, 50, 100});
  CHECK(ticks({64, 4096, 0, 1, true}, 10, true) == std::vector<double>{64, 128, 256, 512, 1024, 2048, 4096});
  const double inf = std::numeric_limits<double>::infinity();
  for (const Axis& axis : {axis_around({}, 0, 1, true, 10), axis_around({3, 3}, 0, 1, false, 10),
                           axis_around({std::nan(""), inf, 2}, 0, 1, false, 10), axis_around({0, 0}, 0, 1, true, 10)}) {
    CHECK(axis.high > axis.low);
    CHECK(std::isfinite(axis.at(2)));
    CHECK(!ticks(axis, 6).empty());
  }
  // The largest numbers there are: the ticks end, and there are few of them.
  const double most = std::numeric_limits<double>::max(), least = std::numeric_limits<double>::denorm_min();
  for (const std::vector<double>& numbers : std::vector<std::vector<double>>{
           {1, most}, {least, most}, {-most, most}, {most, most}, {least, 2 * least}, {0, least}, {1e17, 1e17 + 16}})
    for (const bool powers_of_two : {false, true})
      for (const bool from_zero : {false, true}) {
        const Axis axis = axis_around(numbers, 0, 1, from_zero, 6);
        CHECK(std::isfinite(axis.low));
        CHECK(std::isfinite(axis.high));
        const std::vector<double> found = ticks(axis, 6, powers_of_two);
        CHECK(!found.empty());
        CHECK(found.size() < 40);
        for (const double t : found) CHECK((std::isfinite(t) && std::isfinite(axis.at(t))));
      }
  CHECK(axis_around({1, 1000}, 0, 1, false, 10).logarithmic);
  CHECK(!axis_around({0, 1000}, 0, 1, false, 10).logarithmic);
  CHECK(tick_text(0.25) == "0.25");
  CHECK(tick_text(12000) == "12k");
  CHECK(length_text(4096) == "4K");
  CHECK(length_text(200'000) == "200k");
  CHECK(length_text(1536) == "1536");
}

TEST_CASE("text is escaped, broken UTF-8 replaced") {
  CHECK(escaped("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
  CHECK(escaped("é 中 😀") == "é 中 😀");
  CHECK(escaped("\xc3") == "\ufffd");
  CHECK(escaped("\xe4\xb8x") == "\ufffd\ufffdx");
  CHECK(escaped(std::string("\0", 1)) == "\ufffd");
}

TEST_CASE("curves of losses come back from the metrics") {
  const ScratchDirectory run;
  std::string text;
  const auto put = [&](const Json& line) { text += sealed_text(line) + "\n"; };
  const auto step = [](std::int64_t number, const char* stage, const Json& loss, int seq_len) {
    return Json::object({{"step", number}, {"stage", stage}, {"loss", loss}, {"seq_len", seq_len}});
  };
  put(Json::object({{"type", "header"}, {"stage", "x"}}));
  put(step(1, "a", 7.5, 512));
  put(step(2, "a", 7.25, 512));
  put(step(3, "b", Json(), 4096));
  put(step(4, "b", 2, 4096));
  std::vector<std::string> said;
  const auto say = [&](const std::string& sentence) { said.push_back(sentence); };
  const auto read = [&](const std::string& lines) {
    said.clear();
    replace_file(run / "metrics.jsonl", lines);
    return read_loss_curves(run / "metrics.jsonl", say);
  };
  const auto curves = read(text);
  CHECK(said.empty());
  REQUIRE(curves.size() == 2);
  CHECK(curves[0].stage == "a");
  CHECK(curves[0].losses == std::vector<double>{7.5, 7.25});
  CHECK(curves[1].steps == std::vector<std::int64_t>{4});
  CHECK(curves[1].context == 4096);

  SECTION("a damaged line is named, not believed and not passed over in silence") {
    for (std::size_t i = 0; i < text.size(); ++i) {
      std::string bad = text;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      const auto found = read(bad);
      REQUIRE(said.size() == 1);
      for (const LossCurve& curve : found)
        for (const double loss : curve.losses) REQUIRE((loss == 7.5 || loss == 7.25 || loss == 2));
    }
    read(text + "{\"step\":5,\"sta");
    REQUIRE(said.size() == 1);
    CHECK_THAT(said[0], Contains("metrics.jsonl has 1 line that cannot be used") && Contains("the first is line 6"));
  }
  SECTION("steps that no run has") {
    constexpr auto least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
    for (const std::int64_t number : {least, std::int64_t{-1}, std::int64_t{0}, most}) put(step(number, "b", 1, 4096));
    const auto found = read(text);
    REQUIRE(said.size() == 1);
    CHECK_THAT(said[0], Contains("4 lines") && Contains("step -9223372036854775808, and steps count from 1"));
    CHECK(found[1].steps == std::vector<std::int64_t>{4});
    const LossCurve any{"any", 0, {least, most}, {1, 2}};  // a caller's own
    CHECK_THAT(loss_figure(std::vector{any}).svg(), Contains("<svg"));
  }
}
