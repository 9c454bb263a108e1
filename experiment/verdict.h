// SPDX-License-Identifier: Apache-2.0
// successCondition and failureCondition of a trial that ran here: asked of the object that a cluster would show.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/document.h"
#include "core/experiment.h"
#include "experiment/gjson.h"
#include "pipelines/engine.h"

namespace qalam {

// The status of an object of this kind whose processes ended well, or did not; nullopt: a kind that is not known here.
std::optional<Node> EndedObject(std::string_view kind, bool succeeded, const RunEnd& end);

// What the end of a run means for its trial. Katib's order: the failure condition, then the success condition. Where
// neither is met (Katib waits for ever then), a condition is not evaluated here, or the kind is not known, the
// processes decide; but that a run is called a failure, or a success, against its processes is said in `reason` and
// `message`.
RunEnd JudgeEnd(const ExperimentSpec& spec, RunEnd end);

// What is odd in a condition (`key`: "successCondition" or "failureCondition") of this manifest; empty: nothing.
std::string OddCondition(const Node& manifest, std::string_view key, const GjsonPath& condition);

}  // namespace qalam
