#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""median.py PORT: an early-stopping service as Katib has one: it reads the trials' metrics from the DBManager.

Trials that are worse than the mean of what the finished ones had after `start_step` reports are to be stopped. Writes
what it was told into ./told. Knows no health protocol.
"""
import os
import sys
from concurrent import futures

sys.path.insert(0, os.getcwd())
sys.dont_write_bytecode = True

import grpc  # noqa: E402

import api_pb2 as api  # noqa: E402
import api_pb2_grpc as api_grpc  # noqa: E402


def tell(line):
    with open("told", "a", encoding="utf-8") as told:
        told.write(line + "\n")


class Median(api_grpc.EarlyStoppingServicer):
    means = {}

    def ValidateEarlyStoppingSettings(self, request, context):
        for setting in request.early_stopping.algorithm_settings:
            if setting.name not in ("min_trials_required", "start_step"):
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"unknown setting {setting.name}")
        return api.ValidateEarlyStoppingSettingsReply()

    def GetEarlyStoppingRules(self, request, context):
        settings = {s.name: int(s.value) for s in request.experiment.spec.early_stopping.algorithm_settings}
        metric = request.experiment.spec.objective.objective_metric_name
        host, port = request.db_manager_address.split(":")
        with grpc.insecure_channel(f"{host}:{port}") as channel:
            store = api_grpc.DBManagerStub(channel)
            for trial in request.trials:
                if trial.status.condition != api.TrialStatus.SUCCEEDED or trial.name in self.means:
                    continue
                log = store.GetObservationLog(
                    api.GetObservationLogRequest(trial_name=trial.name, metric_name=metric), timeout=10)
                values = [float(m.metric.value) for m in log.observation_log.metric_logs][:settings["start_step"]]
                self.means[trial.name] = sum(values) / len(values)
                tell(f"read {trial.name} {len(log.observation_log.metric_logs)} reports")
        reply = api.GetEarlyStoppingRulesReply()
        if len(self.means) >= settings["min_trials_required"]:
            reply.early_stopping_rules.add(name=metric, value=str(sum(self.means.values()) / len(self.means)),
                                           comparison=api.GREATER, start_step=settings["start_step"])
        return reply

    def SetTrialStatus(self, request, context):
        tell(f"stopped {request.trial_name}")
        return api.SetTrialStatusReply()


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    api_grpc.add_EarlyStoppingServicer_to_server(Median(), server)
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    with open("starts", "a", encoding="utf-8") as starts:
        starts.write(f"{os.getpid()}\n")
    server.wait_for_termination()


if __name__ == "__main__":
    main()
