// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/attempt_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "pipelines/engines/gpus.h"
#include "pipelines/engines/local_engine.h"
#include "pipelines/shim/protocol.h"

namespace qalam {
namespace {

constexpr std::size_t kMaxRecord = 64 << 10, kMaxCommand = 64 << 20;

std::optional<std::string> ReadSmallFile(const std::string& path, std::size_t most = kMaxRecord) {
  const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return std::nullopt;
  std::string text(4096, '\0');
  std::size_t have = 0;
  while (true) {
    const ssize_t n = read(fd.get(), text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
    if (have > most) return std::nullopt;
    if (have == text.size()) text.resize(2 * have);
  }
  text.resize(have);
  return text;
}

Status SystemFault(std::string_view what, const std::string& path) {
  const Code code = errno == ENOSPC || errno == EDQUOT ? Code::kResourceExhausted : Code::kUnavailable;
  return Error(code, "{} {}: {}", what, path, std::strerror(errno));
}

Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return OkStatus();
  return SystemFault("cannot make folder", path);
}

// The folder and those above it that are missing; the last two components at most are, in the ordinary case.
Status MakeFolders(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return OkStatus();
  const std::size_t slash = path.rfind('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0) return SystemFault("cannot make folder", path);
  QALAM_RETURN_IF_ERROR(MakeFolders(path.substr(0, slash)));
  return MakeFolder(path);
}

Status WriteByRename(const std::string& path, const std::string& name, std::string_view text) {
  const std::string draft = path + '/' + name + ".new", file = path + '/' + name;
  Fd fd(open(draft.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return SystemFault("cannot write", draft);
  while (!text.empty()) {
    const ssize_t n = write(fd.get(), text.data(), text.size());
    if (n < 0 && errno != EINTR) return SystemFault("cannot write", draft);
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  fd.Reset();
  if (rename(draft.c_str(), file.c_str()) != 0) return SystemFault("cannot write", file);
  return OkStatus();
}

void PutField(std::string* out, std::string_view key, std::string_view value) {
  out->append(key).append(1, '=').append(value).append(1, '\0');
}

bool HasSecrets(const CommandFile& command) { return !command.secret_env.empty() || !command.shown_argv.empty(); }

std::string SecretsText(const CommandFile& command) {
  std::string text;
  if (!command.shown_argv.empty()) {
    for (const std::string& argument : command.argv) PutField(&text, "arg", argument);
  }
  for (const auto& [name, value] : command.secret_env) PutField(&text, "env", fmt::format("{}={}", name, value));
  PutField(&text, "end", "");
  return text;
}

std::string CommandText(const std::string& path, const CommandFile& command) {
  std::string text;
  for (const std::string& argument : command.shown_argv.empty() ? command.argv : command.shown_argv) {
    PutField(&text, "arg", argument);
  }
  for (const auto& [name, value] : command.env) PutField(&text, "env", fmt::format("{}={}", name, value));
  PutField(&text, "cwd", command.cwd);
  PutField(&text, "hint", command.hint);
  PutField(&text, "marker", path);
  const auto milliseconds = [](Duration d) {
    return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(d).count());
  };
  if (command.timeout) PutField(&text, "timeout-ms", milliseconds(std::max<Duration>(*command.timeout, Duration(1))));
  PutField(&text, "grace-ms", milliseconds(command.grace));
  if (command.memory > 0) PutField(&text, "memory", std::to_string(command.memory));
  if (command.open_files > 0) PutField(&text, "open-files", std::to_string(command.open_files));
  for (const PlacedMount& bind : command.binds) {
    PutField(&text, "bind-from", bind.from);
    PutField(&text, "bind-to", bind.to);
    if (bind.read_only) PutField(&text, "bind-read-only", "1");
  }
  if (HasSecrets(command)) PutField(&text, "secrets", "1");
  if (!command.gpus.empty()) {
    PutField(&text, "gpus", JoinGpus(command.gpus));
  }
  if (command.metrics_port > 0) PutField(&text, "metrics-port", std::to_string(command.metrics_port));
  PutField(&text, "end", "");
  return text;
}

template <class Number>
bool TakeNumber(std::string_view* text, Number* number) {
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), *number);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<std::size_t>(end - text->data()));
  if (!text->empty()) text->remove_prefix(1);  // the separator
  return true;
}

std::optional<ProcessId> ParseProcess(std::string_view text) {
  ProcessId id;
  if (!TakeNumber(&text, &id.pid) || !TakeNumber(&text, &id.ticks) || id.pid <= 0) return std::nullopt;
  return id;
}

WallTime FromNanoseconds(std::int64_t ns) { return WallTime(Duration(ns)); }
std::int64_t ToNanoseconds(WallTime time) { return time.time_since_epoch().count(); }

// nullopt: no whole number, or one that does not fit. A trial may have written the file over.
template <class Number>
std::optional<Number> WholeNumber(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_number_integer()) return std::nullopt;
  if (found->is_number_unsigned()) {
    const auto value = found->get<std::uint64_t>();
    return std::in_range<Number>(value) ? std::optional(static_cast<Number>(value)) : std::nullopt;
  }
  const auto value = found->get<std::int64_t>();
  return std::in_range<Number>(value) ? std::optional(static_cast<Number>(value)) : std::nullopt;
}

StepState StateOf(std::string_view reason) {
  if (reason == "Completed") return StepState::kSucceeded;
  if (reason == "Stopped") return StepState::kStopped;
  if (reason == "Lost") return StepState::kLost;
  return StepState::kFailed;
}

}  // namespace

