// longsky/spec/adamw.hpp — the numbers of one AdamW update (Loshchilov & Hutter 2019, arXiv 1711.05101).
//
//   g' = gradient_scale * g,  m = beta1 m + (1 - beta1) g',  v = beta2 v + (1 - beta2) g'^2
//   w -= lr * ( m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + eps) + weight_decay * w )
#pragma once

#include <cmath>
#include <cstdint>

namespace longsky {

/// What is the same in every step.
struct AdamWConstants {
  float beta1, beta2, eps, weight_decay;
  std::int64_t first = 0;  ///< the number of the first weight among all of the model's
};

/// What changes from step to step. It lies in the device's memory, where the gradient's norm is known first.
struct StepScale {
  float lr = 0;
  float gradient_scale = 0;  ///< multiplies every gradient: mean, clip
  float to_m_hat = 1;        ///< 1 / (1 - beta1^step)
  float to_v_hat = 1;        ///< 1 / (1 - beta2^step)
  std::int64_t step = 0;     ///< counts from 1
  std::uint64_t seed = 0;    ///< of what is rounded at random: the run's and the stage's
  std::int32_t skip = 0;     ///< not 0: weights and moments stay as they are
};

/// What makes the means of the first steps unbiased: 1 / (1 - beta^step).
inline float bias_correction(float beta, std::int64_t step) {
  return static_cast<float>(1 / (1 - std::pow(static_cast<double>(beta), static_cast<double>(step))));
}

}  // namespace longsky
