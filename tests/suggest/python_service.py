#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A suggestion service as a user of Katib writes one: Python, Katib's proto, nothing of ours.

Looks around the best trial so far with a step that shrinks. Prints its port, ends when its input does.
"""
import random
import sys
from concurrent import futures

import grpc

import katib_wire

api, api_grpc = katib_wire.load()


class HillClimber(api_grpc.SuggestionServicer):
    def ValidateAlgorithmSettings(self, request, context):
        for setting in request.experiment.spec.algorithm.algorithm_settings:
            if setting.name == "crash":
                raise RuntimeError("a bug in the service")
            if setting.name != "random_state":
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"unknown setting {setting.name} for algorithm hill")
        return api.ValidateAlgorithmSettingsReply()

    def GetSuggestions(self, request, context):
        spec = request.experiment.spec
        sign = -1 if spec.objective.type == api.MAXIMIZE else 1
        best, best_value = None, None
        for trial in request.trials:
            if trial.status.condition != api.TrialStatus.SUCCEEDED:
                continue
            for metric in trial.status.observation.metrics:
                if metric.name == spec.objective.objective_metric_name:
                    value = sign * float(metric.value)
                    if best is None or value < best_value:
                        best, best_value = trial, value
        reply = api.GetSuggestionsReply()
        for k in range(request.current_request_number):
            rng = random.Random(len(request.trials) * 1000 + k)
            suggestion = reply.parameter_assignments.add()
            suggestion.trial_name = f"{request.experiment.name}-hill-{len(request.trials) + k}"
            suggestion.labels["best"] = best.name if best else ""
            suggestion.labels["seen"] = str(len(request.trials))
            for parameter in spec.parameter_specs.parameters:
                suggestion.assignments.add(name=parameter.name, value=self.value(parameter, best, rng, request))
        state = reply.algorithm.algorithm_settings.add()
        state.name, state.value = "asked", str(request.total_request_number)
        return reply

    @staticmethod
    def value(parameter, best, rng, request):
        space = parameter.feasible_space
        if parameter.parameter_type in (api.CATEGORICAL, api.DISCRETE):
            return rng.choice(list(space.list))
        low, high = float(space.min), float(space.max)
        at, reach = (low + high) / 2, (high - low) / 2
        if best is not None:
            at = next(float(a.value) for a in best.spec.parameter_assignments.assignments if a.name == parameter.name)
            reach *= 0.9 ** len(request.trials)
        value = min(high, max(low, at + rng.uniform(-reach, reach)))
        return str(round(value)) if parameter.parameter_type == api.INT else repr(value)


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    api_grpc.add_SuggestionServicer_to_server(HillClimber(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(grace=0)


if __name__ == "__main__":
    main()
