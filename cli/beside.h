// SPDX-License-Identifier: Apache-2.0
// FILE.d, compared with what FILE says: whether the folders beside a database are those of its trials and experiments.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "store/store.h"

namespace qalam {

// Names of the runs that have a folder beside the database.
std::set<std::string> RunFolders(const std::string& db);
// What does not fit, a sentence each. `runs`: RunFolders from before `reader` was opened, so that no run that begins
// meanwhile is taken for one that nobody knows.
Result<std::vector<std::string>> CompareBeside(const std::string& db, const std::set<std::string>& runs,
                                               StoreReader& reader);
// Moves the runs that are not among `trials` out of the way, into FILE.d/TAIL: a trial that gets their name again must
// not take their end for its own. FAILED_PRECONDITION: one of them is still at work; nothing was moved.
Status PutRunsAside(const std::string& db, const std::set<std::string>& trials, const std::string& tail);

}  // namespace qalam
