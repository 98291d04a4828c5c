// longsky/program/describe.hpp — a recipe in words: what it is made of, what it costs, what memory it takes.
#pragma once

#include <longsky/core/machine.hpp>
#include <longsky/core/name.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/optim/adamw.hpp>
#include <longsky/train/plan.hpp>
#include <longsky/train/recipe.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <locale>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
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
[[gnu::cold]] inline std::string bytes(std::int64_t n) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double x = static_cast<double>(n);
  int unit = 0;
  while (x >= 1024 && unit < 4) x /= 1024, ++unit;
  return fixed_text(x, unit ? 1 : 0) + " " + units[unit];
}

/// "1.25e+13"
inline std::string scientific(double x) { return scientific_text(x, 2); }

}  // namespace words

/// What memory this process may still take, and what sets the limit: "memory.max of the control group /job leaves 99
/// MiB".
[[gnu::cold]] inline std::string host_memory() {
  const GivenMemory given = memory_given();
  return given.limit + " leaves " + words::bytes(given.bytes);
}

/// The same of a device.
template <class Device>
[[gnu::cold]] std::string memory_there(const Device& device) {
  if constexpr (Device::shares_host_memory)
    return host_memory();
  else
    return device.description() + " has " + words::bytes(device.memory_bytes());
}

/// A stage, member by member; `types` are the names of its data, mask, objective and schedule.
[[gnu::cold]] inline void describe_stage(std::ostream& os, std::size_t i, const StageSpec& s, const RopeSpec& position,
                                         const std::array<std::string_view, 4>& types) {
  os << "stage " << i + 1 << "    " << s.name << ": " << s.steps << " steps of " << s.accumulation << " x "
     << s.sequences << " x " << s.context << " = " << words::grouped(s.tokens_per_step()) << " tokens, lr " << s.lr
     << ", warm-up " << s.warmup << ", floor " << s.floor << '\n'
     << "  data       " << types[0] << '\n'
     << "  mask       " << types[1] << '\n'
     << "  position   " << position << '\n'
     << "  objective  " << types[2] << ", schedule " << types[3] << '\n';
}

/// The recipe, member by member. Two recipes with the same description train the same model.
template <Recipe R>
[[gnu::cold]] std::string describe() {
  std::ostringstream os;
  os.imbue(std::locale::classic());  // a run is known by this text
  const AdamWSpec& a = R::Optimizer::spec;
  os << "model      " << R::model << '\n'
     << "parameters " << words::grouped(LayoutOf<R>::parameters) << '\n'
     << "layers     " << type_name<typename R::Layers>() << '\n'
     << "precision  " << type_name<typename R::Precision>() << ", " << type_name<typename R::Recompute>() << '\n'
     << "init       " << type_name<typename R::Init>() << '\n'
     << "optimizer  AdamW{.beta1 = " << a.beta1 << ", .beta2 = " << a.beta2 << ", .eps = " << a.eps
     << ", .weight_decay = " << a.weight_decay << ", .clip_norm = " << a.clip_norm << "}\n";
  for_each_stage<R>([&]<class S>(std::size_t i) {
    describe_stage(os, i, checked(S::spec, R::model), S::Position::spec,
                   {type_name<typename S::Data>(), type_name<typename S::Mask>(), type_name<typename S::Objective>(),
                    type_name<typename S::Schedule>()});
  });
  return os.str();
}

/// Columns as wide as their widest cell: the first to the left, all others to the right.
[[gnu::cold]] inline std::string aligned(const std::vector<std::vector<std::string>>& rows) {
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

/// What a stage takes.
struct StageCost {
  std::string_view name;
  MemoryPlan memory;
  double flops;         ///< of a step
  std::int64_t tokens;  ///< of a step
  int steps;
};

/// The memory of every stage, row by row, and the work of its steps. What the host holds besides a device with memory
/// of its own stands below the device's and is summed apart.
[[gnu::cold]] inline std::string cost_table(const std::vector<StageCost>& stages, int threads) {
  const bool apart = stages[0].memory.host_total() > 0;
  std::vector<std::vector<std::string>> rows{{""}};
  for (const MemoryRow& row : stages[0].memory.rows) rows.push_back({std::string(row.what)});
  rows.push_back({apart ? "device's memory in all" : "memory in all"});
  if (apart) {
    for (const MemoryRow& row : stages[0].memory.host_rows) rows.push_back({"host: " + std::string(row.what)});
    rows.push_back({"host's memory in all"});
  }
  for (const char* what : {"FLOP a step", "tokens", "FLOP"}) rows.push_back({what});
  double all = 0;
  std::int64_t most = 0, most_of_host = 0;
  for (const StageCost& s : stages) {
    all += s.flops * s.steps;
    most = std::max(most, s.memory.total());
    most_of_host = std::max(most_of_host, s.memory.host_total());
    std::vector<std::string> column{std::string(s.name)};
    for (const MemoryRow& row : s.memory.rows) column.push_back(words::bytes(row.bytes));
    column.push_back(words::bytes(s.memory.total()));
    if (apart) {
      for (const MemoryRow& row : s.memory.host_rows) column.push_back(words::bytes(row.bytes));
      column.push_back(words::bytes(s.memory.host_total()));
    }
    column.insert(column.end(), {words::scientific(s.flops), words::grouped(s.tokens * s.steps),
                                 words::scientific(s.flops * s.steps)});
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].push_back(column[i]);
  }
  return aligned(rows) + "the most at any time: " + words::bytes(most) +
         (apart ? " of the device's memory and " + words::bytes(most_of_host) + " of the host's" : "") +
         (threads > 1 ? ", with " + std::to_string(threads) + " threads" : "") +
         "; all stages if every token is trained: " + words::scientific(all) + " FLOP\n";
}

/// The same of `R` on `Device`, whose ops have `threads` threads.
template <Recipe R, class Device>
[[gnu::cold]] std::string plan_table(int threads) {
  std::vector<StageCost> stages;
  for_each_stage<R>([&]<class S>(std::size_t) {
    stages.push_back({S::spec.name, plan<R, S, Device>(threads), step_flops<R, S>().total(), S::spec.tokens_per_step(),
                      S::spec.steps});
  });
  return cost_table(stages, threads);
}

}  // namespace longsky
