// SPDX-License-Identifier: Apache-2.0
#include "cli/remote.h"

#include <cstdlib>
#include <utility>

#include "cli/commands.h"
#include "cli/launch.h"
#include "experiment/spec.h"
#include "store/sqlite_store.h"

namespace qalam {
namespace {
constexpr std::chrono::milliseconds kAnswerIn{10'000};
}

Result<std::unique_ptr<RemoteHost>> RemoteHost::Connect(const std::string& db) {
  auto host = std::make_unique<RemoteHost>();
  QALAM_TRY(host->client_, SocketClient::Connect(SocketPath(db)));
  QALAM_TRY(host->reader_, OpenSqliteReader(db));
  return host;
}

Result<Submitted> RemoteHost::Submit(const ExperimentSpec& spec, const std::string& source) {
  Node request = Node::Map();
  request.Set("verb", Node::String("submit"));
  request.Set("manifest", ToDocument(spec));
  request.Set("source", Node::String(source));
  QALAM_TRY(const Node answer, client_->Call(request, kAnswerIn));
  const Node* id = answer.Find("experiment");
  const Node* how = answer.Find("how");
  if (id == nullptr || how == nullptr)
    return Error(Code::kUnavailable, "the qalam that holds the database answers oddly");
  const Node* note = answer.Find("note");
  return Submitted{static_cast<Submitted::How>(std::atoi(how->text.c_str())), std::atoll(id->text.c_str()),
                   note == nullptr ? "" : note->text};
}

Result<Node> RemoteHost::Ask(const std::string& verb, std::int64_t id) { return Do(CommandFor(verb, id)); }

Result<Node> RemoteHost::Do(const Node& command) { return client_->Call(command, kAnswerIn); }

bool RemoteHost::Settled(std::int64_t id) {
  const Result<Node> answer = Ask("why", id);
  if (!answer.ok()) return answer.status().code() == Code::kNotFound;  // long ended
  const Node* settled = answer->Find("settled");
  return settled != nullptr && settled->text == "true";
}

std::string RemoteHost::WhyWaiting(std::int64_t id) {
  const Result<Node> answer = Ask("why", id);
  if (answer.status().code() == Code::kUnavailable) return answer.status().message();
  const Node* why = answer.ok() ? answer->Find("why") : nullptr;
  return why == nullptr ? "" : why->text;
}

}  // namespace qalam
