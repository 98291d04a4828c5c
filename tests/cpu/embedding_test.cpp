// tests/cpu/embedding_test.cpp — the lookup and its gradient on the CPU.
#include "cases/embedding.hpp"
#include "cpu/alike.hpp"

#include <longsky/cpu/embedding.hpp>

using namespace longsky;
using namespace longsky::test;

TEMPLATE_TEST_CASE_SIG("embedding looks rows up and sums their gradients", "[embedding]", ((int C), C), 1, 16, 100,
                       128) {
  const std::int64_t N = GENERATE(1, 700);
  const int different = GENERATE(1, 2, 11);
  EmbeddingCases::check<cpu::Device, float, C>(N, different);
}
