#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""raw_client.py ADDRESS: drives two different experiments at once on one suggestion server, with Katib's proto alone.

Checks every suggestion itself. Prints one line for each experiment; exits with 1 and the fault when there is one.
"""
import sys
from concurrent import futures

import grpc

import katib_wire

api, api_grpc = katib_wire.load()
ROUNDS, BATCH = 15, 2


def parameter(name, kind, **space):
    return api.ParameterSpec(name=name, parameter_type=kind, feasible_space=api.FeasibleSpace(**space))


EXPERIMENTS = [
    api.Experiment(name="continuous", spec=api.ExperimentSpec(
        parameter_specs=api.ExperimentSpec.ParameterSpecs(parameters=[
            parameter("lr", api.DOUBLE, min="0.00001", max="0.1", distribution=api.LOG_UNIFORM),
            parameter("momentum", api.DOUBLE, min="0.5", max="0.99")]),
        objective=api.ObjectiveSpec(type=api.MINIMIZE, objective_metric_name="loss"),
        algorithm=api.AlgorithmSpec(algorithm_name="sobol"))),
    api.Experiment(name="finite", spec=api.ExperimentSpec(
        parameter_specs=api.ExperimentSpec.ParameterSpecs(parameters=[
            parameter("layers", api.INT, min="1", max="8"),
            parameter("batch", api.DISCRETE, list=["16", "32", "64"]),
            parameter("solver", api.CATEGORICAL, list=["sgd", "adam", "lbfgs"])]),
        objective=api.ObjectiveSpec(type=api.MAXIMIZE, objective_metric_name="accuracy"),
        algorithm=api.AlgorithmSpec(algorithm_name="random"))),
]


def check(experiment, suggestion):
    values = {a.name: a.value for a in suggestion.assignments}
    specs = experiment.spec.parameter_specs.parameters
    assert len(values) == len(suggestion.assignments) == len(specs), values
    for spec in specs:
        value, space = values[spec.name], spec.feasible_space
        if space.list:
            assert value in space.list, (spec.name, value)
        else:
            assert float(space.min) <= float(value) <= float(space.max), (spec.name, value)
            assert spec.parameter_type != api.INT or str(int(value)) == value, (spec.name, value)
    return tuple(sorted(values.items()))


def drive(address, experiment):
    with grpc.insecure_channel(address) as channel:
        stub = api_grpc.SuggestionStub(channel)
        stub.ValidateAlgorithmSettings(api.ValidateAlgorithmSettingsRequest(experiment=experiment), timeout=20)
        trials, seen = [], set()
        for _ in range(ROUNDS):
            reply = stub.GetSuggestions(api.GetSuggestionsRequest(
                experiment=experiment, trials=trials, current_request_number=BATCH,
                total_request_number=len(trials) + BATCH), timeout=20)
            assert len(reply.parameter_assignments) == BATCH, len(reply.parameter_assignments)
            for suggestion in reply.parameter_assignments:
                point = check(experiment, suggestion)
                assert point not in seen, f"proposed twice: {point}"
                seen.add(point)
                trial = api.Trial(name=f"{experiment.name}-{len(trials)}")
                trial.spec.parameter_assignments.assignments.extend(suggestion.assignments)
                trial.status.condition = api.TrialStatus.SUCCEEDED if len(trials) % 3 else api.TrialStatus.FAILED
                metric = trial.status.observation.metrics.add()
                metric.name, metric.value = experiment.spec.objective.objective_metric_name, "0.5"
                trials.append(trial)
        return f"{experiment.name}: {len(seen)} legal suggestions, none twice"


def main():
    with futures.ThreadPoolExecutor(max_workers=len(EXPERIMENTS)) as pool:
        for done in [pool.submit(drive, sys.argv[1], experiment) for experiment in EXPERIMENTS]:
            print(done.result(), flush=True)


if __name__ == "__main__":
    main()
