// SPDX-License-Identifier: Apache-2.0
#include "core/history.h"

#include <cmath>
#include <limits>
#include <utility>

#include "core/status.h"

namespace qalam {

void History::Append(const Eigen::Ref<const Eigen::VectorXd>& unit, double y, Outcome outcome, std::uint64_t ordinal,
                     std::string label) {
  QALAM_CHECK(unit.size() == dim_, "a point has the dimension of its history");
  x_.insert(x_.end(), unit.data(), unit.data() + unit.size());
  y_.push_back(std::isfinite(y) ? y : std::numeric_limits<double>::quiet_NaN());
  outcome_.push_back(outcome);
  ordinal_.push_back(ordinal);
  label_.push_back(std::move(label));
}

HistoryView History::View(Eigen::Index from) const {
  QALAM_CHECK(from >= 0 && from <= size(), "a view starts inside its history");
  const Eigen::Index count = size() - from;
  return {Eigen::Map<const Eigen::MatrixXd>(x_.data() + from * dim_, dim_, count),
          Eigen::Map<const Eigen::VectorXd>(y_.data() + from, count), outcome_.data() + from, ordinal_.data() + from,
          label_.data() + from};
}

}  // namespace qalam
