// tests/cpu/linear_eigen_test.cpp — the linear layer at the sizes of real models, against Eigen in double precision.
#include "support/catch.hpp"

#include <longsky/core/random.hpp>
#include <longsky/cpu/linear.hpp>

#include <Eigen/Core>

#include <vector>

namespace {

using namespace longsky;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Matrix random_matrix(Eigen::Index rows, Eigen::Index columns, const char* name) {
  Random random(3, stream_of(name), 0);
  Matrix m(rows, columns);
  for (float& x : m.reshaped()) x = random.uniform(-1, 1);
  return m;
}

/// The largest error, as a part of the largest sum of magnitudes an element can have.
double error(const Matrix& got, const Eigen::MatrixXd& want, Eigen::Index terms) {
  return (got.cast<double>() - want).cwiseAbs().maxCoeff() / static_cast<double>(terms);
}

template <int N, int K>
void compare(std::int64_t rows) {
  cpu::Device device(2);
  const Matrix x = random_matrix(rows, K, "x"), w = random_matrix(N, K, "w"), dy = random_matrix(rows, N, "dy");
  Matrix y(rows, N), dx(rows, K), dw = Matrix::Zero(N, K);
  cpu::linear_forward<Fp32, N, K>(device, {y.data(), rows}, {x.data(), rows}, w.data(), nullptr, nullptr);
  cpu::linear_backward_input<Fp32, N, K>(device, {dx.data(), rows}, {dy.data(), rows}, w.data());
  cpu::linear_backward_weight<Fp32, N, K>(device, dw.data(), nullptr, {dy.data(), rows}, {x.data(), rows});
  const Eigen::MatrixXd X = x.cast<double>(), W = w.cast<double>(), dY = dy.cast<double>();
  CHECK(error(y, X * W.transpose(), K) < 2e-7);
  CHECK(error(dx, dY * W, N) < 2e-7);
  CHECK(error(dw, dY.transpose() * X, rows) < 2e-7);
}

}  // namespace

TEST_CASE("linear layers agree with Eigen", "[linear]") {
  compare<512, 128>(1030);
  compare<2614, 128>(97);
  compare<768, 256>(511);
}
