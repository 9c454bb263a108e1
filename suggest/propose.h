// SPDX-License-Identifier: Apache-2.0
// What an experiment's algorithm proposes next, without running any of it: `qalam ask`, `qalam run --dry-run`.
#pragma once

#include <string>
#include <vector>

#include "core/loop.h"
#include "suggest/suggestion_client.h"

namespace qalam {

struct Proposals {
  std::vector<Suggestion> suggestions;
  bool exhausted = false;  // there are fewer than were asked for, and no more
};

// `count` suggestions that follow on `history`, which are the trials that there are, by ordinal (those at work count as
// pending); fewer only at the end of the space. The same that a controller would be given: for an experiment of a
// database with its uid and its trials; without a uid the seed comes from the spec itself, unless random_state says
// one. Settings are validated first: INVALID_ARGUMENT with the algorithm's text. `client` works on `loop`, which is run
// until the answers are there and must not be running.
Result<Proposals> Propose(EventLoop& loop, SuggestionClient& client, const ExperimentSpec& spec, const std::string& uid,
                          std::vector<Trial> history, int count);

}  // namespace qalam
