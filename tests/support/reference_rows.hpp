// support/reference_rows.hpp — the row ops and attention as their formulas, in double precision.
#pragma once

#include <longsky/spec/mask.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace longsky::test {

using Doubles = std::vector<double>;

inline Doubles to_double(const std::vector<float>& x) { return {x.begin(), x.end()}; }
inline Doubles zeros(std::int64_t n) { return Doubles(static_cast<std::size_t>(n)); }

/// y[t][c] = x[t][c] * r[t] * w[c], r[t] = 1 / sqrt(mean of x[t]^2 + eps)
inline Doubles rmsnorm(const Doubles& x, const Doubles& w, double eps, Doubles* r_out = nullptr) {
  const std::size_t C = w.size(), N = x.size() / C;
  Doubles y(x.size()), r(N);
  for (std::size_t t = 0; t < N; ++t) {
    double squares = 0;
    for (std::size_t c = 0; c < C; ++c) squares += x[t * C + c] * x[t * C + c];
    r[t] = 1 / std::sqrt(squares / static_cast<double>(C) + eps);
    for (std::size_t c = 0; c < C; ++c) y[t * C + c] = x[t * C + c] * r[t] * w[c];
  }
  if (r_out) *r_out = r;
  return y;
}

/// Gate first, then up: y = gate / (1 + e^-gate) * up
inline Doubles swiglu(const Doubles& gate_up, std::size_t F) {
  const std::size_t N = gate_up.size() / (2 * F);
  Doubles y(N * F);
  for (std::size_t t = 0; t < N; ++t)
    for (std::size_t i = 0; i < F; ++i) {
      const double gate = gate_up[t * 2 * F + i], up = gate_up[t * 2 * F + F + i];
      y[t * F + i] = gate / (1 + std::exp(-gate)) * up;
    }
  return y;
}

/// Pairs (i, i + D/2) of one head turned by position * base^(-2i/D).
inline void turn_head(double* x, int D, double position, double base) {
  for (int i = 0; i < D / 2; ++i) {
    const double angle = position * std::pow(base, -2.0 * i / D);
    const double a = x[i], b = x[i + D / 2];
    x[i] = a * std::cos(angle) - b * std::sin(angle);
    x[i + D / 2] = a * std::sin(angle) + b * std::cos(angle);
  }
}

/// The sizes of one attention.
struct AttentionShape {
  int B, H, KV, T, D;
  std::int64_t queries() const { return std::int64_t{B} * H * T * D; }
  std::int64_t keys() const { return std::int64_t{B} * KV * T * D; }
  std::int64_t query(int b, int h, int t) const { return ((std::int64_t{b} * H + h) * T + t) * D; }
  std::int64_t key(int b, int h, int t) const { return ((std::int64_t{b} * KV + h / (H / KV)) * T + t) * D; }
  std::int64_t token(int b, int h, int t) const { return ((std::int64_t{b} * T + t) * H + h) * D; }
};

/// A result and, for each element, the sum of the magnitudes of its terms: what rounding errors are proportional to.
struct Scaled {
  Doubles value, scale;
  explicit Scaled(std::int64_t n) : value(zeros(n)), scale(zeros(n)) {}
  void add(std::int64_t i, double term, double magnitude) {
    value[static_cast<std::size_t>(i)] += term;
    scale[static_cast<std::size_t>(i)] += magnitude;
  }
};

struct Dot {
  double value = 0, magnitude = 0;
};
inline Dot dot(const double* a, const double* b, int D) {
  Dot sum;
  for (int d = 0; d < D; ++d) sum.value += a[d] * b[d], sum.magnitude += std::abs(a[d] * b[d]);
  return sum;
}

/// One query's softmax and output: o = sum over visible k of p v, p = softmax(q k / sqrt(D)).
struct AttentionOfQuery {
  Doubles p, pm;  // a probability, and how large its rounding error may be: p (1 + |score|)
  double lse;
  Scaled o;
};

