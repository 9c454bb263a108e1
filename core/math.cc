// SPDX-License-Identifier: Apache-2.0
#include "core/math.h"

#include <boost/math/special_functions/erf.hpp>
#include <limits>
#include <numbers>

namespace qalam {
namespace {

// No exceptions, and no detour through long double, which is another type on another machine.
namespace bp = boost::math::policies;
using Policy = bp::policy<bp::promote_double<false>, bp::overflow_error<bp::ignore_error>,
                          bp::underflow_error<bp::ignore_error>, bp::domain_error<bp::ignore_error>>;

}  // namespace

double NormalCdf(double x) { return 0.5 * boost::math::erfc(-x / std::numbers::sqrt2, Policy()); }

double NormalQuantile(double p) {
  if (p <= 0) return -std::numeric_limits<double>::infinity();
  if (p >= 1) return std::numeric_limits<double>::infinity();
  return -std::numbers::sqrt2 * boost::math::erfc_inv(2 * p, Policy());
}

}  // namespace qalam