std::string AttemptPath(const std::string& root, const RunId& run, const std::string& step, int attempt) {
  return root + '/' + run + '/' + step + '/' + std::to_string(attempt);
}

std::string StepOutputPath(const std::string& root, const RunId& run, const std::string& step, int attempt) {
  return AttemptPath(root, run, step, attempt) + '/' + shim::kOutputFile;
}

std::vector<int> ListAttempts(const std::string& root, const RunId& run, const std::string& step) {
  std::vector<int> numbers;
  DIR* const folder = opendir((root + '/' + run + '/' + step).c_str());
  if (folder == nullptr) return numbers;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    int number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && end == name.data() + name.size() && number > 0) numbers.push_back(number);
  }
  closedir(folder);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Status PrepareAttempt(const std::string& path, const CommandFile& command) {
  QALAM_RETURN_IF_ERROR(MakeFolders(path));
  const std::string files = path + '/' + shim::kFilesFolder;
  if (command.cwd.starts_with(files)) QALAM_RETURN_IF_ERROR(MakeFolder(files));
  const std::string output = path + '/' + shim::kOutputFile;
  const Fd fd(open(output.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return SystemFault("cannot write", output);
  if (!command.metrics_folder.empty()) QALAM_RETURN_IF_ERROR(MakeFolders(command.metrics_folder));
  if (!command.parameters.empty()) {
    QALAM_RETURN_IF_ERROR(WriteByRename(path, kParametersFile, command.parameters));
  }
  if (HasSecrets(command)) QALAM_RETURN_IF_ERROR(WriteByRename(path, shim::kSecretsFile, SecretsText(command)));
  return WriteByRename(path, shim::kCommandFile, CommandText(path, command));
}

void RemoveSecrets(const std::string& path) { unlink((path + '/' + shim::kSecretsFile).c_str()); }

namespace {

// The first field of this name in an attempt's command; "": it has none.
std::string ReadCommandField(const std::string& path, std::string_view name) {
  const std::string text = ReadSmallFile(path + '/' + shim::kCommandFile, kMaxCommand).value_or("");
  for (std::size_t at = 0; at < text.size(); at = text.find('\0', at) + 1) {
    const std::string_view field(text.c_str() + at);
    if (field.starts_with(name) && field.substr(name.size()).starts_with('='))
      return std::string(field.substr(name.size() + 1));
    if (text.find('\0', at) == std::string::npos) break;
  }
  return "";
}

}  // namespace

std::vector<std::string> ReadCommandGpus(const std::string& path) {
  const std::string gpus = ReadCommandField(path, "gpus");
  return gpus.empty() ? std::vector<std::string>() : SplitGpus(gpus);
}

int ReadCommandPort(const std::string& path) { return std::atoi(ReadCommandField(path, "metrics-port").c_str()); }

std::optional<StartedRecord> ReadStarted(const std::string& path) {
  const auto text = ReadSmallFile(path + '/' + shim::kStartedFile);
  if (!text || !text->ends_with(shim::kStartedEnd)) return std::nullopt;
  StartedRecord record;
  bool shim_known = false;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, equals);
    std::string_view value = line.substr(equals + 1);
    if (key == "boot") record.boot = value;
    if (key == "cgroup") record.cgroup = value;
    if (key == "memory-cgroup") record.memory_cgroup = value;
    if (key == "marker") record.marker = value;
    if (key == "child") record.child = ParseProcess(value).value_or(ProcessId());
    if (key == "shim") {
      const auto id = ParseProcess(value);
      shim_known = id.has_value();
      record.shim = id.value_or(ProcessId());
    }
    std::int64_t ns = 0;
    if (key == "started" && TakeNumber(&value, &ns)) record.started = FromNanoseconds(ns);
    if (key == "gpus") record.gpus = SplitGpus(value);
  }
  if (!shim_known) return std::nullopt;
  return record;
}