/// Query t of head h in sequence b. One that sees no key has o = 0 and lse = -infinity.
template <class Mask>
AttentionOfQuery attention_of_query(const AttentionShape& s, const Doubles& q, const Doubles& k, const Doubles& v,
                                    const std::vector<std::int32_t>& documents, int b, int h, int t) {
  const auto T = static_cast<std::size_t>(s.T);
  AttentionOfQuery out{Doubles(T), Doubles(T), -std::numeric_limits<double>::infinity(), Scaled(s.D)};
  const double root = 1 / std::sqrt(static_cast<double>(s.D));
  const auto key = [&](std::size_t u) { return s.key(b, h, static_cast<int>(u)); };
  const auto place = [&](int i) {
    return TokenPlace{i, documents.empty() ? 0 : documents[static_cast<std::size_t>(b * s.T + i)]};
  };
  double total = 0, top = -1e300;
  std::vector<Dot> scores(T);
  for (std::size_t u = 0; u < T; ++u)
    if (Mask::visible(place(t), place(static_cast<int>(u)))) {
      scores[u] = dot(&q[s.query(b, h, t)], &k[key(u)], s.D);
      out.p[u] = 1;
      top = std::max(top, scores[u].value * root);
    }
  for (std::size_t u = 0; u < T; ++u) {
    if (out.p[u] == 0) continue;
    out.p[u] = std::exp(scores[u].value * root - top);
    out.pm[u] = out.p[u] * (1 + scores[u].magnitude * root);
    total += out.p[u];
  }
  if (total == 0) return out;
  out.lse = top + std::log(total);
  for (std::size_t u = 0; u < T; ++u) {
    out.p[u] /= total, out.pm[u] /= total;
    for (int d = 0; d < s.D; ++d) {
      const double value = v[key(u) + d];
      out.o.add(d, out.p[u] * value, out.pm[u] * std::abs(value));
    }
  }
  return out;
}

/// o and lse of all queries, and the gradients of the sum of o * d_o:
/// dv = p d_o, ds = p (d_o v - d_o o), dq = ds k / sqrt(D), dk = ds q / sqrt(D).
struct AttentionReference {
  Doubles lse;
  Scaled o, dq, dk, dv;
};

template <class Mask>
AttentionReference attention(const AttentionShape& s, const Doubles& q, const Doubles& k, const Doubles& v,
                             const Doubles& d_o, const std::vector<std::int32_t>& documents) {
  AttentionReference out{zeros(s.queries() / s.D), Scaled(s.queries()), Scaled(s.queries()), Scaled(s.keys()),
                         Scaled(s.keys())};
  const double root = 1 / std::sqrt(static_cast<double>(s.D));
  for (int b = 0; b < s.B; ++b)
    for (int h = 0; h < s.H; ++h)
      for (int t = 0; t < s.T; ++t) {
        const std::int64_t qt = s.query(b, h, t), ot = s.token(b, h, t);
        const AttentionOfQuery query = attention_of_query<Mask>(s, q, k, v, documents, b, h, t);
        out.lse[static_cast<std::size_t>(qt / s.D)] = query.lse;
        for (int d = 0; d < s.D; ++d)
          out.o.add(ot + d, query.o.value[static_cast<std::size_t>(d)], query.o.scale[static_cast<std::size_t>(d)]);
        const Dot delta = dot(&d_o[ot], query.o.value.data(), s.D);
        for (std::size_t u = 0; u < query.p.size(); ++u) {
          if (query.p[u] == 0) continue;
          const std::int64_t ku = s.key(b, h, static_cast<int>(u));
          const Dot dp = dot(&d_o[ot], &v[ku], s.D);
          const double ds = query.p[u] * (dp.value - delta.value) * root;
          const double ds_magnitude = query.pm[u] * (dp.magnitude + delta.magnitude) * root;
          for (int d = 0; d < s.D; ++d) {
            out.dq.add(qt + d, ds * k[ku + d], ds_magnitude * std::abs(k[ku + d]));
            out.dk.add(ku + d, ds * q[qt + d], ds_magnitude * std::abs(q[qt + d]));
            out.dv.add(ku + d, query.p[u] * d_o[ot + d], query.pm[u] * std::abs(d_o[ot + d]));
          }
        }
      }
  return out;
}

/// What the last token of one sequence reads, [H, D].
template <class Mask>
Scaled attention_of_last(const AttentionShape& s, const Doubles& q, const Doubles& k, const Doubles& v) {
  Scaled o(std::int64_t{s.H} * s.D);
  for (int h = 0; h < s.H; ++h) {
    const Scaled of_head = attention_of_query<Mask>(s, q, k, v, {}, 0, h, s.T - 1).o;
    for (std::size_t d = 0; d < of_head.value.size(); ++d)
      o.add(h * s.D + static_cast<std::int64_t>(d), of_head.value[d], of_head.scale[d]);
  }
  return o;
}

/// dy . f(x) as a function of x: its central differences are the gradient that a backward pass must return.
template <class Function>
Doubles differences(Doubles x, const Doubles& dy, const Function& f, double step = 1e-5) {
  Doubles dx(x.size());
  const auto weighted = [&] {
    const Doubles y = f(x);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * dy[i];
    return sum;
  };
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double at = x[i];
    x[i] = at + step;
    const double above = weighted();
    x[i] = at - step;
    dx[i] = (above - weighted()) / (2 * step);
    x[i] = at;
  }
  return dx;
}

}  // namespace longsky::test
