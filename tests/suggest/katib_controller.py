#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""katib_controller.py ADDRESS OTHER: asks as Katib's controller does, then as Kubeflow Trainer's, with Katib's proto.

Prints one line for each part; exits with 1 and the fault when there is one.
"""
import sys

import grpc

import katib_wire

api, api_grpc = katib_wire.load()
Status = api.TrialStatus


def parameter(name, kind, **space):
    return api.ParameterSpec(name=name, parameter_type=kind, feasible_space=api.FeasibleSpace(**space))


def experiment(algorithm, *parameters, **settings):
    spec = api.ExperimentSpec(
        parameter_specs=api.ExperimentSpec.ParameterSpecs(parameters=parameters),
        objective=api.ObjectiveSpec(type=api.MAXIMIZE, goal=0.9, objective_metric_name="accuracy"),
        algorithm=api.AlgorithmSpec(algorithm_name=algorithm), parallel_trial_count=2, max_trial_count=10)
    for name, value in settings.items():
        spec.algorithm.algorithm_settings.add(name=name, value=value)
    return api.Experiment(name="e", spec=spec)


LR = parameter("lr", api.DOUBLE, min="0.01", max="0.05")
LAYERS = parameter("layers", api.INT, min="1", max="9", step="2")
STEPPED = parameter("momentum", api.DOUBLE, min="0.1", max="0.9", step="0.3")  # does not divide the range
SOLVER = parameter("solver", api.CATEGORICAL, list=["sgd", "adam"], distribution=api.UNIFORM)

REFUSED = [
    (experiment("nonesuch", LR), "unknown algorithm name nonesuch"),
    (experiment("random", LR, gamma="1"), "unknown setting gamma for algorithm random"),
    (experiment("random", LR, random_state="-1"), "random_state should be great or equal than zero"),
    (experiment("random", LR, random_state="many"), "failed to validate random_state(many)"),
    (experiment("grid", LR), "step"),
    (experiment("sobol", LR, n="1"), "unknown setting n for algorithm sobol"),
    (experiment("random", parameter("x", api.UNKNOWN_TYPE, min="0", max="1")), "parameter 'x'"),
    (experiment("random", parameter("x", api.DOUBLE, min="2", max="1")), "x"),
]


def refused(stub):
    for asked, words in REFUSED:
        try:
            stub.ValidateAlgorithmSettings(api.ValidateAlgorithmSettingsRequest(experiment=asked), timeout=20)
            sys.exit(f"accepted: {words}")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
            assert words in error.details(), error.details()
    print(f"refused with Katib's words: {len(REFUSED)}", flush=True)


def broken_trials(assignments):
    """Trials in every condition, and such as no controller should send."""
    out = []
    for condition in range(8):
        for values in (["0.5"], [], [""], ["nan"], ["unavailable"], ["0.4", "0.6"], ["1e999"], ["x" * 1000]):
            trial = api.Trial(name=f"t-{len(out)}")
            trial.status.condition = condition
            trial.status.start_time = "2026-01-02T15:04:05Z"
            trial.spec.parameter_assignments.assignments.extend(assignments[len(out) % len(assignments)])
            for value in values:
                trial.status.observation.metrics.add(name="accuracy", value=value)
            out.append(trial)
    del out[3].spec.parameter_assignments.assignments[0]
    out[5].spec.parameter_assignments.assignments[0].value = "a million"
    out[7].spec.parameter_assignments.assignments.add(name="stranger", value="1")
    out[11].ClearField("spec")
    out[13].ClearField("status")
    out[17].name = out[16].name
    out[19].name = ""
    out[21].status.observation.metrics[0].name = ""
    return out


def exact_counts(stub):
    names = []
    for algorithm in ("random", "grid", "sobol"):
        asked = experiment(algorithm, LAYERS, STEPPED, SOLVER)
        stub.ValidateAlgorithmSettings(api.ValidateAlgorithmSettingsRequest(experiment=asked), timeout=20)
        request = api.GetSuggestionsRequest(experiment=asked, current_request_number=5, total_request_number=5)
        reply = stub.GetSuggestions(request, timeout=20)
        assert len(reply.parameter_assignments) == 5, len(reply.parameter_assignments)
        request.trials.extend(broken_trials([s.assignments for s in reply.parameter_assignments]))
        for count in (1, 3, 2, 40):
            request.current_request_number = count
            request.total_request_number += count
            reply = stub.GetSuggestions(request, timeout=20)
            assert len(reply.parameter_assignments) == count, (algorithm, count, len(reply.parameter_assignments))
            for suggestion in reply.parameter_assignments:
                values = {a.name: a.value for a in suggestion.assignments}
                assert values["layers"] in ("1", "3", "5", "7", "9"), values
                assert 0.1 <= float(values["momentum"]) <= 0.9 and values["solver"] in ("sgd", "adam"), values
        # No objective's name, no trials: still an answer.
        asked.spec.objective.objective_metric_name = ""
        request.experiment.CopyFrom(asked)
        request.current_request_number = 1
        assert len(stub.GetSuggestions(request, timeout=20).parameter_assignments) == 1
        names.append(algorithm)
    print("exact counts over every condition: " + " ".join(names), flush=True)


def stateless(stubs):
    """Trainer's controller sends the whole history to whichever provider answers."""
    asked = experiment("random", LR, parameter("batch", api.CATEGORICAL, list=["16", "32", "64"]))
    request = api.GetSuggestionsRequest(experiment=asked)
    seen = set()
    for turn in range(9):
        request.current_request_number, request.total_request_number = 2, len(request.trials) + 2
        answers = [stub.GetSuggestions(request, timeout=20) for stub in stubs]
        assert answers[0].parameter_assignments == answers[1].parameter_assignments, "they differ"
        for suggestion in answers[turn % 2].parameter_assignments:
            point = tuple((a.name, a.value) for a in suggestion.assignments)
            assert point not in seen, point
            seen.add(point)
            trial = request.trials.add(name=f"job-{len(seen)}")
            trial.spec.parameter_assignments.assignments.extend(suggestion.assignments)
            trial.status.condition = Status.FAILED if len(seen) % 4 == 0 else Status.SUCCEEDED
            if trial.status.condition == Status.SUCCEEDED:
                trial.status.observation.metrics.add(name="accuracy", value="0.7")
    print(f"two providers that share nothing: {len(seen)} points, none twice", flush=True)


def main():
    channels = [grpc.insecure_channel(address) for address in sys.argv[1:3]]
    stubs = [api_grpc.SuggestionStub(channel) for channel in channels]
    refused(stubs[0])
    exact_counts(stubs[0])
    stateless(stubs)
    for channel in channels:
        channel.close()


if __name__ == "__main__":
    main()
