// tests/emulation/capture.hpp — what a stream of the emulated GPU is given while it is recorded.
//
// CUDA replays a recording with the very shapes and addresses that it was recorded with. So the emulation notes each
// command with them, and a later run of the same recording is held against that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace longsky::emulation {

/// One command to the GPU: what is done, and the bytes of all it is done with.
struct Command {
  std::string name;
  std::vector<unsigned char> arguments;
  friend bool operator==(const Command&, const Command&) = default;
};

/// Collects the commands of the host's thread while it lives.
class Capture {
 public:
  /// `forbids`: the runtime refuses what CUDA refuses while a stream is captured.
  explicit Capture(bool forbids) : forbids_(forbids), before_(std::exchange(now, this)) {}
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture() { now = before_; }

  static Capture* current() { return now; }
  /// Is something recorded, so that nothing may be allocated or waited for?
  static bool forbids() { return now && now->forbids_; }

  const std::vector<Command>& commands() const { return commands_; }
  void add(Command command) { commands_.push_back(std::move(command)); }

 private:
  inline static Capture* now = nullptr;
  bool forbids_;
  Capture* before_;
  std::vector<Command> commands_;
};

/// Notes a command, where commands are noted. Of a struct with padding only its presence can be compared.
template <class... Arguments>
void note(const std::string& name, const Arguments&... arguments) {
  Capture* const capture = Capture::current();
  if (!capture) return;
  Command command{name, {}};
  const auto add = [&]<class T>(const T& x) {
    if constexpr (std::has_unique_object_representations_v<T> || std::is_floating_point_v<T>) {
      const auto* const bytes = reinterpret_cast<const unsigned char*>(&x);
      command.arguments.insert(command.arguments.end(), bytes, bytes + sizeof x);
    }
  };
  (add(arguments), ...);
  capture->add(std::move(command));
}

/// Throws where what a recording would replay is not what is to be done now.
inline void demand_same(const std::vector<Command>& recorded, const std::vector<Command>& now) {
  for (std::size_t i = 0; i < recorded.size() || i < now.size(); ++i) {
    const std::string place = "command " + std::to_string(i + 1) + " of a recording";
    if (i >= recorded.size()) throw std::logic_error(place + ": " + now[i].name + " was not recorded");
    if (i >= now.size()) throw std::logic_error(place + ": " + recorded[i].name + " is replayed and not wanted");
    if (recorded[i].name != now[i].name)
      throw std::logic_error(place + ": " + recorded[i].name + " is replayed, " + now[i].name + " is wanted");
    if (recorded[i] != now[i])
      throw std::logic_error(place + ": " + recorded[i].name +
                             " is replayed with other sizes or addresses than are wanted: the key of the recording "
                             "does not tell them apart");
  }
}

}  // namespace longsky::emulation
