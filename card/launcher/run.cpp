#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "card/image/card_image.hpp"
#include "card/launcher/launcher.hpp"
#include "card/settings/settings.hpp"
#include "sluice/base/error.hpp"
#include "sluice/base/subprocess.hpp"

namespace sluice::card {

namespace fs = std::filesystem;

namespace {

// A card sees the end of its host at once and goes by itself; a hung kernel may hold it longer.
constexpr std::chrono::milliseconds kCardPatience{1000};
constexpr std::chrono::milliseconds kPollPause{20};

/// Blocks the signals that concern a running command, so that they can be waited for.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigemptyset(&wanted_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD})
      sigaddset(&wanted_, number);
    ::pthread_sigmask(SIG_BLOCK, &wanted_, &previous_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  const sigset_t& previous() const { return previous_; }

  /// The next signal, if one comes soon.
  std::optional<siginfo_t> wait() const {
    constexpr timespec kPause{0, 50'000'000};
    siginfo_t info{};
    if (::sigtimedwait(&wanted_, &info, &kPause) < 0) return std::nullopt;
    return info;
  }

 private:
  sigset_t wanted_{};
  sigset_t previous_{};
};

/// Makes this process the new parent of cards whose host ends before them.
class Subreaper {
 public:
  Subreaper() {
    ::prctl(PR_GET_CHILD_SUBREAPER, &previous_);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
  ~Subreaper() { ::prctl(PR_SET_CHILD_SUBREAPER, previous_); }
  Subreaper(const Subreaper&) = delete;
  Subreaper& operator=(const Subreaper&) = delete;

 private:
  int previous_ = 0;
};

std::optional<pid_t> number_of(std::string_view text) {
  pid_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// State letter and parent of a process, from /proc/N/stat.
struct ProcessState {
  char state = '?';
  pid_t parent = 0;
};

std::optional<ProcessState> state_of(const fs::path& process) {
  try {
    const std::string text = read_file(process / "stat");
    const std::size_t name_end = text.rfind(')');  // the name may hold anything
    if (name_end == std::string::npos || name_end + 4 >= text.size()) return std::nullopt;
    const std::string_view rest = std::string_view(text).substr(name_end + 4);
    const auto parent = number_of(rest.substr(0, rest.find(' ')));
    if (!parent) return std::nullopt;
    return ProcessState{text[name_end + 2], *parent};
  } catch (const Error&) {
    return std::nullopt;  // it has ended meanwhile
  }
}

/// Children of this process that are cards: running the card's program, or already ended.
std::vector<pid_t> adopted_cards() {
  std::vector<pid_t> cards;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const auto process = number_of(entry.path().filename().native());
    if (!process) continue;
    const auto state = state_of(entry.path());
    if (!state || state->parent != ::getpid()) continue;
    const fs::path program = fs::read_symlink(entry.path() / "exe", error);
    if (state->state == 'Z' || program.filename() == kProgramName) cards.push_back(*process);
  }
  return cards;
}

/// Waits for the cards that the command left behind, and ends those that do not go.
void reap_cards() {
  const auto deadline = std::chrono::steady_clock::now() + kCardPatience;
  for (;;) {
    const std::vector<pid_t> cards = adopted_cards();
    if (cards.empty()) return;
    const bool late = std::chrono::steady_clock::now() > deadline;
    for (const pid_t card : cards) {
      if (late) ::kill(card, SIGKILL);
      ::waitpid(card, nullptr, late ? 0 : WNOHANG);
    }
    if (!late) std::this_thread::sleep_for(kPollPause);
  }
}

/// XRT leaves its sockets behind, under names that end in the number of the host process.
void remove_stale_sockets(const std::string& user) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path("/tmp") / user, error)) {
    std::string name = entry.path().filename();
    if (name.ends_with(".reason")) name.resize(name.size() - 7);
    if (!name.starts_with("device") && !name.starts_with("D2X_unix_sock_device")) continue;
    const auto host = number_of(name.substr(name.rfind('_') + 1));
    if (host && ::kill(*host, 0) != 0 && errno == ESRCH) fs::remove(entry.path(), error);
  }
}

[[noreturn]] void become(const fs::path& program, const std::vector<std::string>& command,
                         const CardEnvironment& environment, const sigset_t& mask) {
  for (const auto& [name, value] : environment.variables) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  ::execv(program.c_str(), arguments.data());
  ::_exit(126);
}

/// Waits for `child` and passes on the signals that only this process got. A signal from the
/// terminal has reached the child by itself.
int wait_for(pid_t child, const BlockedSignals& signals) {
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    const auto info = signals.wait();
    if (info && info->si_signo != SIGCHLD && info->si_code <= 0) ::kill(child, info->si_signo);
  }
}

}  // namespace

int run_under_card(const std::vector<std::string>& command, const CardOptions& options) {
  if (command.empty()) {
    throw UsageError("E-CARD-005", "command", "no command to run",
                     "sluice card -- ./host kernel.xclbin");
  }
  const auto program = find_program(command.front());
  if (!program) {
    throw ToolError("E-CARD-005", command.front(), "this program is not on PATH",
                    "give its path, for example ./host");
  }
  const CardEnvironment environment = prepare_card_environment(options);
  int status = 0;
  {
    const Subreaper subreaper;
    const BlockedSignals signals;
    const pid_t child = ::fork();
    if (child < 0) {
      throw ToolError("E-CARD-005", command.front(),
                      fmt::format("cannot start: {}", std::strerror(errno)));
    }
    if (child == 0) become(*program, command, environment, signals.previous());
    status = wait_for(child, signals);
    reap_cards();
  }
  for (const auto& [name, value] : environment.variables) {
    if (name == "USER") remove_stale_sockets(value);
  }
  if (const auto user = environment_variable("USER")) remove_stale_sockets(*user);
  return status;
}

}  // namespace sluice::card
