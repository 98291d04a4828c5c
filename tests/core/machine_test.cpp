// core/machine_test.cpp — processors and memory that a process was given, in made-up trees of /proc and control groups.
#include "support/catch.hpp"
#include "support/scratch_directory.hpp"

#include <longsky/core/machine.hpp>

#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

constexpr std::int64_t MiB = 1 << 20;
const std::string unlimited = "9223372036854771712\n";

/// A tree in which files are made.
class Tree {
 public:
  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = directory_ / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string operator/(const std::string& name) const { return (directory_ / name).string(); }
  std::string proc() const { return *this / "proc"; }
  /// A mount of control groups: `root` of the hierarchy at `point`.
  std::string mount(const std::string& root, const std::string& point, const std::string& type,
                    const std::string& controllers) const {
    return "35 31 0:32 " + root + " " + *this / point + " rw,relatime shared:9 - " + type + " " + type + " rw," +
           controllers + "\n";
  }

 private:
  ScratchDirectory directory_;
};

/// What a child answers that runs `body`, below 256.
template <class Body>
int answer_of_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("without control groups it is the machine") {
  const Tree tree;
  CHECK(processors_given(tree.proc()) == machine::affinity());
  const GivenMemory given = memory_given(tree.proc());
  CHECK(given.bytes <= static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGE_SIZE));
  CHECK(given.bytes > 0);
}

