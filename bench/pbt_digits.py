#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""pbt against random search with the same number of epochs, on the network and the digits of examples/digits-asha.

Both are asked of `qalam suggest` over gRPC, in the way of Katib's controller; the training is done here, so that a pair of
runs costs seconds. Paired by seed. Random search trains each of its configurations for as long as pbt's members live.

    pbt_digits.py --qalam build/release/qalam [--seeds 100] [--population 10] [--generations 12]
"""
import argparse
import copy
import importlib.util
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import types

import grpc

ROOT = pathlib.Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("train", ROOT / "examples/digits-asha/train.py")
train = importlib.util.module_from_spec(spec)
spec.loader.exec_module(train)
np = train.np


class Service:
    """`qalam suggest` on a port of its own."""

    def __init__(self, qalam):
        self.folder = tempfile.TemporaryDirectory()
        plugin = subprocess.run(["which", "grpc_python_plugin"], capture_output=True, text=True, check=True).stdout.strip()
        proto = subprocess.run([qalam, "proto", "--katib"], capture_output=True, text=True, check=True).stdout
        pathlib.Path(self.folder.name, "api.proto").write_text(proto)
        subprocess.run(["protoc", "--python_out=.", "--grpc_out=.", f"--plugin=protoc-gen-grpc={plugin}", "api.proto"],
                       cwd=self.folder.name, check=True)
        sys.path.insert(0, self.folder.name)
        import api_pb2
        import api_pb2_grpc
        self.pb = api_pb2
        self.process = subprocess.Popen([qalam, "suggest", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        address = next(word for word in self.process.stdout.readline().split() if word.startswith("127.0.0.1:"))
        self.stub = api_pb2_grpc.SuggestionStub(grpc.insecure_channel(address.rstrip(".,")))

    def close(self):
        self.process.terminate()
        self.process.wait()

    def experiment(self, name, algorithm, settings):
        pb = self.pb
        experiment = pb.Experiment(name=name)
        for parameter, low, high, log, kind in (("lr", "0.001", "1", True, pb.DOUBLE), ("momentum", "0", "0.99", False, pb.DOUBLE),
                                                ("batch-size", "8", "256", True, pb.INT)):
            space = pb.FeasibleSpace(min=low, max=high, distribution=pb.LOG_UNIFORM if log else pb.UNIFORM)
            experiment.spec.parameter_specs.parameters.append(
                pb.ParameterSpec(name=parameter, parameter_type=kind, feasible_space=space))
        experiment.spec.objective.CopyFrom(pb.ObjectiveSpec(type=pb.MINIMIZE, objective_metric_name="loss"))
        experiment.spec.algorithm.algorithm_name = algorithm
        for key, value in settings.items():
            experiment.spec.algorithm.algorithm_settings.append(pb.AlgorithmSetting(name=key, value=str(value)))
        return experiment


def search(service, name, algorithm, settings, trials, epochs, data, seed):
    """One trial after the other; the lowest loss of any trial's end, and its accuracy."""
    pb, experiment = service.pb, service.experiment(name, algorithm, settings)
    told, networks, best = [], {}, (math.inf, 0)
    for number in range(1, trials + 1):
        reply = service.stub.GetSuggestions(pb.GetSuggestionsRequest(
            experiment=experiment, trials=told, current_request_number=1, total_request_number=number))
        suggestion = reply.parameter_assignments[0]
        values = {a.name: float(a.value) for a in suggestion.assignments}
        args = types.SimpleNamespace(lr=values["lr"], momentum=values["momentum"], batch_size=int(values["batch-size"]),
                                     decay=1e-4, seed=seed)
        before = suggestion.labels.get("qalam.dev/resume-from")
        network = copy.deepcopy(networks[before]) if before else train.Network(64, seed)
        trial = suggestion.trial_name or f"{name}-{number}"
        for _ in range(epochs):
            network.learn(data[0], data[1], args)
        networks[trial] = network
        accuracy, loss = network.test(data[2], data[3])
        loss = float(loss) if math.isfinite(loss) else math.nan
        told.append(pb.Trial(name=trial))
        told[-1].spec.parameter_assignments.assignments.extend(suggestion.assignments)
        told[-1].status.condition = pb.TrialStatus.SUCCEEDED
        told[-1].status.observation.metrics.append(pb.Metric(name="loss", value=repr(loss)))
        if loss < best[0]:
            best = (loss, float(accuracy))
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qalam", required=True)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--population", type=int, default=10)
    parser.add_argument("--generations", type=int, default=12)
    args = parser.parse_args()
    data, service = train.digits(), Service(os.path.abspath(args.qalam))
    pairs = []
    try:
        for seed in range(1, args.seeds + 1):
            with np.errstate(all="ignore"):
                ours = search(service, f"pbt-{seed}", "pbt",
                              {"suggestion_trial_dir": "/checkpoints", "n_population": args.population,
                               "truncation_threshold": 0.2, "random_state": seed},
                              args.population * args.generations, 1, data, seed)
                theirs = search(service, f"random-{seed}", "random", {"random_state": seed}, args.population,
                                args.generations, data, seed)
            pairs.append((ours, theirs))
            print(f"seed {seed}: pbt loss {ours[0]:.5f} accuracy {ours[1]:.4f}, random loss {theirs[0]:.5f} accuracy "
                  f"{theirs[1]:.4f}", flush=True)
    finally:
        service.close()
    won = sum(ours[0] < theirs[0] for ours, theirs in pairs)
    n = len(pairs)
    chance = sum(math.comb(n, k) for k in range(won, n + 1)) / 2 ** n
    print(f"pbt has the lower loss in {won} of {n} pairs (one-sided sign test: p = {chance:.2g}); medians "
          f"{statistics.median(o[0] for o, _ in pairs):.5f} and {statistics.median(t[0] for _, t in pairs):.5f}; "
          f"{args.population * args.generations} epochs each")
    return 0 if chance < 0.05 else 1


if __name__ == "__main__":
    sys.exit(main())
