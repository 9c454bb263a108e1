#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job with Optuna and SQLite storage: the same command per trial, N processes on one study.

Run by main_job.py in a virtual environment that has optuna. Importing and making the study are not timed. Prints one
line of JSON.
"""
import argparse
import json
import multiprocessing
import os
import subprocess
import time

import optuna
from optuna.storages import RDBStorage


def storage_at(path):
    return RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 120}})


def work(path, trials, command, ready, results):
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def objective(trial):
        x = trial.suggest_float("x", 0.0, 1.0)
        out = subprocess.run([word.replace("{x}", repr(x)) for word in command], check=True, capture_output=True).stdout
        return float(out.decode().split("=", 1)[1])

    study = optuna.load_study(study_name="bench", storage=storage_at(path), sampler=optuna.samplers.RandomSampler(seed=1))
    ready.wait()
    begin = time.monotonic()
    before = os.times()
    study.optimize(objective, n_trials=trials)
    after = os.times()
    results.put((begin, time.monotonic(), sum(after[:2]) - sum(before[:2]), sum(after[:4]) - sum(before[:4])))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", required=True)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.create_study(study_name="bench", storage=storage_at(args.db), direction="minimize")

    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(args.parallel), context.Queue()
    share = args.count // args.parallel
    workers = [context.Process(target=work, args=(args.db, share, args.command, ready, results))
               for _ in range(args.parallel)]
    for worker in workers:
        worker.start()
    times = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    finished = sum(t.state == optuna.trial.TrialState.COMPLETE
                   for t in optuna.load_study(study_name="bench", storage=storage_at(args.db)).get_trials(deepcopy=False))
    print(json.dumps({"count": finished, "seconds": max(t[1] for t in times) - min(t[0] for t in times),
                      "cpu_self": sum(t[2] for t in times), "cpu_all": sum(t[3] for t in times), "version": optuna.__version__}))


if __name__ == "__main__":
    main()
