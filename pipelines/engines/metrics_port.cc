// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/metrics_port.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "pipelines/engines/fd.h"
#include "pipelines/engines/volumes.h"

namespace qalam {
namespace {

// What a digit beside the number would make another number, or a word.
bool GoesOn(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

std::size_t FindPort(std::string_view text, std::string_view port, std::size_t from) {
  for (std::size_t at = text.find(port, from); at != text.npos; at = text.find(port, at + 1)) {
    const std::size_t end = at + port.size();
    if ((at == 0 || !GoesOn(text[at - 1])) && (end == text.size() || !GoesOn(text[end]))) return at;
  }
  return std::string_view::npos;
}

void Replace(const std::string& port, const std::string& own, std::string* text) {
  for (std::size_t at = 0; (at = FindPort(*text, port, at)) != text->npos; at += own.size())
    text->replace(at, port.size(), own);
  const std::string variable = std::string("$(") + kPortVariable + ")";
  for (std::size_t at = 0; (at = text->find(variable, at)) != text->npos; at += own.size())
    text->replace(at, variable.size(), own);
}

}  // namespace

bool NamesPort(const Step& step, int port) {
  const auto names = [number = std::to_string(port)](const std::string& text) {
    return FindPort(text, number, 0) != text.npos || text.find(kPortVariable) != text.npos;
  };
  for (const std::string& argument : step.command) {
    if (names(argument)) return true;
  }
  for (const auto& [name, value] : step.env) {
    if (!IsParameterVariable(name) && names(value)) return true;
  }
  return false;
}

void MovePort(int port, int own, Step* step) {
  const std::string from = std::to_string(port), to = std::to_string(own);
  for (std::string& argument : step->command) Replace(from, to, &argument);
  for (std::string& argument : step->shown_command) Replace(from, to, &argument);
  for (auto& [name, value] : step->env) {
    if (!IsParameterVariable(name)) Replace(from, to, &value);
  }
}

int FreePort(const std::function<bool(int)>& taken) {
  std::vector<Fd> held;  // those that are taken, so that another one is given
  for (int tries = 0; tries < 100; ++tries) {
    Fd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t size = sizeof(address);
    if (!socket_fd || bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        getsockname(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
      return 0;
    const int port = ntohs(address.sin_port);
    if (!taken(port)) return port;
    held.push_back(std::move(socket_fd));
  }
  return 0;
}

}  // namespace qalam
