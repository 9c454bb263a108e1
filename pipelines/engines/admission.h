// SPDX-License-Identifier: Apache-2.0
// Who may start now: first come, first served, by declared requests. A step that declares nothing takes nothing and
// waits for nobody; one that declares is never overtaken by another that declares, so none starves.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/run.h"
#include "core/status.h"

namespace qalam {

// Whether a machine of this capacity could ever run it: the sentence that says what is missing.
Status CheckCapacity(const std::string& step, const Resources& need, const Resources& capacity);

class Admission {
 public:
  using Ticket = std::uint64_t;

  // `gpus` names the devices, one for each of capacity.gpu; none are given: they are numbered from 0.
  explicit Admission(Resources capacity, std::vector<std::string> gpus = {});
  static Resources ThisMachine();

  const Resources& capacity() const { return capacity_; }
  // Whether it could start on an idle machine: "step main asks for 8 cpu; this machine has 2".
  Status Check(const std::string& step, const Resources& need) const { return CheckCapacity(step, need, capacity_); }

  void Wait(Ticket ticket, const Resources& need);
  // It runs already, from before a restart, with these gpus. They need not be among ours: then they are none of those
  // that we give out.
  void Hold(Ticket ticket, const Resources& need, const std::vector<std::string>& gpus);
  // The next that may start, which then holds what it asked for.
  std::optional<Ticket> Next();
  const std::vector<std::string>& GpusOf(Ticket ticket) const;
  // Gives back what it held, or leaves the queue.
  void Leave(Ticket ticket);
  std::string WhyWaiting(Ticket ticket) const;  // "" when it does not

 private:
  struct Entry {
    Resources need;
    std::vector<std::string> gpus;  // held
    bool holds = false;
  };
  bool Fits(const Resources& need) const;
  void Take(Entry& entry);
  int FreeGpus() const;

  struct Gpu {
    std::string name;
    int holders = 0;  // two only when each of two runs that we adopted has it
  };
  Resources capacity_, free_;  // free_.gpu is not kept: FreeGpus()
  std::vector<Gpu> gpus_;
  std::unordered_map<Ticket, Entry> entries_;
  std::deque<Ticket> waiting_, unbound_;  // unbound: those that declare nothing
  std::size_t holders_ = 0;               // of those that declare
};

}  // namespace qalam
