// SPDX-License-Identifier: Apache-2.0
#include "algorithms/darts.h"

#include <vector>

namespace qalam {
namespace {

class Darts final : public Suggester {
 public:
  void Observe(const HistoryView&, const Pending&) override {}  // there is nothing to choose
  Result<std::vector<Proposal>> Suggest(int count, std::uint64_t) override {
    return std::vector<Proposal>(static_cast<std::size_t>(count));
  }
};

}  // namespace

std::unique_ptr<Suggester> MakeDarts(const AlgorithmContext&) { return std::make_unique<Darts>(); }

Status ValidateDarts(const AlgorithmContext& context) {
  if (context.space.dim() == 0) return OkStatus();
  return InvalidArgument("darts searches an architecture: it needs a nasConfig");
}

}  // namespace qalam
