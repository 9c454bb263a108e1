// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/admission.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <utility>

#include "pipelines/engines/gpus.h"

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

}  // namespace

Resources Admission::ThisMachine() { return {MachineCpus(), MachineMemory(), static_cast<int>(VisibleGpus().size())}; }

Admission::Admission(Resources capacity, std::vector<std::string> gpus) : capacity_(capacity), free_(capacity) {
  for (std::string& name : gpus) gpus_.push_back({std::move(name)});
  for (int i = static_cast<int>(gpus_.size()); i < capacity.gpu; ++i) gpus_.push_back({std::to_string(i)});
  capacity_.gpu = static_cast<int>(gpus_.size());
}

Status CheckCapacity(const std::string& step, const Resources& need, const Resources& capacity) {
  const auto refuse = [&step](const std::string& asked, const std::string& had) {
    return Error(Code::kFailedPrecondition, "step {} asks for {}; this machine has {}. Lower its resources.requests",
                 step, asked, had);
  };
  if (need.cpu > capacity.cpu + kCpuSlack) return refuse(CpuText(need.cpu) + " cpu", CpuText(capacity.cpu));
  if (need.memory > capacity.memory) {
    return refuse(MemoryText(need.memory) + " of memory", MemoryText(capacity.memory));
  }
  if (need.gpu > capacity.gpu) return refuse(fmt::format("{} gpu", need.gpu), fmt::format("{}", capacity.gpu));
  return OkStatus();
}

void Admission::Wait(Ticket ticket, const Resources& need) {
  entries_[ticket].need = need;
  (Declares(need) ? waiting_ : unbound_).push_back(ticket);
}

void Admission::Hold(Ticket ticket, const Resources& need, const std::vector<std::string>& gpus) {
  Entry& entry = entries_[ticket];
  if (entry.holds) return;
  entry.need = need;
  entry.gpus = gpus;
  Take(entry);
}

bool Admission::Fits(const Resources& need) const {
  // Checked when it was handed in; a machine that shrank since still runs it, alone, but never without its devices.
  if (holders_ == 0) return need.gpu <= FreeGpus();
  return need.cpu <= free_.cpu + kCpuSlack && need.memory <= free_.memory && need.gpu <= FreeGpus();
}

int Admission::FreeGpus() const {
  return static_cast<int>(std::count_if(gpus_.begin(), gpus_.end(), [](const Gpu& gpu) { return gpu.holders == 0; }));
}

void Admission::Take(Entry& entry) {
  entry.holds = true;
  if (Declares(entry.need)) ++holders_;
  free_.cpu -= entry.need.cpu;
  free_.memory -= entry.need.memory;
  for (const Gpu& gpu : gpus_) {
    if (std::ssize(entry.gpus) >= entry.need.gpu) break;
    if (gpu.holders == 0) entry.gpus.push_back(gpu.name);
  }
  for (Gpu& gpu : gpus_) {
    if (std::ranges::find(entry.gpus, gpu.name) != entry.gpus.end()) ++gpu.holders;
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

const std::vector<std::string>& Admission::GpusOf(Ticket ticket) const { return entries_.at(ticket).gpus; }

void Admission::Leave(Ticket ticket) {
  const auto found = entries_.find(ticket);
  if (found == entries_.end()) return;
  const Entry& entry = found->second;
  if (entry.holds) {
    if (Declares(entry.need)) --holders_;
    free_.cpu += entry.need.cpu;
    free_.memory += entry.need.memory;
    for (Gpu& gpu : gpus_) {
      if (std::ranges::find(entry.gpus, gpu.name) != entry.gpus.end()) --gpu.holders;
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
  if (const int free = FreeGpus(); need.gpu > free) {
    add(fmt::format("{} gpu", need.gpu), fmt::format("{}", free), fmt::format("{}", capacity_.gpu));
  }
  if (text.empty()) text = "waits for its turn";
  if (const auto ahead = place - waiting_.begin(); ahead > 0) text += fmt::format("; {} ahead of it", ahead);
  return text;
}

}  // namespace qalam
