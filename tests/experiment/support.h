// SPDX-License-Identifier: Apache-2.0
// What the tests of reading and specs share: files, small Experiments, and faults as short lines.
#pragma once

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostic.h"
#include "experiment/read.h"
#include "experiment/spec.h"

namespace qalam {

inline std::string DataFile(const std::string& path) { return std::string(QALAM_SOURCE_DIR "/tests/data/") + path; }

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// "14:18: error: spec.algorithm.algorithmName: algorithm 'tpee' ..."; one line each, in the order they were said.
inline std::string Lines(const Diagnostics& faults) {
  std::string out;
  for (const Diagnostic& d : faults.all()) {
    const bool error = d.severity == Diagnostic::Severity::kError;
    out += fmt::format("{}:{}: {}: {}{}{}\n", d.position.line, d.position.column, error ? "error" : "warning", d.field,
                       d.field.empty() ? "" : ": ", d.message);
  }
  return out;
}

inline SpecContext BuiltIn() {
  SpecContext context;
  context.algorithms = {"grid", "random", "sobol"};
  return context;
}

struct Reading {
  std::optional<ExperimentSpec> spec;
  Diagnostics faults;
};

inline Reading ReadSpec(std::string_view text, const SpecContext& context = BuiltIn()) {
  Reading out;
  const std::vector<Node> documents = ReadDocuments(text, &out.faults);
  if (!documents.empty()) out.spec = ReadExperiment(documents.front(), context, &out.faults);
  return out;
}

// A correct Experiment. Tests change one thing in it.
inline constexpr std::string_view kGoodExperiment = R"(apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: good
spec:
  objective:
    type: minimize
    goal: 0.001
    objectiveMetricName: loss
    additionalMetricNames: [accuracy]
  algorithm:
    algorithmName: random
  parallelTrialCount: 2
  maxTrialCount: 12
  maxFailedTrialCount: 3
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace:
        min: "0.01"
        max: "0.05"
    - name: layers
      parameterType: int
      feasibleSpace:
        min: "1"
        max: "8"
    - name: opt
      parameterType: categorical
      feasibleSpace:
        list: [sgd, adam]
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - name: lr
        reference: lr
      - name: layers
        reference: layers
      - name: opt
        reference: opt
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            containers:
              - name: main
                image: trainer
                command: [python3, train.py, "--lr=${trialParameters.lr}", "${trialParameters.layers}"]
                args: ["${trialParameters.opt}"]
            restartPolicy: Never
)";

// The text with the first place that reads `from` changed.
inline std::string With(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  QALAM_CHECK(at != std::string::npos, fmt::format("'{}' is in the text", from));
  return text.replace(at, from.size(), to);
}
inline std::string Changed(std::string_view from, std::string_view to) {
  return With(std::string(kGoodExperiment), from, to);
}

}  // namespace qalam
