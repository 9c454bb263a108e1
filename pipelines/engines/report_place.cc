// SPDX-License-Identifier: Apache-2.0
// No folder can be mounted on a path that is not there, and an empty /run/secrets/kubernetes.io left on the machine
// would tell other programs that they are in a cluster. So the whole of /run is shown anew: a folder of links into the
// true one, which is mounted inside it, and `secrets` beside them.
#include "pipelines/engines/report_place.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace qalam {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRun = "/var/run";
constexpr const char* kSecrets = "secrets";
constexpr const char* kCluster = "kubernetes.io";
constexpr const char* kTrue = ".host";  // where the true /run is

// "" where there is none, and in a cluster, which has its own namespace there.
std::string TrueRun() {
  std::error_code error, none;
  const fs::path run = fs::canonical(kRun, error);
  return error || fs::exists(run / kSecrets / kCluster, none) ? "" : run.string();
}

Status Write(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) return Error(Code::kUnavailable, "cannot write {}", path.string());
  return OkStatus();
}

std::string HostsText(const ReportPlace& place) {
  std::ifstream hosts("/etc/hosts");
  std::string text{std::istreambuf_iterator<char>(hosts), {}};
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  return text + fmt::format("{} {}\n", place.address, place.host);
}

// Links to all that is in `from`, but for `without`, by their way from `folder`.
void LinkAll(const fs::path& from, const std::string& way, const std::string& without, const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator at(from, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code there;
    if (name != without) fs::create_symlink(way + name, folder / name, there);
  }
}

}  // namespace

Status PrepareReportPlace(const ReportPlace& place, const std::string& folder) {
  const fs::path root(folder), run = root / "run", account = run / kSecrets / kCluster / "serviceaccount";
  const fs::path true_run = TrueRun();
  std::error_code error;
  fs::remove_all(root, error);
  fs::create_directories(root, error);
  if (error) return Error(Code::kUnavailable, "cannot make {}: {}", folder, error.message());
  QALAM_RETURN_IF_ERROR(Write(root / "hosts", HostsText(place)));
  if (true_run.empty()) return OkStatus();
  fs::create_directories(run / kTrue, error);
  fs::create_directories(account, error);
  if (error) return Error(Code::kUnavailable, "cannot make {}: {}", account.string(), error.message());
  LinkAll(true_run, std::string(kTrue) + "/", kSecrets, run);
  LinkAll(true_run / kSecrets, fmt::format("../{}/{}/", kTrue, kSecrets), kCluster, run / kSecrets);
  return Write(account / "namespace", place.namespace_name);
}

std::vector<PlacedMount> ReportMounts(const std::string& folder) {
  std::vector<PlacedMount> mounts{{folder + "/hosts", "/etc/hosts", true}};
  const std::string run = TrueRun();
  if (run.empty()) return mounts;
  mounts.push_back({run, folder + "/run/" + kTrue, false});
  mounts.push_back({folder + "/run", run, false});
  return mounts;
}

}  // namespace qalam
