#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""any_algorithm.py PORT: answers for each of Katib's algorithms: random values of any search space, and for a search of
an architecture the assignments that Katib's enas and darts give. The proto is in the folder that it runs in."""
import os
import random
import sys
from concurrent import futures

sys.path.insert(0, os.getcwd())
sys.dont_write_bytecode = True

import grpc  # noqa: E402

import api_pb2 as api  # noqa: E402
import api_pb2_grpc as api_grpc  # noqa: E402


def value_of(parameter, rng):
    space = parameter.feasible_space
    if parameter.parameter_type == api.DOUBLE:
        return repr(rng.uniform(float(space.min), float(space.max)))
    if parameter.parameter_type == api.INT:
        return str(rng.randint(int(space.min), int(space.max)))
    return rng.choice(space.list)


def options_of(operation, rng):
    """A value for each parameter of an operation."""
    def value(parameter):
        space = parameter.feasible_space
        return rng.choice(space.list) if space.list else rng.randint(int(space.min), int(space.max))

    return {parameter.name: value(parameter) for parameter in operation.parameter_specs.parameters}


def architecture_of(spec, rng):
    """What the reply of Katib's NAS services holds: Python literals in text."""
    graph, operations = spec.nas_config.graph_config, spec.nas_config.operations.operation
    settings = {setting.name: setting.value for setting in spec.algorithm.algorithm_settings}
    if spec.algorithm.algorithm_name == "enas":
        layout = [[rng.randrange(len(operations))] + [rng.randrange(2) for _ in range(k)] for k in range(graph.num_layers)]
        embedding = {str(k): {"opt_id": k, "opt_type": operation.operation_type, "opt_params": options_of(operation, rng)}
                     for k, operation in enumerate(operations)}
        config = {"num_layers": graph.num_layers, "input_sizes": list(graph.input_sizes),
                  "output_sizes": list(graph.output_sizes), "embedding": embedding}
        return {"architecture": str(layout), "nn_config": str(config)}
    names = [f"{operation.operation_type}_3x3" if operation.parameter_specs.parameters else operation.operation_type
             for operation in operations]
    return {"algorithm-settings": str({"num_nodes": "4", **settings}), "search-space": str(names),
            "num-layers": str(graph.num_layers)}


class AnyAlgorithm(api_grpc.SuggestionServicer):
    def GetSuggestions(self, request, context):
        spec = request.experiment.spec
        rng = random.Random(request.total_request_number)
        reply = api.GetSuggestionsReply()
        for _ in range(request.current_request_number):
            values = {p.name: value_of(p, rng) for p in spec.parameter_specs.parameters}
            if spec.HasField("nas_config") and spec.nas_config.operations.operation:
                values = architecture_of(spec, rng)
            suggestion = reply.parameter_assignments.add()
            for name, value in values.items():
                suggestion.assignments.add(name=name, value=value)
        return reply


server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
api_grpc.add_SuggestionServicer_to_server(AnyAlgorithm(), server)
server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
server.start()
server.wait_for_termination()
