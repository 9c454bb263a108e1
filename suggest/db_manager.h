// SPDX-License-Identifier: Apache-2.0
// Katib's DBManager: the metrics of trials, for services and collectors that ask for them by the trial's name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/loop.h"
#include "core/status.h"

namespace qalam {

struct MetricReport {
  WallTime time{};  // zero: the report said none
  std::string metric, value;
};

// What stands behind it. On the loop's thread.
class DbManagerBackend {
 public:
  virtual ~DbManagerBackend() = default;
  // The reports of the trial's newest attempt in the order they came; none for a trial that is not known.
  virtual Result<std::vector<MetricReport>> ObservationLog(const std::string& trial_name) = 0;
  virtual Status ReportObservationLog(const std::string& trial_name, const std::vector<MetricReport>& reports) = 0;
  virtual Status DeleteObservationLog(const std::string& trial_name) = 0;
};

class DbManager {
 public:
  virtual ~DbManager() = default;  // calls under way are refused
  // "127.1.2.3:PORT": Katib's own services read a name and a number around one colon.
  virtual const std::string& address() const = 0;
};
// At `wanted` if nobody listens there, else at some other port.
Result<std::unique_ptr<DbManager>> ServeDbManager(Loop& loop, DbManagerBackend& backend,
                                                  const std::string& wanted = "127.0.0.1:0");

// An address of this machine alone, with Katib's port, that belongs to the database whose folder this is: trials that
// run on without us find us there when we are back.
std::string DbManagerAddress(const std::string& folder);

}  // namespace qalam
