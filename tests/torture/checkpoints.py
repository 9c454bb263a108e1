#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ASHA with checkpoints on examples/digits-asha, against random search, while qalam is killed with SIGKILL.

The trials write a ledger of their own: a line for each epoch that was trained. Random search trains every configuration
to the end; its best accuracy is the goal that ASHA is given. Told are the epochs that each needed, and what was lost or
trained twice: nothing. Random search is lucky now and then, so the claim is about the median of several seeds.

    checkpoints.py --qalam build/release/qalam [--kills 5] [--random-trials 24] [--seeds 9]
"""
import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "examples/digits-asha/experiment.yaml").read_text()
EPOCHS = 27


def experiment(seed, trials, algorithm, goal=None):
    """The example's, with another seed, budget and goal; `random` trains each to the end."""
    text = re.sub(r"maxTrialCount: \d+", f"maxTrialCount: {trials}", EXAMPLE)
    text = re.sub(r'(random_state, value: )"\d+"', rf'\1"{seed}"', text)
    if goal is not None:
        text = text.replace("type: maximize\n", f"type: maximize\n    goal: {goal}\n")
    if algorithm == "random":
        text = text.replace("algorithmName: asha", "algorithmName: random")
        text = text.replace("      - {name: resource_name, value: epochs}\n", "")
        text = text.replace('feasibleSpace: {min: "1", max: "27"}', 'feasibleSpace: {min: "27", max: "27"}')
    return text


class Run:
    def __init__(self, qalam, text):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="qalam-checkpoints-"))
        self.qalam, self.db, self.ledger = qalam, self.folder / "qalam.db", self.folder / "ledger"
        (self.folder / "experiment.yaml").write_text(text)

    def start(self):
        with open(self.folder / "stderr", "ab") as stderr:
            return subprocess.Popen(
                [self.qalam, "run", str(self.folder / "experiment.yaml"), "--db", str(self.db), "--no-progress"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, cwd=ROOT,
                env={**os.environ, "DIGITS_LEDGER": str(self.ledger)})

    def to_the_end(self, kills=0, rng=None):
        """How often it was killed. Each time after a few epochs more: a search that is lucky is killed as often."""
        killed, process = 0, self.start()
        while killed < kills:
            until = self.epochs() + rng.randint(1, 10)
            while self.epochs() < until and process.poll() is None:
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 0.1))
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            process = self.start()
        if process.wait(timeout=3600) != 0:
            sys.exit(f"qalam run ended with {process.returncode}:\n{(self.folder / 'stderr').read_text()}")
        return killed

    def trials(self):
        text = subprocess.run([self.qalam, "get", "trials", "-o", "json", "--db", str(self.db)], capture_output=True,
                              text=True, check=True).stdout
        return {trial["metadata"]["name"]: trial for trial in json.loads(text)["items"]}

    def metrics(self, trial):
        import sqlite3
        with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=30) as db:
            return [float(v) for (v,) in db.execute(
                "SELECT value FROM observation_logs WHERE trial_name = ? AND metric_name = 'accuracy' ORDER BY id", [trial])]

    def best(self):
        return max(max(self.metrics(name), default=0) for name in self.trials())

    def epochs(self):
        return sum(1 for _ in open(self.ledger, encoding="utf-8")) if self.ledger.exists() else 0

    def faults(self):
        """What was lost, repeated or not continued."""
        trained, attempts = collections.defaultdict(list), collections.defaultdict(set)
        for line in self.ledger.read_text().splitlines():
            name, attempt, epoch = line.split()
            trained[name].append(int(epoch))
            attempts[name].add(attempt)
        trials, faults = self.trials(), []
        wanted = {name: next(int(a["value"]) for a in trial["spec"]["parameterAssignments"] if a["name"] == "epochs")
                  for name, trial in trials.items()}
        for name, trial in trials.items():
            before = trial["metadata"].get("labels", {}).get("qalam.dev/resume-from")
            expected = list(range(wanted[before] + 1 if before else 1, wanted[name] + 1))
            if trained[name] != expected:
                faults.append(f"{name} (after {before}): trained {trained[name]}, expected {expected}")
            if len(attempts[name]) > 1:
                faults.append(f"{name} was started {len(attempts[name])} times")
            if len(self.metrics(name)) != len(expected):
                faults.append(f"{name}: {len(self.metrics(name))} reports of {len(expected)}")
        continued = [t["metadata"].get("labels", {}).get("qalam.dev/resume-from") for t in trials.values()]
        continued = [name for name in continued if name]
        if len(set(continued)) != len(continued):
            faults.append("a trial was continued twice")
        kept = {folder.name for folder in (self.folder / "qalam.db.d/checkpoints").iterdir()}
        best = max(trials, key=lambda name: (max(self.metrics(name), default=0), name))
        if len(kept) != 1 or max(self.metrics(*kept)) != max(self.metrics(best)):
            faults.append(f"checkpoints kept: {sorted(kept)}, and the best is {best}")
        return faults, len(trials), len(continued)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qalam", required=True)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--random-trials", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=9, help="pairs of runs")
    parser.add_argument("--at-least", type=float, default=3, help="how many times fewer epochs, in the median")
    args = parser.parse_args()
    ratios, wrong = [], []
    for seed in range(1, args.seeds + 1):
        plain = Run(args.qalam, experiment(seed, args.random_trials, "random"))
        plain.to_the_end()
        goal = plain.best()
        asha = Run(args.qalam, experiment(seed, 2000, "asha", goal))
        killed = asha.to_the_end(args.kills, random.Random(seed))
        faults, trials, continued = asha.faults()
        found = asha.best()
        ratios.append(plain.epochs() / asha.epochs() if found >= goal else 0)
        print(f"seed {seed}: random search {plain.epochs()} epochs, accuracy {goal:.4f}; asha {asha.epochs()} epochs in "
              f"{trials} trials ({continued} continued), accuracy {found:.4f}, killed {killed} times: "
              f"{f'{ratios[-1]:.1f} times fewer' if ratios[-1] else 'not as good'}", flush=True)
        if killed < args.kills:
            faults.append(f"it ended after {killed} of {args.kills} kills")
        for fault in faults:
            print("FAULT:", fault)
        wrong += faults
        if not faults:
            shutil.rmtree(plain.folder), shutil.rmtree(asha.folder)
        else:
            print(f"kept: {asha.folder}")
    median = sorted(ratios)[len(ratios) // 2]
    print(f"{median:.1f} times fewer epochs in the median of {len(ratios)}")
    if median < args.at_least:
        wrong.append("too many epochs")
        print(f"FAULT: wanted are {args.at_least:.1f} times fewer")
    if not wrong:
        print("0 epochs lost, 0 trained twice")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
