// SPDX-License-Identifier: Apache-2.0
// Runs on BBOB functions as COCO's logs, which its post-processing (cocopp) reads. Hansen et al.: COCO: a platform for
// comparing continuous optimizers in a black-box setting, 2021.
#pragma once

#include <string>

#include "core/status.h"

namespace qalam::bench {

// OUT/CONTENDER/bbobexp_f1.info and what it names, for each contender of the campaign in `folder`. Each seed of an
// instance is a run of that instance. NOT_FOUND: the campaign has no run of a BBOB function.
Status WriteCoco(const std::string& folder, const std::string& out);

}  // namespace qalam::bench
