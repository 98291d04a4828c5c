// program/process.hpp — the tiny program as a process: started, listened to, signalled, killed, and how it ended.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace longsky::test {

using Arguments = std::vector<std::string>;

inline Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// How a process ended, and all it said.
struct Ended {
  int code = -1;  ///< its exit code, or 128 and the signal that killed it
  std::string said;
};

/// How a process is started.
struct Start {
  rlim_t file_limit = 0;  ///< no file may grow beyond so many bytes; 0: no limit
  const char* program = LONGSKY_TINY_PROGRAM;
  int ignored = 0;            ///< a signal that it finds ignored, as after nohup; all others are as in a terminal
  bool unprivileged = false;  ///< as a user whom modes of files bind, also where the tests run as root
  rlim_t address_limit = 0;   ///< bytes of address space; 0: no limit
  bool one_processor = false;
  bool terminal = false;  ///< it speaks to a terminal instead of a pipe
  std::vector<std::pair<std::string, std::string>> environment = {};
  std::optional<std::string> output = {};  ///< a file that takes its standard output; "" closes it
  std::optional<std::string> input = {};   ///< a file that it reads as standard input; "" closes it
};

class Process {
 public:
  explicit Process(const Arguments& arguments, const Start& start = {}) {
    int ends[2];
    if (start.terminal ? !open_terminal(ends) : ::pipe(ends) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("no process");
    if (child_ == 0) {
      ::dup2(ends[1], 1);
      ::dup2(ends[1], 2);
      ::close(ends[0]);
      ::close(ends[1]);
      if (start.output) redirect(1, *start.output, O_WRONLY);
      if (start.input) redirect(0, *start.input, O_RDONLY);
      if (start.terminal) ::setenv("TERM", "xterm", 1);
      for (const auto& [name, value] : start.environment) ::setenv(name.c_str(), value.c_str(), 1);
      // Threads that wait by spinning starve each other where there are more of them than cores.
      for (const int number : {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGPIPE})
        ::signal(number, number == start.ignored ? SIG_IGN : SIG_DFL);
      ::setenv("OMP_WAIT_POLICY", "passive", 1);
      if (start.unprivileged && ::geteuid() == 0 &&
          (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0))
        ::_exit(126);
      limit(RLIMIT_FSIZE, start.file_limit);
      limit(RLIMIT_AS, start.address_limit);
      if (start.one_processor) {
        cpu_set_t set;
        ::sched_getaffinity(0, sizeof set, &set);
        for (int i = 0, kept = 0; i < CPU_SETSIZE; ++i)
          if (CPU_ISSET(i, &set) && kept++ > 0) CPU_CLR(i, &set);
        ::sched_setaffinity(0, sizeof set, &set);
      }
      std::vector<char*> words{const_cast<char*>(start.program)};
      for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
      words.push_back(nullptr);
      ::execv(words[0], words.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    ::close(output_);
  }

  /// The next line it says, or nothing at its end.
  std::string line() {
    for (;;) {
      if (const std::size_t end = said_.find('\n', read_); end != std::string::npos) {
        const std::string found = said_.substr(read_, end - read_);
        read_ = end + 1;
        return found;
      }
      if (!listen()) return {};
    }
  }

  /// Listens until a line has `words` in it; false where the process ends before.
  bool says(const std::string& words) {
    for (std::string text = line(); !text.empty(); text = line())
      if (text.find(words) != std::string::npos) return true;
    return false;
  }

  void signal(int number) { ::kill(child_, number); }
  pid_t id() const { return child_; }

  /// Nobody reads what it says from here on.
  void stop_listening() { ::close(std::exchange(output_, -1)); }

  Ended wait() {
    while (listen()) {
    }
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), said_};
  }

  /// Has it ended? Does not wait.
  bool ended() {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
  }

 private:
  bool listen() {
    char buffer[4096];
    const ssize_t n = ::read(output_, buffer, sizeof buffer);
    if (n > 0) said_.append(buffer, static_cast<std::size_t>(n));
    return n > 0;
  }

  static void limit(decltype(RLIMIT_AS) what, rlim_t bytes) {
    rlimit limit{};
    ::getrlimit(what, &limit);
    if (bytes > 0) limit.rlim_cur = bytes;
    ::setrlimit(what, &limit);
  }

  static void redirect(int number, const std::string& file, int flags) {
    ::close(number);
    if (!file.empty() && ::open(file.c_str(), flags) != number) ::_exit(125);
  }

  /// A terminal that passes everything on as it is; like a pipe, ends[1] is written and ends[0] read.
  static bool open_terminal(int (&ends)[2]) {
    ends[0] = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (ends[0] < 0 || ::grantpt(ends[0]) != 0 || ::unlockpt(ends[0]) != 0) return false;
    ends[1] = ::open(::ptsname(ends[0]), O_RDWR | O_NOCTTY);
    termios modes{};
    if (ends[1] < 0 || ::tcgetattr(ends[1], &modes) != 0) return false;
    ::cfmakeraw(&modes);
    return ::tcsetattr(ends[1], TCSANOW, &modes) == 0;
  }

  static constexpr unsigned nobody = 65534;

  pid_t child_ = -1;
  int output_ = -1;
  std::string said_;
  std::size_t read_ = 0;
};

inline Ended run(const Arguments& arguments, const Start& start = {}) { return Process(arguments, start).wait(); }

}  // namespace longsky::test