std::optional<StepRecord> ReadExit(const std::string& path) {
  const auto text = ReadSmallFile(path + '/' + shim::kExitFile);
  if (!text) return std::nullopt;
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto string = [&json](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  StepRecord record;
  record.reason = string("reason");
  if (record.reason.empty()) return std::nullopt;
  record.state = StateOf(record.reason);
  record.message = string("message");
  if (const std::string warning = string("warning"); !warning.empty()) {
    record.message += (record.message.empty() ? "" : "; ") + warning;
  }
  record.exit_code = WholeNumber<int>(json, "exit_code");
  record.signal = WholeNumber<int>(json, "signal").value_or(0);
  record.started = FromNanoseconds(WholeNumber<std::int64_t>(json, "started_ns").value_or(0));
  record.ended = FromNanoseconds(WholeNumber<std::int64_t>(json, "ended_ns").value_or(0));
  if (const auto cpu = json.find("cpu_seconds"); cpu != json.end() && cpu->is_number()) record.cpu_seconds = *cpu;
  record.max_rss = WholeNumber<std::int64_t>(json, "max_rss").value_or(0);
  // The record is synced, the log is not: after a power cut the end of it may be missing, and metrics with it.
  struct stat log {};
  const std::int64_t printed = WholeNumber<std::int64_t>(json, "output_bytes").value_or(0);
  const std::int64_t left = stat((path + '/' + shim::kOutputFile).c_str(), &log) == 0 ? log.st_size : 0;
  if (left < printed) {
    record.state = StepState::kLost;
    record.message =
        fmt::format("{} ({}), but of the {} bytes that it printed only {} are left (the machine went down)",
                    record.reason == "Completed" ? "it ended well" : "it ended", record.reason, printed, left);
    record.reason = "Lost";
  }
  return record;
}

void WriteLost(const std::string& path, const StepRecord& record) {
  const nlohmann::json json = {{"reason", record.reason},
                               {"message", record.message},
                               {"exit_code", nullptr},
                               {"signal", 0},
                               {"started_ns", ToNanoseconds(record.started)},
                               {"ended_ns", ToNanoseconds(record.ended)},
                               {"cpu_seconds", 0.0},
                               {"max_rss", 0}};
  // Only a convenience: without it the next controller finds the same out again.
  (void)WriteByRename(path, shim::kExitFile, json.dump() + "\n");
}

Fd LockAttempt(const std::string& path) {
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.Reset();
  return fd;
}

}  // namespace qalam
