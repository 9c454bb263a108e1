// SPDX-License-Identifier: Apache-2.0
// The keeper is a fork of this process that never returns and calls nothing but what is safe there: other threads hold
// locks that nobody will ever release in it. Everything that takes memory is made before the fork.
#include "suggest/kept_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace qalam {
namespace {

constexpr long kGraceMs = 2'000;
constexpr long kLogBytes = 1 << 20;  // of one of the two files
constexpr int kKilledWithinRounds = 400;

struct Plan {
  const char* program;
  char* const* argv;
  char* const* envp;
  const char* working_dir;  // or nullptr
  const char* log;
  const char* older_log;
  int control, output_read, output_write, error_write, log_fd;
};

long NowMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000 + now.tv_nsec / 1'000'000;
}

// Closes everything from 3 on but these, which are sorted.
template <std::size_t N>
void CloseOthers(const std::array<int, N>& kept) {
  unsigned from = 3;
  const auto close_up_to = [&from](unsigned last) {
    if (from <= last && syscall(SYS_close_range, from, last, 0) != 0) {
      for (unsigned fd = from; fd <= std::min(last, 4'096u); ++fd) close(static_cast<int>(fd));
    }
  };
  for (const int fd : kept) {
    if (fd < static_cast<int>(from)) continue;
    if (fd > static_cast<int>(from)) close_up_to(static_cast<unsigned>(fd) - 1);
    from = static_cast<unsigned>(fd) + 1;
  }
  close_up_to(~0u);
}

template <std::size_t N>
std::array<int, N> Sorted(std::array<int, N> values) {
  for (std::size_t i = 1; i < N; ++i) {
    for (std::size_t j = i; j > 0 && values[j - 1] > values[j]; --j) std::swap(values[j - 1], values[j]);
  }
  return values;
}

void ResetSignals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &standard, nullptr);
}

[[noreturn]] void RunProgram(const Plan& plan, pid_t keeper) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != keeper) _exit(127);
  dup2(plan.output_write, STDOUT_FILENO);
  dup2(plan.output_write, STDERR_FILENO);
  CloseOthers(std::array{plan.error_write});
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan.working_dir == nullptr || chdir(plan.working_dir) == 0) execve(plan.program, plan.argv, plan.envp);
  const int error = errno;
  [[maybe_unused]] const ssize_t told = write(plan.error_write, &error, sizeof(error));
  _exit(127);
}

class Log {
 public:
  explicit Log(const Plan& plan) : plan_(plan), fd_(plan.log_fd) {
    struct stat about {};
    if (fstat(fd_, &about) == 0) size_ = about.st_size;
  }
  // A full disk loses output, never the program.
  void Write(const char* bytes, ssize_t n) {
    if (size_ + n > kLogBytes) {
      close(fd_);
      rename(plan_.log, plan_.older_log);
      fd_ = open(plan_.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
      size_ = 0;
    }
    for (ssize_t done = 0; done < n;) {
      const ssize_t wrote = write(fd_, bytes + done, static_cast<std::size_t>(n - done));
      if (wrote <= 0) break;
      done += wrote;
    }
    size_ += n;
  }

 private:
  const Plan& plan_;
  int fd_;
  long size_ = 0;
};

// False: its end.
bool Copy(int output, Log& log) {
  char block[16'384];
  const ssize_t n = read(output, block, sizeof(block));
  if (n > 0) log.Write(block, n);
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

// Children that the program left behind are ours: we are their reaper.
void KillChildren() {
  char text[4'096];
  const int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t n = read(fd, text, sizeof(text));
  close(fd);
  pid_t pid = 0;
  for (ssize_t i = 0; i < n; ++i) {
    if (text[i] >= '0' && text[i] <= '9') {
      pid = pid * 10 + (text[i] - '0');
    } else if (pid > 0) {
      kill(pid, SIGKILL);
      pid = 0;
    }
  }
}

int ExitCodeOf(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

[[noreturn]] void Keep(const Plan& plan) {
  setsid();
  prctl(PR_SET_NAME, "qalam-keeper");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  ResetSignals();
  const int null = open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
  const pid_t self = getpid();
  const pid_t program = _Fork();
  if (program == 0) RunProgram(plan, self);
  if (program < 0) {
    const int error = errno;
    [[maybe_unused]] const ssize_t told = write(plan.error_write, &error, sizeof(error));
    _exit(127);
  }
  setpgid(program, program);
  CloseOthers(Sorted(std::array{plan.control, plan.output_read, plan.log_fd}));
  fcntl(plan.output_read, F_SETFL, O_NONBLOCK);
  Log log(plan);

  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, program, 0));
  std::array<pollfd, 3> sources = {pollfd{pidfd, POLLIN, 0}, pollfd{plan.control, POLLIN, 0},
                                   pollfd{plan.output_read, POLLIN, 0}};
  long kill_at = 0;  // once it was told to end
  int status = 0;
  while (waitpid(program, &status, WNOHANG) == 0) {
    const long left = kill_at == 0 ? (pidfd < 0 ? 100 : -1) : std::max(0L, kill_at - NowMs());
    if (kill_at != 0 && left == 0) break;
    poll(sources.data(), sources.size(), static_cast<int>(left));
    if (sources[1].revents != 0) {  // somebody says so, or is gone
      kill(-program, SIGTERM);
      kill_at = NowMs() + kGraceMs;
      sources[1].fd = -1;
    }
    if (sources[2].revents != 0 && !Copy(plan.output_read, log)) sources[2].fd = -1;
  }
  for (int round = 0; round < kKilledWithinRounds; ++round) {
    kill(-program, SIGKILL);
    KillChildren();
    int other = 0;
    pid_t reaped = 0;
    while ((reaped = waitpid(-1, &other, WNOHANG)) > 0) {
      if (reaped == program) status = other;
    }
    if (reaped < 0) break;  // nobody is left
    poll(nullptr, 0, 5);
  }
  do errno = 0;
  while (Copy(plan.output_read, log) && errno == 0);
  _exit(ExitCodeOf(status));
}

std::string FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "/usr/bin:/bin" : path;
  for (std::size_t at = 0; at <= folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    std::string file = folders.substr(at, end - at) + "/" + name;
    if (access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return "";
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> Environment(const std::vector<std::pair<std::string, std::string>>& added) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::ranges::none_of(added, [&](const auto& pair) { return pair.first == name; })) out.emplace_back(text);
  }
  for (const auto& [name, value] : added) out.push_back(name + "=" + value);
  return out;
}

// Both ends are closed at the end of the scope unless they are taken.
struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0) read = ends[0], write = ends[1];
  }
  ~Pipe() { Close(&read), Close(&write); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  static void Close(int* fd) {
    if (*fd >= 0) close(std::exchange(*fd, -1));
  }
};

