// program/gpu_program_test.cpp — the same recipe on a GPU, which is emulated here: the CPU's losses, and a run that
// goes from one device to the other.
#include "program/tiny_run.hpp"
#include "support/catch.hpp"

#ifdef LONGSKY_TINY_GPU_PROGRAM

using namespace longsky::test;
using Catch::Matchers::Contains;

namespace {

const Start on_gpu_program{.program = LONGSKY_TINY_GPU_PROGRAM};

Arguments train_on_gpu(const fs::path& out) {
  Arguments arguments = train(out);
  arguments.resize(arguments.size() - 2);  // --threads is the CPU's
  return arguments + Arguments{"--checkpoint-every", "1"};
}

/// Trains on the GPU until `words` are said, and stops there.
Ended stop_on_gpu(const fs::path& out, const std::string& words) {
  Process process(train_on_gpu(out), on_gpu_program);
  if (process.says(words)) process.signal(SIGTERM);
  return process.wait();
}

std::vector<double> losses(const fs::path& out) {
  std::vector<double> values;
  Outcome outcome = outcome_of(out);
  for (const auto& [step, loss, norm] : outcome.curves[nodes[0]]) values.push_back(loss);
  return values;
}

}  // namespace

TEST_CASE("a run goes from the GPU to the CPU, and from the CPU to the GPU") {
  const ScratchDirectory from_gpu, from_cpu;
  const Ended on_gpu = stop_on_gpu(from_gpu.path(), "\"step\":2,");
  INFO(on_gpu.said);
  CHECK(on_gpu.code == 75);
  CHECK_THAT(on_gpu.said, Contains("emulated GPU"));
  const Ended then_cpu = run(train(from_gpu.path()));
  INFO(then_cpu.said);
  CHECK(then_cpu.code == 0);
  CHECK_THAT(then_cpu.said, Contains("resuming pretrain at step"));

  CHECK(stop_after(from_cpu.path(), 2).code == 75);
  const Ended then_gpu = stop_on_gpu(from_cpu.path(), "\"stage\":\"sft\"");
  INFO(then_gpu.said);
  CHECK(then_gpu.code == 75);
  CHECK_THAT(then_gpu.said, Contains("resuming pretrain at step"));

  Outcome whole = undisturbed();
  for (const fs::path& out : {from_gpu.path(), from_cpu.path()}) {
    const std::vector<double> got = losses(out);
    REQUIRE(got.size() == whole.curves[nodes[0]].size());
    for (std::size_t i = 0; i < got.size(); ++i)
      CHECK(got[i] == Approx(std::get<1>(whole.curves[nodes[0]][i])).epsilon(1e-4));
  }
}

TEST_CASE("a GPU's program knows no threads, and says what it knows") {
  const ScratchDirectory out;
  const Ended ended = Process(train(out.path()), on_gpu_program).wait();
  CHECK(ended.code == 2);
  CHECK_THAT(ended.said, Contains("there is no option --threads"));
  CHECK_THAT(Process({"train", "--help"}, on_gpu_program).wait().said, Contains("--gpu") && Contains("--synchronous"));
  CHECK(Process(train_on_gpu(out.path()) + Arguments{"--gpu", "7"}, on_gpu_program).wait().code == 6);
}

#endif