TEST_CASE("version 2: the tightest of a group and its ancestors, less what is held there") {
  const Tree tree;
  tree.write("proc/self/cgroup", "0::/user.slice/job\n");
  tree.write("proc/self/mountinfo",
             "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + tree.mount("/", "fs", "cgroup2", "nsdelegate"));
  tree.write("proc/self/statm", "5000 256 100 10 0 300 0\n");
  tree.write("fs/user.slice/job/memory.max", "max\n");
  tree.write("fs/user.slice/memory.max", "104857600\n");
  tree.write("fs/memory.max", "209715200\n");
  tree.write("fs/user.slice/job/cpu.max", "max 100000\n");
  const std::int64_t own = 156 * ::sysconf(_SC_PAGE_SIZE);  // resident, and of no file
  CHECK(memory_given(tree.proc()).bytes == 100 * MiB - own);
  CHECK_THAT(memory_given(tree.proc()).limit, Contains("memory.max of the control group /user.slice"));
  CHECK(processors_given(tree.proc()) == machine::affinity());

  tree.write("fs/user.slice/memory.current", std::to_string(40 * MiB) + "\n");
  tree.write("fs/user.slice/memory.stat",
             "anon 1\ninactive_file 10485760\nactive_file 5242880\nslab_reclaimable 5242880\n");
  CHECK(memory_given(tree.proc()).bytes == 80 * MiB);  // 20 of the 40 are files, which the kernel can drop

  tree.write("fs/user.slice/job/memory.high", std::to_string(50 * MiB) + "\n");
  CHECK(memory_given(tree.proc()).bytes == 50 * MiB - own);
  CHECK_THAT(memory_given(tree.proc()).limit, Contains("memory.high") && Contains("/user.slice/job"));
  tree.write("fs/user.slice/memory.current", std::to_string(500 * MiB) + "\n");
  CHECK(memory_given(tree.proc()).bytes == 0);  // never less than nothing

  tree.write("fs/cpu.max", "50000 100000\n");
  CHECK(processors_given(tree.proc()) == 1);
}

TEST_CASE("version 1: each controller has its own tree, and a quota of a half is a thread") {
  const Tree tree;
  tree.write("proc/self/cgroup", "9:name=systemd:/\n4:memory:/job 1\n2:cpu,cpuacct:/job 1\n0::/\n");
  tree.write("proc/self/mountinfo", tree.mount("/", "fs/systemd", "cgroup", "name=systemd") +
                                        tree.mount("/", "fs/mem\\040ory", "cgroup", "memory") +
                                        tree.mount("/", "fs/cpu", "cgroup", "cpu,cpuacct") +
                                        tree.mount("/", "fs/unified", "cgroup2", ""));
  tree.write("fs/mem ory/job 1/memory.limit_in_bytes", unlimited);
  tree.write("fs/mem ory/memory.limit_in_bytes", unlimited);
  tree.write("fs/cpu/job 1/cpu.cfs_quota_us", "-1\n");
  tree.write("fs/cpu/job 1/cpu.cfs_period_us", "100000\n");
  const std::int64_t before = memory_given(tree.proc()).bytes;
  CHECK(processors_given(tree.proc()) == machine::affinity());
  tree.write("fs/mem ory/job 1/memory.limit_in_bytes", "104857600\n");
  tree.write("fs/mem ory/job 1/memory.usage_in_bytes", "20971520\n");
  tree.write("fs/mem ory/job 1/memory.stat", "cache 1\ntotal_inactive_file 20000000\n");
  CHECK(memory_given(tree.proc()).bytes == 100 * MiB - (20971520 - 20000000));
  CHECK(memory_given(tree.proc()).bytes < before);
  tree.write("fs/cpu/job 1/cpu.cfs_quota_us", "50000\n");
  CHECK(processors_given(tree.proc()) == 1);
  tree.write("fs/cpu/job 1/cpu.cfs_quota_us", "250000\n");
  CHECK(machine::quota(tree.proc()) == 3);
}

TEST_CASE("inside a container the groups begin where they are mounted") {
  const Tree tree;
  tree.write("fs/memory.limit_in_bytes", "104857600\n");
  SECTION("the name is the host's, and the mount begins at the container's group") {
    tree.write("proc/self/cgroup", "4:memory:/docker/abc\n");
    tree.write("proc/self/mountinfo", tree.mount("/docker/abc", "fs", "cgroup", "memory"));
  }
  SECTION("the name lies outside what is mounted") {
    tree.write("proc/self/cgroup", "4:memory:/../../other\n");
    tree.write("proc/self/mountinfo", tree.mount("/docker/abc", "fs", "cgroup", "memory"));
  }
  SECTION("a name that only begins like the mount's") {
    tree.write("proc/self/cgroup", "4:memory:/docker/abcdef\n");
    tree.write("proc/self/mountinfo", tree.mount("/docker/abc", "fs", "cgroup", "memory"));
  }
  CHECK(memory_given(tree.proc()).bytes == 100 * MiB);
}

TEST_CASE("what /proc says in another form is passed over") {
  const Tree tree;
  tree.write("proc/self/cgroup", "nonsense\n:\n4:memory\n0::/x\n4:memory:\n");
  tree.write("proc/self/mountinfo", "\n - \na - b\n1 2 3 4 - cgroup2 x y\n1 2 3:4 / \\9 rw - cgroup2 x y\n");
  tree.write("proc/self/statm", "many pages\n");
  CHECK(memory_given(tree.proc()).bytes > 0);
  CHECK(processors_given(tree.proc()) == machine::affinity());
}

TEST_CASE("the affinity of a real process is seen") {
  const Tree tree;  // without the control groups of whoever runs the tests
  CHECK(answer_of_child([&] {
          cpu_set_t one;
          CPU_ZERO(&one);
          cpu_set_t all;
          ::sched_getaffinity(0, sizeof all, &all);
          for (int i = 0; i < CPU_SETSIZE; ++i)
            if (CPU_ISSET(i, &all)) {
              CPU_SET(i, &one);
              break;
            }
          ::sched_setaffinity(0, sizeof one, &one);
          return processors_given(tree.proc());
        }) == 1);
}

#ifndef __SANITIZE_ADDRESS__  // which maps more than these limits, and ends a process where it cannot
TEST_CASE("resource limits of a real process are seen") {
  const Tree tree;
  const auto limited = [&](auto which, const char* name) {
    return answer_of_child([&] {
      rlimit limit{};
      ::getrlimit(which, &limit);
      limit.rlim_cur = rlim_t{300} << 20;
      if (::setrlimit(which, &limit) != 0) return 2;
      rlimit now{};
      ::getrlimit(which, &now);
      if (now.rlim_cur != limit.rlim_cur) return 0;         // an emulator of another processor keeps its own limits
      const GivenMemory given = memory_given(tree.proc());  // that tree tells of no memory held
      return given.bytes == 300 * MiB && given.limit.find(name) != std::string::npos ? 0 : 1;
    });
  };
  CHECK(limited(RLIMIT_AS, "ulimit -v") == 0);
  CHECK(limited(RLIMIT_DATA, "ulimit -d") == 0);
}
#endif
