// longsky/program/describe.hpp — a recipe in words: what it is made of, what it costs, what memory it takes.
#pragma once

#include <longsky/core/name.hpp>
#include <longsky/optim/adamw.hpp>
#include <longsky/train/plan.hpp>
#include <longsky/train/recipe.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace longsky {

namespace words {

/// "1,234,567"
inline std::string grouped(std::int64_t n) {
  std::string digits = std::to_string(n);
  for (int at = static_cast<int>(digits.size()) - 3; at > (n < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

/// "3.2 MiB"
inline std::string bytes(std::int64_t n) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double x = static_cast<double>(n);
  int unit = 0;
  while (x >= 1024 && unit < 4) x /= 1024, ++unit;
  std::ostringstream os;
  os << std::fixed << std::setprecision(unit ? 1 : 0) << x << ' ' << units[unit];
  return os.str();
}

/// "1.2e+13"
inline std::string scientific(double x) {
  std::ostringstream os;
  os << std::scientific << std::setprecision(2) << x;
  return os.str();
}

}  // namespace words

/// The recipe, member by member. Two recipes with the same description train the same model.
template <Recipe R>
[[gnu::cold]] std::string describe() {
  std::ostringstream os;
  const AdamWSpec& a = R::Optimizer::spec;
  os << "model      " << R::model << '\n'
     << "parameters " << words::grouped(LayoutOf<R>::parameters) << '\n'
     << "layers     " << type_name<typename R::Layers>() << '\n'
     << "precision  " << type_name<typename R::Precision>() << ", " << type_name<typename R::Recompute>() << '\n'
     << "init       " << type_name<typename R::Init>() << '\n'
     << "optimizer  AdamW{.beta1 = " << a.beta1 << ", .beta2 = " << a.beta2 << ", .eps = " << a.eps
     << ", .weight_decay = " << a.weight_decay << ", .clip_norm = " << a.clip_norm << "}\n";
  for_each_stage<R>([&]<class S>(std::size_t i) {
    constexpr StageSpec s = checked(S::spec, R::model);
    os << "stage " << i + 1 << "    " << s.name << ": " << s.steps << " steps of " << s.accumulation << " x " << s.sequences
       << " x " << s.context << " = " << words::grouped(s.tokens_per_step()) << " tokens, lr " << s.lr << ", warm-up "
       << s.warmup << ", floor " << s.floor << '\n'
       << "  data       " << type_name<typename S::Data>() << '\n'
       << "  mask       " << type_name<typename S::Mask>() << '\n'
       << "  position   " << S::Position::spec << '\n'
       << "  objective  " << type_name<typename S::Objective>() << ", schedule " << type_name<typename S::Schedule>() << '\n';
  });
  return os.str();
}

/// Columns as wide as their widest cell: the first to the left, all others to the right.
inline std::string aligned(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string space(widths[c] - row[c].size(), ' ');
      text += c == 0 ? row[c] + space : "  " + space + row[c];
    }
    text += '\n';
  }
  return text;
}

/// The memory of every stage on `Device`, row by row, and the work of its steps.
template <Recipe R, class Device>
[[gnu::cold]] std::string plan_table() {
  std::vector<std::vector<std::string>> rows{{""}};
  for (const MemoryRow& row : plan<R, std::tuple_element_t<0, StagesOf<R>>, Device>().rows) rows.push_back({std::string(row.what)});
  const std::size_t sums = rows.size();
  for (const char* what : {"memory in all", "FLOP a step", "tokens", "FLOP"}) rows.push_back({what});
  double all = 0;
  for_each_stage<R>([&]<class S>(std::size_t) {
    constexpr MemoryPlan memory = plan<R, S, Device>();
    const double step = step_flops<R, S>().total();
    all += step * S::spec.steps;
    rows[0].push_back(S::spec.name);
    for (std::size_t i = 0; i < memory.rows.size(); ++i) rows[1 + i].push_back(words::bytes(memory.rows[i].bytes));
    const std::string of_stage[] = {words::bytes(memory.total()), words::scientific(step),
                                    words::grouped(S::spec.tokens_per_step() * S::spec.steps),
                                    words::scientific(step * S::spec.steps)};
    for (std::size_t i = 0; i < std::size(of_stage); ++i) rows[sums + i].push_back(of_stage[i]);
  });
  return aligned(rows) + "the most at any time: " + words::bytes(largest_plan<R, Device>()) +
         "; all stages if every token is trained: " + words::scientific(all) + " FLOP\n";
}

}  // namespace longsky
