// longsky/eval/report.hpp — a run on one page: report.html, and each picture as SVG and PNG beside it.
//
// The page holds everything itself: no network, no script, light and dark.
#pragma once

#include <longsky/core/file.hpp>
#include <longsky/eval/chart.hpp>
#include <longsky/eval/figures.hpp>
#include <longsky/eval/loss_curve.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace longsky {

/// A name and what there is to say.
struct Fact {
  std::string name, value;
};

/// A table with a title. Rows may be shorter than the header.
struct ReportTable {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

/// Needle grids that belong together: before and after, of one seed.
struct NeedleComparison {
  std::string title;             ///< "seed 1"; may be empty where there is only one
  std::vector<NamedGrid> grids;  ///< one to three, side by side
};

/// All that a report shows. What is empty is left out.
struct ReportData {
  std::string title = {}, summary = {};
  std::vector<Fact> figures = {};  ///< the results in numbers
  std::vector<NeedleComparison> needles = {};
  std::vector<NamedCurve> perplexity = {};
  ContextMarks marks = {};
  std::vector<LossCurve> losses = {};
  std::vector<ReportTable> tables = {};  ///< ablations, seeds, stages
  std::vector<Fact> recipe = {}, machine = {};
  std::string command = {};
};

/// A picture and the stem of its files.
struct ReportPicture {
  std::string name;
  Picture picture;
};

/// The pictures of a report, in the order of the page.
[[gnu::cold]] inline std::vector<ReportPicture> report_pictures(const ReportData& data) {
  std::vector<ReportPicture> pictures;
  for (std::size_t i = 0; i < data.needles.size(); ++i) {
    const NeedleComparison& n = data.needles[i];
    const std::string suffix = data.needles.size() == 1 ? "" : "_" + std::to_string(i + 1);
    const std::string of = n.title.empty() ? "" : ", " + n.title;
    pictures.push_back(
        {"needle" + suffix, needle_figure("Needle found, exact answer" + of, n.grids, &NeedleGrid::exact, data.marks)});
    bool ranked = !n.grids.empty();
    for (const NamedGrid& g : n.grids) ranked = ranked && !g.grid.ranked.empty();
    if (ranked)
      pictures.push_back({"needle_ranked" + suffix, needle_figure("Needle likelier than distractors" + of, n.grids,
                                                                  &NeedleGrid::ranked, data.marks)});
  }
  if (!data.perplexity.empty()) pictures.push_back({"perplexity", perplexity_figure(data.perplexity, data.marks)});
  if (!data.losses.empty()) pictures.push_back({"loss", loss_figure(data.losses)});
  return pictures;
}

namespace report {

inline constexpr const char* style = R"(
:root{color-scheme:light dark;--paper:#fff;--text:#1f2328;--muted:#656d76;--rule:#d8dce1;--soft:#f5f6f8}
@media (prefers-color-scheme:dark){:root{--paper:#16181c;--text:#e6e8eb;--muted:#9aa3ad;--rule:#30343a;--soft:#1e2126}}
body{margin:0 auto;max-width:860px;padding:24px 20px 60px;background:var(--paper);color:var(--text);
font:16px/1.5 system-ui,'DejaVu Sans',sans-serif}
h1{font-size:28px;line-height:1.2;margin:8px 0}h2{font-size:20px;margin:36px 0 8px}
p.summary{font-size:18px;margin:8px 0 20px}svg{max-width:100%;height:auto;display:block}figure{margin:20px 0}
figcaption{font-size:13px;color:var(--muted)}figcaption a{color:inherit}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:14px;min-width:50%}
th,td{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--rule);vertical-align:top}
th{font-weight:600}td{font-variant-numeric:tabular-nums;white-space:pre-wrap;overflow-wrap:anywhere}
pre{background:var(--soft);padding:12px;overflow-x:auto;font-size:13px;border-radius:6px;white-space:pre-wrap}
)";

inline std::string facts(const std::string& title, const std::vector<Fact>& list) {
  if (list.empty()) return "";
  std::string out = "<h2>" + escaped(title) + "</h2>\n<div class=\"wide\"><table>\n";
  for (const Fact& f : list)
    out += "<tr><th scope=\"row\">" + escaped(f.name) + "</th><td>" + escaped(f.value) + "</td></tr>\n";
  return out + "</table></div>\n";
}

inline std::string table(const ReportTable& t) {
  std::string out = "<h2>" + escaped(t.title) + "</h2>\n<div class=\"wide\"><table>\n<tr>";
  for (const std::string& cell : t.header) out += "<th>" + escaped(cell) + "</th>";
  out += "</tr>\n";
  for (const auto& row : t.rows) {
    out += "<tr>";
    for (const std::string& cell : row) out += "<td>" + escaped(cell) + "</td>";
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

[[gnu::cold]] inline std::string html(const ReportData& data, const std::vector<ReportPicture>& pictures) {
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>" +
      escaped(data.title) + "</title>\n<style>" + style + "</style>\n</head>\n<body>\n<h1>" + escaped(data.title) +
      "</h1>\n";
  if (!data.summary.empty()) out += "<p class=\"summary\">" + escaped(data.summary) + "</p>\n";
  for (const ReportPicture& p : pictures)
    out += "<figure>\n" + p.picture.svg() + "<figcaption><a href=\"" + p.name + ".svg\">SVG</a> · <a href=\"" + p.name +
           ".png\">PNG</a></figcaption>\n</figure>\n";
  out += facts("Figures", data.figures);
  for (const ReportTable& t : data.tables) out += table(t);
  out += facts("Recipe", data.recipe) + facts("Machine", data.machine);
  if (!data.command.empty()) out += "<h2>Command</h2>\n<pre>" + escaped(data.command) + "</pre>\n";
  return out + "</body>\n</html>\n";
}

}  // namespace report

/// Writes report.html and the pictures into the run's directory. Throws Error.
[[gnu::cold]] inline void write_report(const std::filesystem::path& run, const ReportData& data) {
  make_directories(run);
  const std::vector<ReportPicture> pictures = report_pictures(data);
  for (const ReportPicture& p : pictures) {
    replace_file(run / (p.name + ".svg"), p.picture.svg());
    replace_file(run / (p.name + ".png"), p.picture.png());
  }
  replace_file(run / "report.html", report::html(data, pictures));
}

}  // namespace longsky
