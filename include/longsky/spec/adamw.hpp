// longsky/spec/adamw.hpp — the numbers of one AdamW update (Loshchilov & Hutter 2019, arXiv 1711.05101).
//
//   g' = gradient_scale * g,  m = beta1 m + (1 - beta1) g',  v = beta2 v + (1 - beta2) g'^2
//   w -= lr * ( m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + eps) + weight_decay * w )
#pragma once

#include <cmath>
#include <cstdint>

namespace longsky {

/// `step` counts from 1; `gradient_scale` multiplies every gradient (mean, clip).
struct AdamWUpdate {
  float lr, beta1, beta2, eps, weight_decay;
  std::int64_t step;
  float gradient_scale;

  /// What makes the means of the first steps unbiased: 1 / (1 - beta^step).
  float correction(float beta) const {
    return static_cast<float>(1 / (1 - std::pow(double{beta}, static_cast<double>(step))));
  }
};

}  // namespace longsky
