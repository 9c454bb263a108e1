// SPDX-License-Identifier: Apache-2.0
#include "tests/pipelines/rig.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace qalam {

void Recorder::OnStep(const StepRecord& step) {
  called_in_call |= in_call;
  if (ends.contains(step.run)) fault = "a step was reported after the end of " + step.run;
  steps.push_back(step);
  log.push_back(step.run + " " + step.step + "/" + std::to_string(step.attempt) + " " +
                std::string(ToString(step.state)));
}

void Recorder::OnOutput(const RunId& run, int attempt, std::string_view file, std::int64_t offset,
                        std::string_view bytes) {
  called_in_call |= in_call;
  if (!file.empty()) {
    files[{run, std::string(file)}] += bytes;
    return;
  }
  if (ends.contains(run)) fault = "output was reported after the end of " + run;
  if (bytes.empty()) fault = "empty output";
  std::string& all = outputs[{run, attempt}];
  const auto [first, fresh] = first_offset.try_emplace({run, attempt}, offset);
  if (first->second + std::ssize(all) != offset) fault = "a gap in the output of " + run;
  if (fresh) log.push_back(run + " output " + std::to_string(attempt));
  all += bytes;
}

void Recorder::OnRunEnd(const RunId& run, const RunEnd& end) {
  called_in_call |= in_call;
  ends[run].push_back(end);
  log.push_back(run + " end " + std::string(ToString(end.state)));
}

const RunEnd* Recorder::EndOf(const RunId& run) const {
  const auto found = ends.find(run);
  return found == ends.end() ? nullptr : &found->second.back();
}

const StepRecord* Recorder::Last(const RunId& run, const std::string& step) const {
  const auto found =
      std::find_if(steps.rbegin(), steps.rend(), [&](const auto& s) { return s.run == run && s.step == step; });
  return found == steps.rend() ? nullptr : &*found;
}

bool Recorder::IsRunning(const RunId& run, const std::string& step) const {
  const StepRecord* last = Last(run, step);
  return last != nullptr && last->state == StepState::kRunning;
}

std::string Recorder::Output(const RunId& run, int attempt) const {
  const auto found = outputs.find({run, attempt});
  return found == outputs.end() ? "" : found->second;
}

Status Rig::Start(const RunId& id, const Run& run, const StartOptions& options) {
  seen.in_call = true;
  Status status = engine().Start(id, run, options);
  seen.in_call = false;
  return status;
}

void Rig::Stop(const RunId& id) {
  seen.in_call = true;
  engine().Stop(id);
  seen.in_call = false;
}

RunEnd Rig::Finish(const RunId& id) {
  EXPECT_TRUE(RunUntil([&] { return seen.EndOf(id) != nullptr; })) << id << " did not end";
  EXPECT_EQ(seen.fault, "");
  EXPECT_FALSE(seen.called_in_call) << "the observer was called from within Start or Stop";
  return seen.EndOf(id) ? *seen.EndOf(id) : RunEnd{StepState::kWaiting, "", "did not end"};
}

Run Rig::OneStep(const std::string& name) {
  Run run;
  run.steps.push_back(MakeStep(name));
  run.metrics = MetricsSource{name, ""};
  return run;
}

}  // namespace qalam
