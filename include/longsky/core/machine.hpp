// longsky/core/machine.hpp — what this process was given of the machine: processors and memory.
//
// A container, a batch system or a user takes a part of a machine: by affinity (taskset, cpusets), by control groups
// (versions 1 and 2, of which every ancestor counts) and by resource limits (ulimit). Who asks the machine instead runs
// more threads than it has processors, or is killed where it could have said that it does not fit.
#pragma once

#include <longsky/core/number_text.hpp>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longsky {

/// Memory that this process may still take, and what sets the limit: "the machine", "memory.max of the control group
/// …".
struct GivenMemory {
  std::int64_t bytes = 0;
  std::string limit;
};

namespace machine {

/// A file of /proc or /sys, which has no size before it is read; empty where there is none.
[[gnu::cold]] inline std::string text_of(const std::string& file) {
  std::string text;
  if (std::FILE* const open = std::fopen(file.c_str(), "re")) {
    char piece[4096];
    for (std::size_t n; (n = std::fread(piece, 1, sizeof piece, open)) > 0;) text.append(piece, n);
    std::fclose(open);
  }
  return text;
}

/// The parts of `text` between `separators`; empty ones are left out.
[[gnu::cold]] inline std::vector<std::string> split(std::string_view text, const char* separators) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; (at = text.find_first_not_of(separators, at)) != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return parts;
}

inline bool lists(std::string_view words, std::string_view word) {
  const std::vector<std::string> all = split(words, ",");
  return std::find(all.begin(), all.end(), word) != all.end();
}

/// The first number of a file, or of its line that begins with `key`; nothing for "max" or where there is none.
[[gnu::cold]] inline std::optional<std::int64_t> number_of(const std::string& file, std::string_view key = "") {
  for (const std::string& line : split(text_of(file), "\n")) {
    const std::vector<std::string> words = split(line, " \t");
    if (key.empty() && !words.empty()) return number_in<std::int64_t>(words[0]);
    if (words.size() > 1 && words[0] == key) return number_in<std::int64_t>(words[1]);
  }
  return std::nullopt;
}