Status CannotStart(const std::string& name, int error) {
  const Code code = error == ENOENT ? Code::kNotFound : error == EACCES ? Code::kPermissionDenied : Code::kUnavailable;
  return Error(code, "'{}' cannot be started: {}", name, std::strerror(error));
}

}  // namespace

Result<std::unique_ptr<KeptProcess>> KeptProcess::Start(const KeptCommand& command) {
  const std::string& name = command.argv.at(0);
  const std::string program = FindProgram(name);
  if (program.empty()) return Error(Code::kNotFound, "'{}' cannot be started: it is in no folder of PATH", name);
  if (!command.working_dir.empty() && access(command.working_dir.c_str(), X_OK) != 0)
    return Error(Code::kNotFound, "'{}' cannot be started in {}: {}", name, command.working_dir, std::strerror(errno));
  const std::vector<std::string> environment = Environment(command.env);
  const std::vector<char*> argv = Pointers(command.argv), envp = Pointers(environment);
  const std::string older = command.log + ".1";
  Pipe control, output, error;
  const int log = open(command.log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log < 0) return Error(Code::kUnavailable, "{} cannot be written: {}", command.log, std::strerror(errno));
  const Plan plan{program.c_str(),
                  argv.data(),
                  envp.data(),
                  command.working_dir.empty() ? nullptr : command.working_dir.c_str(),
                  command.log.c_str(),
                  older.c_str(),
                  control.read,
                  output.read,
                  output.write,
                  error.write,
                  log};
  if (error.write < 0 || output.write < 0 || control.write < 0) {
    const int fault = errno;
    close(log);
    return CannotStart(name, fault);
  }

  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // no handler of ours may run in the keeper
  const pid_t keeper = _Fork();
  if (keeper == 0) Keep(plan);
  const int fault = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  close(log);
  if (keeper < 0) return CannotStart(name, fault);
  Pipe::Close(&error.write);

  int why = 0;
  ssize_t n = 0;
  while ((n = read(error.read, &why, sizeof(why))) < 0 && errno == EINTR) {
  }
  if (n == sizeof(why)) {
    waitpid(keeper, nullptr, 0);
    return CannotStart(name, why);
  }
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, keeper, 0));
  if (pidfd < 0) {
    const int open_fault = errno;
    Pipe::Close(&control.write);
    waitpid(keeper, nullptr, 0);
    return CannotStart(name, open_fault);
  }
  return std::unique_ptr<KeptProcess>(new KeptProcess(keeper, pidfd, std::exchange(control.write, -1)));
}

KeptProcess::~KeptProcess() {
  End();
  (void)Reap();
  close(pidfd_);
}

void KeptProcess::End() { Pipe::Close(&control_); }

std::optional<int> KeptProcess::Reap() {
  int status = 0;
  if (!exit_code_ && waitpid(keeper_, &status, WNOHANG) == keeper_) exit_code_ = ExitCodeOf(status);
  return exit_code_;
}

}  // namespace qalam
