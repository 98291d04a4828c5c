// longsky/train/progress.hpp — what a run tells whoever looks at it: one live line on a terminal, plain lines
// elsewhere.
//
// No escape sequence goes to anything but a terminal, and no colour where NO_COLOR is set.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/core/printable.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace longsky {

/// How progress is shown; `automatic` is `bar` on a terminal and `plain` elsewhere.
enum class ProgressStyle { automatic, bar, plain, json, none };

/// The style of a name: auto, bar, plain, json or none. Throws Error for any other.
inline ProgressStyle progress_style(std::string_view name) {
  constexpr std::string_view names[] = {"auto", "bar", "plain", "json", "none"};
  for (int i = 0; i < 5; ++i)
    if (names[i] == name) return static_cast<ProgressStyle>(i);
  throw Error(ExitCode::usage,
              "there is no progress style '" + std::string(name) + "'; choose auto, bar, plain, json or none");
}

/// Where progress goes, and what can be done there.
struct ProgressOptions {
  ProgressStyle style = ProgressStyle::automatic;
  bool is_terminal = false;
  bool colour = false;
  int columns = 80;
  double plain_seconds = 10;  ///< plain lines are at least so far apart
};

/// What the environment says of a file descriptor: a terminal or not (TERM=dumb is not), colour or not (NO_COLOR), its
/// width.
inline ProgressOptions progress_options(ProgressStyle style, int descriptor) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string_view(value == nullptr ? "" : value);
  };
  ProgressOptions options{.style = style};
  options.is_terminal = ::isatty(descriptor) == 1 && variable("TERM") != "dumb" && !variable("TERM").empty();
  options.colour = options.is_terminal && variable("NO_COLOR").empty();
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) options.columns = size.ws_col;
  return options;
}

/// Where a run is.
struct ProgressState {
  std::string_view stage;
  std::int64_t step = 0, steps = 0;  ///< of the stage
  bool trains = true;                ///< or it evaluates, and the next four say nothing
  double loss = 0, grad_norm = 0;
  double tokens_per_s = 0;
  double fraction_of_peak = 0;  ///< 0 … 1
  std::int64_t memory = 0;      ///< bytes
  double run_fraction = 0;      ///< how much of the whole run's work is done, 0 … 1
};

/// "2:05", "1:02:05", "3d 04h"; "–" for what is not known.
inline std::string duration_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e8) return "–";
  const auto s = static_cast<long>(seconds + 0.5);
  char text[32];
  if (s < 3600) {
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  } else if (s < 86400) {
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  } else {
    std::snprintf(text, sizeof text, "%ldd %02ldh", s / 86400, s / 3600 % 24);
  }
  return text;
}

/// "950", "12.3k", "4.56M": three digits that matter.
inline std::string quantity_text(double x) {
  const char* suffix[] = {"", "k", "M", "G", "T", "P"};
  int i = 0;
  while (std::abs(x) >= 999.5 && i < 5) {
    x /= 1000;
    ++i;
  }
  return fixed_text(x, i == 0 || x >= 99.95 ? 0 : x >= 9.995 ? 1 : 2) + suffix[i];
}

/// "512 MiB"
inline std::string memory_text(std::int64_t bytes) {
  const double mib = static_cast<double>(bytes) / (1 << 20);
  return mib < 1024 ? fixed_text(mib, 0) + " MiB" : fixed_text(mib / 1024, 1) + " GiB";
}

