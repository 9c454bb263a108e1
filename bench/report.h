// SPDX-License-Identifier: Apache-2.0
// A summary as one page that needs no other file.
#pragma once

#include <string>

#include "bench/summary.h"

namespace qalam::bench {

std::string ReportHtml(const Summary& summary);

}  // namespace qalam::bench
