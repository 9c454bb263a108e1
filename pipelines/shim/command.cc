// SPDX-License-Identifier: Apache-2.0
#include "pipelines/shim/command.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "pipelines/shim/protocol.h"

namespace qalam::shim {
namespace {

// The whole file with a NUL after it; nullptr with errno set.
char* ReadWhole(int folder, const char* name, std::size_t* size) {
  const int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return nullptr;
  struct stat status {};
  char* data = nullptr;
  if (fstat(fd, &status) == 0) data = static_cast<char*>(std::malloc(static_cast<std::size_t>(status.st_size) + 1));
  std::size_t have = 0;
  while (data != nullptr && have < static_cast<std::size_t>(status.st_size)) {
    const ssize_t n = read(fd, data + have, static_cast<std::size_t>(status.st_size) - have);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  close(fd);
  if (data != nullptr) data[have] = '\0';
  *size = have;
  return data;
}

// The text after "key=", or nullptr when the field has another key.
char* ValueOf(char* field, const char* key) {
  const std::size_t length = std::strlen(key);
  return std::strncmp(field, key, length) == 0 && field[length] == '=' ? field + length + 1 : nullptr;
}

bool SameVariable(const char* a, const char* b) {
  while (*a == *b && *a != '\0' && *a != '=') ++a, ++b;
  return *a == *b && *a == '=';
}

// Puts `variable` into envp[0..count), in place of one of the same name; returns the new count.
std::size_t SetVariable(char** envp, std::size_t count, char* variable) {
  for (std::size_t i = 0; i < count; ++i) {
    if (SameVariable(envp[i], variable)) {
      envp[i] = variable;
      return count;
    }
  }
  envp[count] = variable;
  return count + 1;
}

}  // namespace

int ReadCommand(int folder, Command* command) {
  std::size_t size = 0, secrets_size = 0;
  char* const data = command->data = ReadWhole(folder, kCommandFile, &size);
  if (data == nullptr) return errno;
  char* const secrets = command->secrets = ReadWhole(folder, kSecretsFile, &secrets_size);
  if (secrets == nullptr && errno != ENOENT) return errno;
  std::size_t fields = 2, inherited = 0;  // a torn file's last field has no NUL, in each of the two
  for (std::size_t i = 0; i < size; ++i) fields += data[i] == '\0';
  for (std::size_t i = 0; i < secrets_size; ++i) fields += secrets[i] == '\0';
  while (environ[inherited] != nullptr) ++inherited;
  command->argv = static_cast<char**>(std::calloc(fields + 1, sizeof(char*)));
  command->envp = static_cast<char**>(std::calloc(fields + inherited + 2, sizeof(char*)));
  command->binds = static_cast<Command::Bind*>(std::calloc(fields + 1, sizeof(Command::Bind)));
  if (command->argv == nullptr || command->envp == nullptr || command->binds == nullptr) return ENOMEM;
  std::size_t arguments = 0, variables = inherited;
  std::memcpy(command->envp, environ, inherited * sizeof(char*));
  bool whole = false, needs_secrets = false, whole_secrets = false;
  for (char* field = data; field < data + size; field += std::strlen(field) + 1) {
    if (char* arg = ValueOf(field, "arg")) command->argv[arguments++] = arg;
    if (char* env = ValueOf(field, "env")) variables = SetVariable(command->envp, variables, env);
    if (char* cwd = ValueOf(field, "cwd")) command->cwd = cwd;
    if (char* hint = ValueOf(field, "hint")) command->hint = hint;
    if (char* gpus = ValueOf(field, "gpus")) command->gpus = gpus;
    if (char* from = ValueOf(field, "bind-from")) command->binds[command->bind_count++].from = from;
    if (char* to = ValueOf(field, "bind-to"); to != nullptr && command->bind_count > 0) {
      command->binds[command->bind_count - 1].to = to;
    }
    if (ValueOf(field, "bind-read-only") != nullptr && command->bind_count > 0) {
      command->binds[command->bind_count - 1].read_only = true;
    }
    if (ValueOf(field, "secrets") != nullptr) needs_secrets = true;
    if (char* ms = ValueOf(field, "timeout-ms")) command->timeout_ms = std::strtoll(ms, nullptr, 10);
    if (char* ms = ValueOf(field, "grace-ms")) command->grace_ms = std::strtoll(ms, nullptr, 10);
    if (char* bytes = ValueOf(field, "memory")) command->memory = std::strtoll(bytes, nullptr, 10);
    if (char* files = ValueOf(field, "open-files")) command->open_files = std::strtoll(files, nullptr, 10);
    if (char* marker = ValueOf(field, "marker")) command->marker = marker;
    whole = whole || ValueOf(field, "end") != nullptr;
  }
  command->shown_program = arguments > 0 ? command->argv[0] : "";
  std::size_t secret_arguments = 0;
  for (char* field = secrets; field < secrets + secrets_size; field += std::strlen(field) + 1) {
    if (char* arg = ValueOf(field, "arg")) command->argv[secret_arguments++] = arg;
    if (char* env = ValueOf(field, "env")) variables = SetVariable(command->envp, variables, env);
    whole_secrets = whole_secrets || ValueOf(field, "end") != nullptr;
  }
  if (secret_arguments > 0) command->argv[secret_arguments] = nullptr;
  if (*command->marker != '\0') {
    char* const variable = static_cast<char*>(std::malloc(sizeof(kMarkerVariable) + 1 + std::strlen(command->marker)));
    if (variable == nullptr) return ENOMEM;
    std::strcpy(variable, kMarkerVariable);
    std::strcat(variable, "=");
    std::strcat(variable, command->marker);
    command->marker_variable = variable;
    variables = SetVariable(command->envp, variables, variable);
  }
  for (std::size_t i = 0; i < command->bind_count; ++i) {
    if (command->binds[i].to == nullptr) return EBADMSG;
  }
  return whole && arguments > 0 && (whole_secrets || !needs_secrets) ? 0 : EBADMSG;
}

void Free(Command* command) {
  std::free(command->argv);
  std::free(command->envp);
  std::free(command->binds);
  std::free(command->data);
  std::free(command->secrets);
  std::free(command->marker_variable);
  *command = {};
}

const char* FindVariable(char** envp, const char* name) {
  for (; *envp != nullptr; ++envp) {
    if (const char* value = ValueOf(*envp, name)) return value;
  }
  return nullptr;
}

}  // namespace qalam::shim
