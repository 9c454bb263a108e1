// SPDX-License-Identifier: Apache-2.0
#include "cli/objects.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "experiment/read.h"
#include "pipelines/engines/fd.h"

namespace qalam {
namespace {

// Names are Kubernetes' here: no '/', no "..".
std::string PathOf(const std::string& db, const std::string& namespace_name, const std::string& experiment) {
  return db + ".d/objects/" + namespace_name + '/' + experiment + ".json";
}

Status Fault(const std::string& path) {
  return Error(Code::kUnavailable, "cannot write {}: {}", path, std::strerror(errno));
}

Status MakeFolders(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return OkStatus();
  const std::size_t slash = path.rfind('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0) return Fault(path);
  QALAM_RETURN_IF_ERROR(MakeFolders(path.substr(0, slash)));
  return mkdir(path.c_str(), 0700) == 0 || errno == EEXIST ? OkStatus() : Fault(path);
}

std::string ReadText(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

Status KeepObjects(const std::string& db, const std::string& namespace_name, const std::string& experiment,
                   const Objects& objects) {
  Node list = Node::Sequence();
  for (Node& document : objects.Documents(namespace_name)) list.Add(std::move(document));
  if (list.items.empty()) return OkStatus();
  const std::string path = PathOf(db, namespace_name, experiment), draft = path + ".new";
  Node kept = Node::Map();
  kept.Set("items", std::move(list));
  const std::string folder = path.substr(0, path.rfind('/')), text = ToJson(kept) + "\n";
  if (ReadText(path) == text) return OkStatus();
  QALAM_RETURN_IF_ERROR(MakeFolders(folder));
  Fd fd(open(draft.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return Fault(draft);
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno != EINTR) return Fault(draft);
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
  if (fsync(fd.get()) != 0 || rename(draft.c_str(), path.c_str()) != 0) return Fault(path);
  const Fd above(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return above && fsync(above.get()) == 0 ? OkStatus() : Fault(folder);
}

Result<Objects> ReadKeptObjects(const std::string& db, const std::string& namespace_name,
                                const std::string& experiment) {
  Objects objects;
  const std::string path = PathOf(db, namespace_name, experiment), text = ReadText(path);
  if (text.empty()) return objects;
  QALAM_TRY(const Node kept, ReadJson(text));
  Diagnostics faults;
  const Node* const list = kept.Find("items");
  if (list == nullptr) return Error(Code::kDataLoss, "{} holds no items", path);
  for (const Node& document : list->items) objects.Add(document, &faults);
  if (faults.HasErrors()) return Error(Code::kDataLoss, "{}: {}", path, Render(faults));
  return objects;
}

void ForgetObjects(const std::string& db, const std::string& namespace_name, const std::string& experiment) {
  unlink(PathOf(db, namespace_name, experiment).c_str());
}

}  // namespace qalam
