// SPDX-License-Identifier: Apache-2.0
// Shows a command what a pod of a cluster has for programs that report to Katib: the name of the DB manager, and the
// file that holds the namespace. By mounts that only this command sees; nothing is made on the machine.
#pragma once

#include <string>
#include <vector>

#include "core/run.h"
#include "core/status.h"
#include "pipelines/engines/volumes.h"

namespace qalam {

// Makes what is mounted in `folder`, which is the attempt's own. May be done again.
Status PrepareReportPlace(const ReportPlace& place, const std::string& folder);

// The mounts, in their order.
std::vector<PlacedMount> ReportMounts(const std::string& folder);

}  // namespace qalam
