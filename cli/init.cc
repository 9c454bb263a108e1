// SPDX-License-Identifier: Apache-2.0
// qalam init: a file to begin with, in each of the forms, and a program for it to tune. Both run as they are.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "cli/lookup.h"
#include "cli/verbs.h"

namespace qalam {
namespace {

constexpr std::string_view kTrain = R"(#!/usr/bin/env python3
"""Stands for your training program: takes parameters, prints metrics as NAME=VALUE, one line a report."""
import argparse
import math

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--layers", type=int, default=2)
parser.add_argument("--optimizer", default="adam")
args = parser.parse_args()

for epoch in range(1, 11):
    # Best near lr=0.003, 4 layers, adam. Put your own training here.
    loss = (math.log10(args.lr) + 2.5) ** 2 + 0.1 * abs(args.layers - 4) + 1 / epoch
    loss += 0.0 if args.optimizer == "adam" else 0.2
    print(f"epoch={epoch} loss={loss:.4f}", flush=True)
)";

constexpr std::string_view kShort = R"(# An experiment in the short form. Try it:  qalam run FILE
# The same as a Katib Experiment:          qalam convert FILE --to katib
name: first

# The command of a trial. {lr} becomes the trial's value; no shell is between.
run: python3 train.py --lr {lr} --layers {layers} --optimizer {optimizer}

# The metric as the program prints it: a line with  loss=0.123. Or  maximize: accuracy
minimize: loss
# goal: 0.2                # ends the experiment when it is reached

# What is tuned: real(MIN, MAX), log(MIN, MAX), int(MIN, MAX), logint(MIN, MAX), or a list.
parameters:
  lr: log(1e-5, 1e-1)
  layers: int(1, 8)
  optimizer: [sgd, adam]

trials: 20                 # how many in all
parallel: 2                # how many at once
algorithm: auto            # who proposes them:  qalam algorithms
# settings: {random_state: 7}
# max_failed: 5            # gives up when so many have failed
)";

constexpr std::string_view kKatib = R"(# A Katib Experiment. Try it:  qalam run FILE
# Its fields:                  qalam explain experiment.spec, docs/experiment-yaml.md
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: first
spec:
  # The metric as the program prints it: a line with  loss=0.123. Or  type: maximize
  objective:
    type: minimize
    objectiveMetricName: loss
    # goal: 0.2            # ends the experiment when it is reached
  algorithm:
    algorithmName: random  # who proposes:  qalam algorithms
    # algorithmSettings:
    #   - {name: random_state, value: "7"}
  parallelTrialCount: 2    # how many at once
  maxTrialCount: 20        # how many in all
  maxFailedTrialCount: 5   # gives up when so many have failed
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace: {min: "0.00001", max: "0.1", distribution: logUniform}
    - name: layers
      parameterType: int
      feasibleSpace: {min: "1", max: "8"}
    - name: optimizer
      parameterType: categorical
      feasibleSpace: {list: [sgd, adam]}
  # What runs for each trial: here a Job whose command is a process of this machine.
  trialTemplate:
    primaryContainerName: training
    trialParameters:
      - {name: lr, reference: lr}
      - {name: layers, reference: layers}
      - {name: optimizer, reference: optimizer}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            containers:
              - name: training
                image: python:3    # what an image stands for on this machine:  --image-map, docs/image-map.md
                command:
                  - python3
                  - train.py
                  - --lr=${trialParameters.lr}
                  - --layers=${trialParameters.layers}
                  - --optimizer=${trialParameters.optimizer}
            restartPolicy: Never
)";

constexpr std::string_view kSweep = R"(# A sweep configuration as Weights & Biases has it. Try it:  qalam run FILE
# Metrics are read from what the program prints: a line with  loss=0.123.
name: first
program: train.py
method: random             # or grid
metric:
  name: loss
  goal: minimize           # or maximize
parameters:
  lr:
    distribution: log_uniform_values
    min: 0.00001
    max: 0.1
  layers:
    min: 1
    max: 8
  optimizer:
    values: [sgd, adam]
# How the agent starts a trial. ${args} is  --lr=... --layers=... --optimizer=...
command: ["${interpreter}", "${program}", "${args}"]
run_cap: 20                # how many in all; --parallel N runs several at once
)";

struct Starter {
  std::string_view form, file, text;
};
constexpr std::array<Starter, 3> kStarters = {{
    {"short", "experiment.yaml", kShort},
    {"katib", "experiment.yaml", kKatib},
    {"sweep", "sweep.yaml", kSweep},
}};

struct InitOptions {
  std::string from = "short", file;
};

Status WriteNew(const std::string& name, std::string_view text) {
  const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0 && errno == EEXIST) {
    return Error(Code::kAlreadyExists, "{} is there already, and is not written over", name);
  }
  const bool written = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!written) return Error(Code::kUnavailable, "{} cannot be written: {}", name, std::strerror(error));
  return OkStatus();
}

int InitVerb(const InitOptions& options) {
  const Starter& starter = *std::ranges::find(kStarters, options.from, &Starter::form);
  const std::string file = options.file.empty() ? std::string(starter.file) : options.file;
  std::string text(starter.text);
  for (std::size_t at = 0; (at = text.find(" FILE\n", at)) != std::string::npos;) text.replace(at + 1, 4, file);
  for (std::size_t at = 0; (at = text.find(" FILE ", at)) != std::string::npos;) text.replace(at + 1, 4, file);
  if (const Status written = WriteNew(file, text); !written.ok()) return Complain(written);
  // A program that is there is somebody's own: it is not needed twice, and the file may be meant for it.
  const std::size_t slash = file.rfind('/');
  const std::string program = (slash == std::string::npos ? "" : file.substr(0, slash + 1)) + "train.py";
  const Status trained = WriteNew(program, kTrain);
  if (!trained.ok() && trained.code() != Code::kAlreadyExists) return Complain(trained);
  Print(fmt::format("wrote {}{}\nnext: {}qalam run {}\n", file, trained.ok() ? " and " + program : "",
                    slash == std::string::npos ? "" : "cd " + file.substr(0, slash) + " && ",
                    slash == std::string::npos ? file : file.substr(slash + 1)));
  return kDone;
}

}  // namespace

Verb MakeInitVerb() {
  const auto o = std::make_shared<InitOptions>();
  Verb verb{"init", "a commented experiment file to begin with, and a program that it tunes"};
  verb.footer = "Examples:\n  qalam init && qalam run experiment.yaml\n  qalam init --from katib katib.yaml";
  verb.Option("FILE", &o->file, "where to (default: experiment.yaml, of a sweep sweep.yaml)").Type("FILE");
  verb.Option("--from", &o->from, "its form").OneOf({"short", "katib", "sweep"});
  verb.run = [o](const Invocation&) { return InitVerb(*o); };
  return verb;
}

}  // namespace qalam
