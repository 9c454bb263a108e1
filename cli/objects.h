// SPDX-License-Identifier: Apache-2.0
// The ConfigMaps and Secrets that were given with an experiment, kept beside its database so that its trials find them
// whoever runs them later: FILE.d/objects/NAMESPACE/EXPERIMENT.json, for its owner only. The database has none of it.
#pragma once

#include <string>

#include "core/status.h"
#include "pipelines/compile/objects.h"

namespace qalam {

// On disk when it returns. Replaces what was kept; without objects it does nothing.
Status KeepObjects(const std::string& db, const std::string& namespace_name, const std::string& experiment,
                   const Objects& objects);
// None were kept: empty.
Result<Objects> ReadKeptObjects(const std::string& db, const std::string& namespace_name,
                                const std::string& experiment);
void ForgetObjects(const std::string& db, const std::string& namespace_name, const std::string& experiment);

}  // namespace qalam
