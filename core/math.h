// SPDX-License-Identifier: Apache-2.0
// Special functions, compiled once.
#pragma once

namespace qalam {

double NormalCdf(double x);       // P(Z <= x); accurate in the lower tail, so write the upper one as NormalCdf(-x)
double NormalQuantile(double p);  // its inverse, for p in [0, 1]; infinite at the ends

}  // namespace qalam
