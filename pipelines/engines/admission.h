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

class Admission {
 public:
  using Ticket = std::uint64_t;

  explicit Admission(Resources capacity);
  static Resources ThisMachine();

  const Resources& capacity() const { return capacity_; }
  // Whether it could start on an idle machine: "step main asks for 8 cpu; this machine has 2".
  Status Check(const std::string& step, const Resources& need) const;

  void Wait(Ticket ticket, const Resources& need);
  // It runs already, from before a restart, with these gpus.
  void Hold(Ticket ticket, const Resources& need, const std::vector<int>& gpus);
  // The next that may start, which then holds what it asked for.
  std::optional<Ticket> Next();
  const std::vector<int>& GpusOf(Ticket ticket) const;
  // Gives back what it held, or leaves the queue.
  void Leave(Ticket ticket);
  std::string WhyWaiting(Ticket ticket) const;  // "" when it does not

 private:
  struct Entry {
    Resources need;
    std::vector<int> gpus;  // numbers held
    bool holds = false;
  };
  bool Fits(const Resources& need) const;
  void Take(Entry& entry);

  Resources capacity_, free_;
  std::vector<bool> gpu_free_;
  std::unordered_map<Ticket, Entry> entries_;
  std::deque<Ticket> waiting_, unbound_;  // unbound: those that declare nothing
  std::size_t holders_ = 0;               // of those that declare
};

}  // namespace qalam
