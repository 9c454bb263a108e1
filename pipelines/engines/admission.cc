// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/admission.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <utility>

namespace qalam {
namespace {

constexpr double kCpuSlack = 1e-9;  // ten times 0.1 is one

bool Declares(const Resources& need) { return need.cpu > 0 || need.memory > 0 || need.gpu > 0; }

std::string CpuText(double cpu) { return fmt::format("{:.6g}", cpu); }

std::string MemoryText(std::int64_t bytes) {
  if (bytes >= 1LL << 30) return fmt::format("{:.3g}Gi", static_cast<double>(bytes) / (1LL << 30));
  if (bytes >= 1LL << 20) return fmt::format("{:.3g}Mi", static_cast<double>(bytes) / (1LL << 20));
  return fmt::format("{}", bytes);
}

std::optional<std::int64_t> ReadNumber(const std::string& path) {
  std::ifstream file(path);
  std::int64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;  // "max" is no number: no limit
}

std::int64_t MachineMemory() {
  std::int64_t bytes = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  // In a container the group's root is the container's own.
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    if (const auto limit = ReadNumber(path); limit && *limit > 0) bytes = std::min(bytes, *limit);
  }
  return bytes;
}

double MachineCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  double cpus = static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cpus = CPU_COUNT(&set);
  std::ifstream quota("/sys/fs/cgroup/cpu.max");
  double allowed = 0, period = 0;
  if (quota >> allowed >> period && allowed > 0 && period > 0) cpus = std::min(cpus, allowed / period);
  return cpus;
}

int MachineGpus() {
  int count = 0;
  while (access(fmt::format("/dev/nvidia{}", count).c_str(), F_OK) == 0) ++count;
  return count;
}

}  // namespace

Resources Admission::ThisMachine() { return {MachineCpus(), MachineMemory(), MachineGpus()}; }

Admission::Admission(Resources capacity)
    : capacity_(capacity), free_(capacity), gpu_free_(static_cast<std::size_t>(capacity.gpu), true) {}

Status Admission::Check(const std::string& step, const Resources& need) const {
  const auto refuse = [&step](const std::string& asked, const std::string& had) {
    return Error(Code::kFailedPrecondition, "step {} asks for {}; this machine has {}. Lower its resources.requests",
                 step, asked, had);
  };
  if (need.cpu > capacity_.cpu + kCpuSlack) return refuse(CpuText(need.cpu) + " cpu", CpuText(capacity_.cpu));
  if (need.memory > capacity_.memory) {
    return refuse(MemoryText(need.memory) + " of memory", MemoryText(capacity_.memory));
  }
  if (need.gpu > capacity_.gpu) {
    return refuse(fmt::format("{} nvidia.com/gpu", need.gpu), fmt::format("{}", capacity_.gpu));
  }
  return OkStatus();
}

void Admission::Wait(Ticket ticket, const Resources& need) {
  entries_[ticket].need = need;
  (Declares(need) ? waiting_ : unbound_).push_back(ticket);
}

void Admission::Hold(Ticket ticket, const Resources& need, const std::vector<int>& gpus) {
  Entry& entry = entries_[ticket];
  if (entry.holds) return;
  entry.need = need;
  entry.gpus = gpus;
  Take(entry);
}

bool Admission::Fits(const Resources& need) const {
  if (holders_ == 0) return true;  // checked when it was handed in; a machine that shrank since still runs it, alone
  return need.cpu <= free_.cpu + kCpuSlack && need.memory <= free_.memory && need.gpu <= free_.gpu;
}

void Admission::Take(Entry& entry) {
  entry.holds = true;
  if (Declares(entry.need)) ++holders_;
  free_.cpu -= entry.need.cpu;
  free_.memory -= entry.need.memory;
  free_.gpu -= entry.need.gpu;
  for (std::size_t i = 0; i < gpu_free_.size() && std::ssize(entry.gpus) < entry.need.gpu; ++i) {
    if (gpu_free_[i]) entry.gpus.push_back(static_cast<int>(i));
  }
  for (const int gpu : entry.gpus) {
    if (gpu >= 0 && gpu < std::ssize(gpu_free_)) gpu_free_[static_cast<std::size_t>(gpu)] = false;
  }
}

std::optional<Admission::Ticket> Admission::Next() {
  std::deque<Ticket>& queue = !unbound_.empty() ? unbound_ : waiting_;
  if (queue.empty()) return std::nullopt;
  const Ticket ticket = queue.front();
  Entry& entry = entries_.at(ticket);
  if (Declares(entry.need) && !Fits(entry.need)) return std::nullopt;
  queue.pop_front();
  Take(entry);
  return ticket;
}

const std::vector<int>& Admission::GpusOf(Ticket ticket) const { return entries_.at(ticket).gpus; }

void Admission::Leave(Ticket ticket) {
  const auto found = entries_.find(ticket);
  if (found == entries_.end()) return;
  const Entry& entry = found->second;
  if (entry.holds) {
    if (Declares(entry.need)) --holders_;
    free_.cpu += entry.need.cpu;
    free_.memory += entry.need.memory;
    free_.gpu += entry.need.gpu;
    for (const int gpu : entry.gpus) {
      if (gpu >= 0 && gpu < std::ssize(gpu_free_)) gpu_free_[static_cast<std::size_t>(gpu)] = true;
    }
  } else {
    std::erase(waiting_, ticket);
    std::erase(unbound_, ticket);
  }
  entries_.erase(found);
}

std::string Admission::WhyWaiting(Ticket ticket) const {
  const auto found = entries_.find(ticket);
  if (found == entries_.end() || found->second.holds) return "";
  const auto place = std::find(waiting_.begin(), waiting_.end(), ticket);
  if (place == waiting_.end()) return "";
  const Resources& need = found->second.need;
  std::string text;
  const auto add = [&text](const std::string& asked, const std::string& free, const std::string& all) {
    text += fmt::format("{}{}: {} of {} free", text.empty() ? "waits for " : ", for ", asked, free, all);
  };
  if (need.cpu > free_.cpu + kCpuSlack) {
    add(CpuText(need.cpu) + " cpu", CpuText(std::max(0.0, free_.cpu)), CpuText(capacity_.cpu));
  }
  if (need.memory > free_.memory) {
    add(MemoryText(need.memory) + " of memory", MemoryText(std::max<std::int64_t>(0, free_.memory)),
        MemoryText(capacity_.memory));
  }
  if (need.gpu > free_.gpu) {
    add(fmt::format("{} gpu", need.gpu), fmt::format("{}", std::max(0, free_.gpu)), fmt::format("{}", capacity_.gpu));
  }
  if (text.empty()) text = "waits for its turn";
  if (const auto ahead = place - waiting_.begin(); ahead > 0) text += fmt::format("; {} ahead of it", ahead);
  return text;
}

}  // namespace qalam
