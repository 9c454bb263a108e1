// SPDX-License-Identifier: Apache-2.0
// Which networks of NAS-Bench-Graph (Qin et al. 2022) are the same one written otherwise.
#pragma once

#include <array>
#include <string>

namespace qalam::bench {

// A network of four operations: `link` chooses the input of each among the nine chains and trees of the benchmark (0:
// the raw input), `operations` are its codes 0 .. 8, of which 8 hands its input on. The form is one for all ways to
// write a network; empty: it hands the raw input to the output, and none such was trained.
std::string GraphForm(int link, const std::array<int, 4>& operations);

}  // namespace qalam::bench
