// SPDX-License-Identifier: Apache-2.0
// A problem of somebody's own, told by a small file of JSON: parameters as an Experiment has them, and either a table
// of trials that were measured, or a command that measures one.
//
//   {"parameters": [{"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "1e-5", "max": "1"}}, ...],
//    "csv": "trials.csv", "objective": "loss", "type": "minimize"}
//   {"parameters": [...], "command": ["python3", "loss.py", "--lr={lr}"], "best": 0.03}
//
// A table has a column for each parameter, and is answered by the nearest row. A command prints its value last;
// whatever else ends it is a failed trial. Files are found beside the file that names them; commands run there.
#pragma once

#include <memory>
#include <string>

#include "bench/problem.h"

namespace qalam::bench {

// INVALID_ARGUMENT: the file, the field, and what is wrong with it. NOT_FOUND: no such file.
Result<std::unique_ptr<Problem>> MakeOwn(const std::string& path);

}  // namespace qalam::bench
