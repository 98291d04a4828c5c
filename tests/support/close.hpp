// support/close.hpp — how tests compare: against a double reference, bit against bit, and nothing written out of
// bounds.
//
//   close:  |got[i] - want[i]| <= tolerance * scale[i] + 1e-30
//
// scale[i] is best the sum of the magnitudes of the terms that want[i] is the sum of (what rounding errors are
// proportional to); where a test has no such sum, |want[i]| + the root mean square of `want` stands in.
#pragma once

#include <longsky/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <ostream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace longsky::test {

/// The answer of a comparison: true or false, and in words where it went wrong.
struct Verdict {
  bool good;
  std::string words;
  explicit operator bool() const { return good; }
  friend std::ostream& operator<<(std::ostream& os, const Verdict& v) { return os << v.words; }
};

/// Is every element within tolerance * scale[i] of the reference? A NaN in `got` never is.
inline Verdict close(std::span<const float> got, std::span<const double> want, std::span<const double> scale,
                     double tolerance) {
  if (got.size() != want.size() || scale.size() != want.size()) return {false, "the sizes differ"};
  double worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(double{got[i]} - want[i]) / (scale[i] + 1e-30 / tolerance);
    if (!(error <= worst)) worst = error, at = i;
    if (std::isnan(error)) break;
  }
  std::ostringstream words;
  words << "worst at " << at << " of " << got.size();
  if (!got.empty()) words << ": got " << got[at] << ", want " << want[at] << ", error " << worst << " of the scale";
  words << ", allowed " << tolerance;
  return {worst <= tolerance, words.str()};
}

/// As above, with |want[i]| + rms(want) for the scale.
inline Verdict close(std::span<const float> got, std::span<const double> want, double tolerance) {
  double squares = 0;
  for (double x : want) squares += x * x;
  const double rms = std::sqrt(squares / std::max<double>(1, static_cast<double>(want.size())));
  std::vector<double> scale(want.size());
  for (std::size_t i = 0; i < want.size(); ++i) scale[i] = std::abs(want[i]) + rms;
  return close(got, want, scale, tolerance);
}

/// Are two arrays the same bytes?
template <class T>
Verdict same_bits(std::span<const T> a, std::span<const T> b) {
  if (a.size() != b.size()) return {false, "the sizes differ"};
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0) {
      std::ostringstream words;
      words << "first difference at " << i << " of " << a.size() << ": " << a[i] << " and " << b[i];
      return {false, words.str()};
    }
  return {true, "the same bits"};
}
inline Verdict same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return same_bits<float>(std::span<const float>(a), std::span<const float>(b));
}

/// An output buffer that starts as NaN and has a guard zone on both sides: what an op leaves unwritten fails `close`,
/// what it writes beyond the borders fails `intact`.
class Guarded {
 public:
  explicit Guarded(std::int64_t size, float start = std::numeric_limits<float>::quiet_NaN())
      : size_(static_cast<std::size_t>(size)), memory_(size_ + 2 * zone, guard) {
    std::fill_n(data(), size_, start);
  }
  explicit Guarded(const std::vector<float>& start) : Guarded(static_cast<std::int64_t>(start.size())) {
    std::copy(start.begin(), start.end(), data());
  }

  float* data() { return memory_.data() + zone; }
  std::span<const float> span() const { return {memory_.data() + zone, size_}; }
  std::vector<float> vector() const { return {span().begin(), span().end()}; }
  bool intact() const {
    const auto kept = [](float x) { return x == guard; };
    return std::all_of(memory_.begin(), memory_.begin() + zone, kept) &&
           std::all_of(memory_.end() - zone, memory_.end(), kept);
  }

 private:
  static constexpr std::ptrdiff_t zone = 64;
  static constexpr float guard = -12345.5f;
  std::size_t size_;
  std::vector<float> memory_;
};

/// `size` numbers, uniform in [-1, 1), the same for the same name.
inline std::vector<float> random_floats(std::int64_t size, std::string_view name) {
  Random random(1, stream_of(name), 0);
  std::vector<float> values(static_cast<std::size_t>(size));
  for (float& x : values) x = random.uniform(-1.0f, 1.0f);
  return values;
}

}  // namespace longsky::test
