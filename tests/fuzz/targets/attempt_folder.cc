// SPDX-License-Identifier: Apache-2.0
// What an attempt's folder may hold after a crash or a hostile trial: any bytes as its started, exit.json and command
// files. Only read: no number in them is used as a process here, no path is opened. The first line of the input says
// which of the files the rest is.
#include "pipelines/engines/attempt_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "pipelines/shim/command.h"
#include "pipelines/shim/protocol.h"
#include "tests/fuzz/fuzz.h"

namespace qalam::fuzz {
namespace {

// One for the whole program; its files are written over each time.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/qalam-fuzz-XXXXXX";
    if (mkdtemp(name) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() {
    for (const char* file : kFiles) (void)unlink((path_ + '/' + file).c_str());
    (void)rmdir(path_.c_str());
  }
  void Put(std::size_t index, std::string_view bytes) const {
    const int fd = open((path_ + '/' + kFiles[index]).c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) std::abort();
    (void)close(fd);
  }
  void Remove(std::size_t index) const { (void)unlink((path_ + '/' + kFiles[index]).c_str()); }
  const std::string& path() const { return path_; }

  static constexpr const char* kFiles[] = {shim::kStartedFile, shim::kExitFile, shim::kCommandFile, shim::kSecretsFile};

 private:
  std::string path_;
};

Status CheckCommand(const std::string& path) {
  (void)ReadCommandGpus(path);
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) std::abort();
  shim::Command command;
  const int fault = shim::ReadCommand(folder, &command);
  (void)close(folder);
  std::string bad;
  if (fault == 0) {
    if (command.argv[0] == nullptr) bad = "no program";
    std::size_t length = 0;
    for (char** p = command.argv; *p != nullptr; ++p) length += std::strlen(*p);
    for (char** p = command.envp; *p != nullptr; ++p) length += std::strlen(*p);
    for (std::size_t i = 0; i < command.bind_count; ++i)
      length += std::strlen(command.binds[i].from) + std::strlen(command.binds[i].to);
    length += std::strlen(command.cwd) + std::strlen(command.hint) + std::strlen(command.gpus) +
              std::strlen(command.shown_program);
    const char* const marker = shim::FindVariable(command.envp, shim::kMarkerVariable);
    if (*command.marker != '\0' && (marker == nullptr || length == 0)) bad = "the marker is not set";
  }
  shim::Free(&command);
  return bad.empty() ? OkStatus() : Broken("a command that was taken", bad, "");
}

}  // namespace

Status TryAttemptFolder(std::string_view input) {
  static const Folder folder;
  const auto [lines, bytes] = SplitLines(input, 1);
  const std::string_view which = lines[0];
  if (which == "started") {
    folder.Put(0, bytes);
    if (const auto record = ReadStarted(folder.path()); record && record->shim.pid <= 0)
      return Broken("a process that may be a group", std::to_string(record->shim.pid), "above 0");
    else if (record && record->child.pid < 0)
      return Broken("a process that is a group", std::to_string(record->child.pid), "0 or above");
  } else if (which == "exit") {
    folder.Put(1, bytes);
    if (const auto record = ReadExit(folder.path()); record && (record->reason.empty() || !IsFinal(record->state)))
      return Broken("an end that is none", record->reason, "a reason and a final state");
  } else {
    const auto [secret_lines, command] = SplitLines(bytes, 1);
    folder.Put(2, command);
    if (secret_lines[0].empty()) {
      folder.Remove(3);
    } else {
      folder.Put(3, secret_lines[0]);
    }
    return CheckCommand(folder.path());
  }
  return OkStatus();
}

}  // namespace qalam::fuzz
