// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/gpus.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

namespace qalam {
namespace {

constexpr int kMostGpus = 1024;

std::optional<int> Number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

std::vector<std::string> Numbered(int count) {
  std::vector<std::string> gpus;
  for (int i = 0; i < count; ++i) gpus.push_back(std::to_string(i));
  return gpus;
}

bool IsDeviceName(std::string_view name) {
  if (Number(name)) return true;
  const bool known = name.starts_with("GPU-") || name.starts_with("MIG-");
  return known && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '/';
         });
}

// Where the driver has no device files (WSL), its own program counts: a line "GPU 0: ..." for each.
int CountByDriver() {
  bool there = false;
  const char* const path = std::getenv("PATH");
  for (std::string_view rest = path == nullptr ? "" : path; !rest.empty() && !there;) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(folder.size() + 1, rest.size()));
    there = access((std::string(folder) + "/nvidia-smi").c_str(), X_OK) == 0;
  }
  if (!there) return 0;
  const std::unique_ptr<FILE, int (*)(FILE*)> list(popen("timeout 10 nvidia-smi -L 2>/dev/null", "re"), &pclose);
  int count = 0;
  char line[512];
  while (list && std::fgets(line, sizeof(line), list.get()) != nullptr) {
    if (std::string_view(line).starts_with("GPU ")) ++count;
  }
  return count;
}

int CountByMachine() {
  int count = 0;
  while (count < kMostGpus && access(("/dev/nvidia" + std::to_string(count)).c_str(), F_OK) == 0) ++count;
  return count > 0 ? count : CountByDriver();
}

}  // namespace

std::vector<std::string> SplitGpus(std::string_view list) {
  std::vector<std::string> gpus;
  while (!list.empty()) {
    const std::string_view name = list.substr(0, list.find(','));
    list.remove_prefix(std::min(name.size() + 1, list.size()));
    if (!name.empty()) gpus.emplace_back(name);
  }
  return gpus;
}

std::string JoinGpus(const std::vector<std::string>& gpus) {
  std::string list;
  for (const std::string& gpu : gpus) list.append(list.empty() ? "" : ",").append(gpu);
  return list;
}

std::vector<std::string> VisibleGpus() {
  const char* const named = std::getenv("CUDA_VISIBLE_DEVICES");
  if (named == nullptr) return Numbered(CountByMachine());
  std::vector<std::string> gpus = SplitGpus(named);
  // As CUDA reads it: what follows the first name that is none is not visible.
  gpus.erase(std::find_if_not(gpus.begin(), gpus.end(), IsDeviceName), gpus.end());
  return gpus;
}

Result<std::vector<std::string>> ParseGpus(std::string_view text, const std::vector<std::string>& visible) {
  if (const auto count = Number(text)) {
    if (*count > kMostGpus) return InvalidArgument("--gpus {}: at most {}", text, kMostGpus);
    if (visible.empty()) return Numbered(*count);
    if (*count > std::ssize(visible)) {
      return InvalidArgument("--gpus {}: {} visible here ({}); name them to take others, as in --gpus 0,1,3", text,
                             visible.size() == 1 ? "one gpu is" : fmt::format("{} gpus are", visible.size()),
                             JoinGpus(visible));
    }
    return std::vector<std::string>(visible.begin(), visible.begin() + *count);
  }
  std::vector<std::string> gpus = SplitGpus(text);
  for (auto gpu = gpus.begin(); gpu != gpus.end(); ++gpu) {
    if (!IsDeviceName(*gpu)) {
      return InvalidArgument("--gpus {}: '{}' is no device; it takes a count, or names as in 0,1,3 or GPU-6ef2...",
                             text, *gpu);
    }
    if (std::find(gpus.begin(), gpu, *gpu) != gpu) {
      return InvalidArgument("--gpus {}: {} is named twice: no two trials may share a device", text, *gpu);
    }
  }
  if (gpus.empty()) return InvalidArgument("--gpus is a count, or devices as in 0,1,3");
  return gpus;
}

}  // namespace qalam