/// Shows states as they come. Clocks are the caller's: any seconds that grow.
class Progress {
 public:
  Progress(std::ostream& out, ProgressOptions options) : out_(out), options_(options) {
    if (options_.style == ProgressStyle::automatic)
      options_.style = options_.is_terminal ? ProgressStyle::bar : ProgressStyle::plain;
    if (options_.style == ProgressStyle::bar && !options_.is_terminal) options_.style = ProgressStyle::plain;
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { finish(); }

  [[gnu::cold]] void update(const ProgressState& state, double now) {
    if (first_time_ < 0) {
      first_time_ = now;
      first_fraction_ = state.run_fraction;
    }
    const bool new_stage = state.stage != stage_, stage_ends = state.step == state.steps;
    stage_ = state.stage;
    const double interval = options_.style == ProgressStyle::plain ? options_.plain_seconds : 0.1;
    const bool due = last_shown_ < 0 || new_stage || stage_ends || now - last_shown_ >= interval;
    if (options_.style == ProgressStyle::none || (options_.style != ProgressStyle::json && !due)) return;
    last_shown_ = now;
    // What a run did before it was resumed took no time of this clock.
    const double done = state.run_fraction - first_fraction_;
    const double eta = done > 0 ? (now - first_time_) * (1 - state.run_fraction) / done : -1;
    switch (options_.style) {
      case ProgressStyle::bar:
        show_bar(state, eta);
        break;
      case ProgressStyle::json:
        show_json(state, now - first_time_, eta);
        break;
      default:
        out_ << plain_line(state, eta) << '\n' << std::flush;
    }
  }

  /// A line of its own, above the live one. The sentence may quote names from files.
  [[gnu::cold]] void message(std::string_view sentence) {
    if (options_.style == ProgressStyle::none) return;
    const std::string text = printable(sentence);
    if (options_.style == ProgressStyle::json) {
      out_ << Json::object({{"type", "message"}, {"text", text}}).text() << '\n' << std::flush;
      return;
    }
    if (live_) out_ << "\r\x1b[K";
    out_ << text << '\n';
    if (live_) out_ << line_;
    out_ << std::flush;
  }

  /// Leaves the last line on the screen and ends it.
  void finish() {
    if (live_) out_ << '\n' << std::flush;
    live_ = false;
  }

 private:
  [[gnu::cold]] static std::vector<std::string> figures(const ProgressState& s) {
    if (!s.trains) return {memory_text(s.memory)};
    if (std::isnan(s.loss)) return {"nothing trained", quantity_text(s.tokens_per_s) + " tok/s", memory_text(s.memory)};
    return {"loss " + fixed_text(s.loss, 4), "norm " + fixed_text(s.grad_norm, 2),
            quantity_text(s.tokens_per_s) + " tok/s", fixed_text(s.fraction_of_peak * 100, 0) + "% of peak",
            memory_text(s.memory)};
  }

  [[gnu::cold]] static std::string plain_line(const ProgressState& s, double eta) {
    const std::string done = "run " + fixed_text(s.run_fraction * 100, 1) + "%";
    std::string line = printable(s.stage) + "  step " + std::to_string(s.step) + "/" + std::to_string(s.steps);
    for (const std::string& figure : figures(s)) line += "  " + figure;
    return line + "  " + done + "  ETA " + duration_text(eta);
  }

  // The line keeps within the terminal: a line that wraps cannot be taken back. What matters least goes first.
  [[gnu::cold]] void show_bar(const ProgressState& s, double eta) {
    const std::string total = std::to_string(s.steps), step = std::to_string(s.step);
    const std::string head = printable(s.stage) + " " +
                             std::string(total.size() - std::min(total.size(), step.size()), ' ') + step + "/" + total;
    const std::string tail = "ETA " + duration_text(eta);
    std::vector<std::string> middle = figures(s);
    const auto width = [&] {
      std::size_t w = head.size() + 2 + tail.size();
      for (const std::string& figure : middle) w += figure.size() + 2;
      return static_cast<int>(w);
    };
    constexpr int narrowest_bar = 8, widest_bar = 30;
    const int room = options_.columns - 1;
    while (!middle.empty() && width() + narrowest_bar + 2 > room) middle.pop_back();
    const int cells = std::clamp(room - width() - 2, 0, widest_bar);
    const std::string colour = options_.colour ? "\x1b[36m" : "", dim = options_.colour ? "\x1b[2m" : "",
                      plain = options_.colour ? "\x1b[0m" : "";
    std::string line = colour + head + plain;
    if (cells >= narrowest_bar)
      line += "  " + bar(s.steps > 0 ? static_cast<double>(s.step) / static_cast<double>(s.steps) : 0, cells);
    for (const std::string& figure : middle) line += "  " + figure;
    line_ = line + "  " + dim + tail + plain;
    out_ << '\r' << line_ << "\x1b[K" << std::flush;
    live_ = true;
  }

  static std::string bar(double fraction, int cells) {
    constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const int filled = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * cells * 8 + 1e-9);
    std::string text;
    for (int i = 0; i < filled / 8; ++i) text += "█";
    text += eighths[filled % 8];
    for (int i = (filled + 7) / 8; i < cells; ++i) text += "░";
    return text;
  }

  [[gnu::cold]] void show_json(const ProgressState& s, double elapsed, double eta) {
    const auto of_training = [&s](double x) { return s.trains ? Json(x) : Json(); };
    const Json record = Json::object({{"type", "progress"},
                                      {"stage", s.stage},
                                      {"step", s.step},
                                      {"steps", s.steps},
                                      {"loss", of_training(s.loss)},
                                      {"grad_norm", of_training(s.grad_norm)},
                                      {"tok_s", of_training(s.tokens_per_s)},
                                      {"fraction_of_peak", of_training(s.fraction_of_peak)},
                                      {"memory", s.memory},
                                      {"run_fraction", s.run_fraction},
                                      {"elapsed_s", elapsed},
                                      {"eta_s", eta >= 0 ? Json(eta) : Json()}});
    out_ << record.text() << '\n' << std::flush;
  }

  std::ostream& out_;
  ProgressOptions options_;
  std::string stage_, line_;
  double first_time_ = -1, first_fraction_ = 0, last_shown_ = -1;
  bool live_ = false;
};

}  // namespace longsky
