// SPDX-License-Identifier: Apache-2.0
#include "pipelines/compile/resources.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pipelines/compile/quantity.h"

namespace qalam {
namespace {

constexpr int kMostGpus = 1024;

std::int64_t WholeBytes(double bytes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 2;
  return static_cast<std::int64_t>(std::ceil(std::min(bytes, static_cast<double>(kMost))));
}

Resources ReadAmounts(const Reader& list, std::vector<std::string>* named) {
  Resources amounts;
  if (!list.IsMap()) return amounts;
  for (const Node::Entry& entry : list.entries()) {
    const Reader item = list.Below(entry);
    const auto quantity = ParseQuantity(entry.value.text);
    if (!quantity.ok()) {
      item.Error(quantity.status().message());
      continue;
    }
    named->push_back(entry.key.ends_with("/gpu") ? "gpu" : entry.key);
    if (entry.key == "cpu") {
      amounts.cpu = *quantity;
    } else if (entry.key == "memory") {
      amounts.memory = WholeBytes(*quantity);
    } else if (named->back() == "gpu") {
      if (*quantity != std::floor(*quantity) || *quantity > kMostGpus) {
        item.Error(fmt::format("'{}' is to be a whole number of devices", entry.value.text));
      } else {
        amounts.gpu += static_cast<int>(*quantity);
      }
    } else {
      item.Warning("is not counted by the local engine; cpu, memory and nvidia.com/gpu are");
    }
  }
  return amounts;
}

}  // namespace

ContainerResources ReadResources(const Reader& container) {
  ContainerResources read;
  const auto resources = container.Find("resources");
  if (!resources || !resources->IsMap()) return read;
  std::vector<std::string> limited, requested;
  const auto limits = resources->Find("limits"), requests = resources->Find("requests");
  if (limits) read.limits = ReadAmounts(*limits, &limited);
  if (requests) read.requests = ReadAmounts(*requests, &requested);
  const auto named = [](const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  };
  const auto settle = [&](std::string_view name, auto* request, const auto& limit) {
    if (!named(requested, name)) *request = limit;  // Kubernetes' default
    if (named(limited, name) && named(requested, name) && *request > limit) {
      requests->Error(fmt::format("asks for more {} than limits allows", name));
    }
  };
  settle("cpu", &read.requests.cpu, read.limits.cpu);
  settle("memory", &read.requests.memory, read.limits.memory);
  settle("gpu", &read.requests.gpu, read.limits.gpu);
  return read;
}

}  // namespace qalam
