// SPDX-License-Identifier: Apache-2.0
// What trials, their collectors and services may call: Katib's DBManager, the metrics of trials by the trial's name,
// and of its EarlyStopping service SetTrialStatus, by which a collector says that it has stopped its trial.
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
  // The trial's collector has found it hopeless: it ends EarlyStopped. NOT_FOUND; FAILED_PRECONDITION: it has ended.
  virtual Status SetTrialStatus(const std::string& trial_name) = 0;
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