/// A path as mountinfo writes it: blanks are \040.
[[gnu::cold]] inline std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t k) { return i + k < text.size() && text[i + k] >= '0' && text[i + k] < '8'; };
    if (text[i] == '\\' && digit(1) && digit(2) && digit(3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// A directory of a control group.
struct ControlGroup {
  std::string directory;
  std::string name;  ///< as /proc/self/cgroup has it
  bool unified;      ///< version 2
};

/// The group of this process for `controller` and its ancestors, in every hierarchy that is mounted, as far up as can
/// be seen from here.
[[gnu::cold]] inline std::vector<ControlGroup> control_groups(const std::string& proc, std::string_view controller) {
  std::vector<ControlGroup> found;
  const std::vector<std::string> mounts = split(text_of(proc + "/self/mountinfo"), "\n");
  for (const std::string& line : split(text_of(proc + "/self/cgroup"), "\n")) {  // 4:cpu,cpuacct:/user or 0::/user
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view controllers = std::string_view(line).substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    const bool unified = line.starts_with("0::");
    if (!unified && !lists(controllers, controller)) continue;
    for (const std::string& mount : mounts) {
      // 35 31 0:32 ROOT POINT rw,relatime shared:1 - cgroup SOURCE rw,memory
      const std::size_t dash = mount.find(" - ");
      if (dash == std::string::npos) continue;
      const std::vector<std::string> left = split(std::string_view(mount).substr(0, dash), " "),
                                     right = split(std::string_view(mount).substr(dash + 3), " ");
      if (left.size() < 5 || right.size() < 3 || right[0] != (unified ? "cgroup2" : "cgroup")) continue;
      if (!unified && !lists(right[2], controller)) continue;
      // Inside a container the mount may begin at the container's group, or the name lie outside what is mounted.
      const std::string root = unescaped(left[3]) == "/" ? "" : unescaped(left[3]);
      const std::string point = unescaped(left[4]);
      const bool inside = group.starts_with(root) && (group.size() == root.size() || group[root.size()] == '/') &&
                          group.find("/..") == std::string::npos;
      std::string below = inside ? group.substr(root.size()) : "";  // "/user.slice/job", then "/user.slice", then ""
      if (below == "/") below.clear();
      for (;;) {
        found.push_back({point + below, root + below, unified});
        if (below.empty()) break;
        below.resize(std::min(below.rfind('/'), below.size() - 1));
      }
    }
  }
  return found;
}

/// What the processes of a group hold and the kernel cannot take back; at least what this one does.
[[gnu::cold]] inline std::int64_t held(const ControlGroup& group, std::int64_t own) {
  const auto stat = [&](const char* key) { return number_of(group.directory + "/memory.stat", key).value_or(0); };
  const std::int64_t all =
      number_of(group.directory + (group.unified ? "/memory.current" : "/memory.usage_in_bytes")).value_or(0);
  const std::int64_t cache = group.unified ? stat("inactive_file") + stat("active_file") + stat("slab_reclaimable")
                                           : stat("total_inactive_file") + stat("total_active_file");
  return std::max(own, all - cache);
}

/// Processors that the groups' quotas allow, rounded up: half a processor more is worth a thread.
[[gnu::cold]] inline std::optional<std::int64_t> quota(const std::string& proc) {
  std::optional<std::int64_t> least;
  for (const ControlGroup& group : control_groups(proc, "cpu")) {
    std::optional<std::int64_t> quota, period;
    if (group.unified) {
      const std::vector<std::string> words = split(text_of(group.directory + "/cpu.max"), " \n");  // max 100000
      if (words.size() == 2) quota = number_in<std::int64_t>(words[0]), period = number_in<std::int64_t>(words[1]);
    } else {
      quota = number_of(group.directory + "/cpu.cfs_quota_us");  // -1: none
      period = number_of(group.directory + "/cpu.cfs_period_us");
    }
    if (!quota || !period || *quota <= 0 || *period <= 0) continue;
    const std::int64_t processors = *quota / *period + (*quota % *period != 0);
    least = std::min(least.value_or(processors), processors);
  }
  return least;
}

/// Processors that this process may be scheduled on.
[[gnu::cold]] inline int affinity() {
  for (int capacity = 1024; capacity <= 1 << 20; capacity *= 4) {  // the kernel refuses a set that is too small
    cpu_set_t* const set = CPU_ALLOC(static_cast<std::size_t>(capacity));
    if (!set) break;
    const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(capacity));
    const int processors = ::sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (processors > 0) return processors;
  }
  return static_cast<int>(std::max(1l, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace machine

/// How many threads this process can run at a time. `proc` is where the system tells of it.
[[gnu::cold]] inline int processors_given(const std::string& proc = "/proc") {
  const int processors = machine::affinity();
  return static_cast<int>(std::min<std::int64_t>(processors, machine::quota(proc).value_or(processors)));
}

/// How much memory this process may still take. `proc` is where the system tells of it.
[[gnu::cold]] inline GivenMemory memory_given(const std::string& proc = "/proc") {
  const std::int64_t page = ::sysconf(_SC_PAGE_SIZE);
  // size resident shared text lib data dirty, in pages
  const std::vector<std::string> pages = machine::split(machine::text_of(proc + "/self/statm"), " \n");
  const auto own = [&](std::size_t i) {
    return i < pages.size() ? number_in<std::int64_t>(pages[i]).value_or(0) * page : 0;
  };
  const std::int64_t all = ::sysconf(_SC_PHYS_PAGES) * page, resident = std::max<std::int64_t>(0, own(1) - own(2));
  GivenMemory given{all - resident, "the machine"};
  const auto limit = [&](std::int64_t bytes, const std::string& name) {
    if (bytes < given.bytes) given = {std::max<std::int64_t>(0, bytes), name};
  };
  for (const machine::ControlGroup& group : machine::control_groups(proc, "memory"))
    for (const char* file : {group.unified ? "memory.max" : "memory.limit_in_bytes", "memory.high"})
      if (const auto bytes = machine::number_of(group.directory + "/" + file); bytes && *bytes < all)
        limit(*bytes - machine::held(group, resident),
              std::string(file) + " of the control group " + (group.name.empty() ? "/" : group.name));
  const auto resource = [&](auto which, std::int64_t used, const char* name) {
    rlimit now{};
    if (::getrlimit(which, &now) != 0 || now.rlim_cur == RLIM_INFINITY || now.rlim_cur >= (rlim_t{1} << 62)) return;
    limit(static_cast<std::int64_t>(now.rlim_cur) - used, name);
  };
  resource(RLIMIT_AS, own(0), "the limit of address space (ulimit -v)");
  resource(RLIMIT_DATA, own(5), "the limit of data (ulimit -d)");
  return given;
}

}  // namespace longsky
