// SPDX-License-Identifier: Apache-2.0
// Between the assignments that trials are told of and the points that an algorithm searches: the parameters' own
// values, or, for a nasConfig, the texts that Katib's trial programs read.
#pragma once

#include <memory>

#include "algorithms/suggester.h"
#include "core/search_space.h"
#include "core/status.h"
#include "suggest/convert.h"

namespace qalam {

// Immutable.
class TrialCodec {
 public:
  virtual ~TrialCodec() = default;
  virtual const SearchSpace& space() const = 0;  // what is searched
  virtual Assignments Decode(const Eigen::VectorXd& unit) const = 0;
  // INVALID_ARGUMENT: no point has these assignments, or they are not all there.
  virtual Result<Eigen::VectorXd> Encode(const Assignments& assignments) const = 0;
};

// INVALID_ARGUMENT: all faults of the parameters, or of the nasConfig where `algorithm` searches one, each line with
// its field. The codec refers to nothing of `asked`. Without parameters its space has none.
Result<std::unique_ptr<const TrialCodec>> MakeTrialCodec(const AskedExperiment& asked, const AlgorithmInfo& algorithm);

}  // namespace qalam
