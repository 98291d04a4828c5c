// tests/core/signals_test.cpp — the first signal asks, the second SIGINT does not, and handlers are given back.
#include "support/catch.hpp"

#include <longsky/core/signals.hpp>

#include <sys/wait.h>

using namespace longsky;

namespace {

/// How a child that runs `body` ends.
template <class Body>
int status_of_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

/// While it lives none of the five signals is ignored, however these tests were started.
class NotIgnored {
 public:
  NotIgnored() {
    for (std::size_t i = 0; i < 5; ++i) before_[i] = ::signal(numbers_[i], SIG_DFL);
  }
  ~NotIgnored() {
    for (std::size_t i = 0; i < 5; ++i) ::signal(numbers_[i], before_[i]);
  }

 private:
  static constexpr int numbers_[5] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGPIPE};
  sighandler_t before_[5];
};

}  // namespace

TEST_CASE("the first signal asks to stop") {
  for (int number : {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGPIPE}) {
    const NotIgnored as_in_a_terminal;
    const StopSignals signals;
    CHECK(!stop_requested());
    raise(number);
    CHECK(stop_requested());
    CHECK(stop_signal() == number);
    raise(SIGTERM);
    raise(SIGUSR1);
    CHECK(stop_signal() == number);
  }
  CHECK(!stop_requested());
}

TEST_CASE("a second SIGINT ends the process at once with 130") {
  const NotIgnored as_in_a_terminal;
  const int status = status_of_child([] {
    const StopSignals signals;
    raise(SIGTERM);
    raise(SIGINT);
    raise(SIGINT);
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  CHECK(WEXITSTATUS(status_of_child([] {
          const StopSignals signals;
          raise(SIGTERM);
          raise(SIGINT);
          ::_exit(stop_requested() ? 75 : 1);
        })) == 75);
}

TEST_CASE("handlers are given back") {
  const int status = status_of_child([] {
    signal(SIGTERM, SIG_DFL);
    { const StopSignals signals; }
    raise(SIGTERM);
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGTERM);
}

TEST_CASE("a signal that was ignored stays ignored, then and afterwards; the others still ask") {
  for (int ignored : {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGPIPE}) {
    const NotIgnored as_in_a_terminal;
    ::signal(ignored, SIG_IGN);
    const int other = ignored == SIGTERM ? SIGHUP : SIGTERM;
    {
      const StopSignals signals;
      raise(ignored);
      raise(ignored);
      CHECK(!stop_requested());
      raise(other);
      CHECK(stop_signal() == other);
    }
    CHECK(::signal(ignored, SIG_DFL) == SIG_IGN);
    CHECK(::signal(other, SIG_DFL) == SIG_DFL);
  }
}
