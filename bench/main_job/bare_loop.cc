// SPDX-License-Identifier: Apache-2.0
// The least that a durable tuner can do: starts the same command over and over, N at a time, and makes the same
// things durable in the same order as Qalam does for a trial: an intent in a shared log, a started marker and an exit
// record (each with its folder), a result in the shared log. Waiting writers of the log share one fdatasync.
// Prints one line of JSON: what Qalam's rate is divided by.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

extern char** environ;

namespace {

std::atomic<long> syncs{0};

void Must(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "bare_loop: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

int Open(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
  Must(fd >= 0, path);
  return fd;
}

void WriteAll(int fd, const std::string& text) {
  Must(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "write");
}

void Sync(int fd) {
  Must(fsync(fd) == 0, "fsync");
  ++syncs;
}

void SyncFolder(const std::string& path) {
  const int fd = Open(path, O_RDONLY | O_DIRECTORY);
  Sync(fd);
  close(fd);
}

// One append-only file; whoever comes while a sync is under way shares the next one.
class SharedLog {
 public:
  explicit SharedLog(const std::string& path) : fd_(Open(path, O_WRONLY | O_CREAT | O_APPEND)) {}

  void Commit(const std::string& record) {
    std::unique_lock lock(mutex_);
    pending_ += record;
    const long mine = ++queued_;
    while (durable_ < mine) {
      if (busy_) {
        changed_.wait(lock);
        continue;
      }
      busy_ = true;
      std::string batch;
      batch.swap(pending_);
      const long upto = queued_;
      lock.unlock();
      WriteAll(fd_, batch);
      Must(fdatasync(fd_) == 0, "fdatasync");
      ++syncs;
      lock.lock();
      busy_ = false;
      durable_ = upto;
      changed_.notify_all();
    }
  }

 private:
  int fd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string pending_;
  long queued_ = 0, durable_ = 0;
  bool busy_ = false;
};

struct Options {
  int parallel = 1;
  int count = 100;
  int commits = 2;  // of the shared log for one trial, besides what others wait for
  bool durable = true;
  std::string folder;
  std::vector<char*> command;
};

void RunOne(const Options& options, SharedLog& log, int number) {
  const std::string page(4096, 'x');  // SQLite's WAL grows by pages
  const std::string folder = options.folder + "/" + std::to_string(number);
  if (options.durable) log.Commit(page);
  Must(mkdir(folder.c_str(), 0700) == 0, folder);
  if (options.durable) {
    const int fd = Open(folder + "/started", O_WRONLY | O_CREAT | O_EXCL);
    WriteAll(fd, "{\"pid\": 1}\n");
    Sync(fd);
    close(fd);
    SyncFolder(folder);
  }

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, (folder + "/output.log").c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t pid = 0;
  Must(posix_spawnp(&pid, options.command[0], &actions, nullptr, options.command.data(), environ) == 0, "spawn");
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  Must(waitpid(pid, &status, 0) == pid, "waitpid");
  Must(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the command");

  if (options.durable) {
    const int fd = Open(folder + "/exit.json.tmp", O_WRONLY | O_CREAT | O_EXCL);
    WriteAll(fd, "{\"code\": 0}\n");
    Sync(fd);
    close(fd);
    Must(rename((folder + "/exit.json.tmp").c_str(), (folder + "/exit.json").c_str()) == 0, "rename");
    SyncFolder(folder);
    for (int i = 1; i < options.commits; ++i) log.Commit(page);
  }
}

double Seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; }

double Cpu(int who) {
  rusage usage{};
  getrusage(who, &usage);
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

int Usage() {
  std::fputs("usage: bench_bare_loop --folder DIR [--parallel N] [--count N] [--commits N] [--no-sync] -- COMMAND...\n",
             stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  int i = 1;
  for (; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
    const std::string flag = argv[i];
    if (flag == "--no-sync") {
      options.durable = false;
      continue;
    }
    if (++i == argc) return Usage();
    if (flag == "--folder") {
      options.folder = argv[i];
    } else if (flag == "--parallel") {
      options.parallel = std::atoi(argv[i]);
    } else if (flag == "--count") {
      options.count = std::atoi(argv[i]);
    } else if (flag == "--commits") {
      options.commits = std::atoi(argv[i]);
    } else {
      return Usage();
    }
  }
  for (++i; i < argc; ++i) options.command.push_back(argv[i]);
  if (options.command.empty() || options.folder.empty() || options.parallel < 1) return Usage();
  options.command.push_back(nullptr);

  SharedLog log(options.folder + "/log");
  std::atomic<int> next{0};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::jthread> workers;
  for (int w = 0; w < options.parallel; ++w) {
    workers.emplace_back([&] {
      for (int number; (number = next++) < options.count;) RunOne(options, log, number);
    });
  }
  workers.clear();  // joins
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("{\"count\": %d, \"seconds\": %.6f, \"cpu_self\": %.6f, \"cpu_children\": %.6f, \"syncs\": %ld}\n",
              options.count, seconds, Cpu(RUSAGE_SELF), Cpu(RUSAGE_CHILDREN), syncs.load());
  return 0;
}
