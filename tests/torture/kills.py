#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the controller (and some shims) with SIGKILL at random moments and counts what was lost: nothing.

The trials write a ledger of their own, a line when they start and one for each metric they print, so that the truth
does not come from the program under test. Compared at the end: the assignments with those of an undisturbed run,
every printed metric with the database, starts with attempts, and the processes that are left.

    kills.py --qalam build/release/qalam [--kills 50] [--shim-kills 10] [--seed 1] [--parallel 8]
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

TRIAL = """#!/bin/sh
# Prints 20 reports in about a second, and says in the ledger what it did.
echo "start $QALAM_ATTEMPT" >> "$LEDGER"
i=0
while [ $i -lt 20 ]; do
  i=$((i + 1))
  echo "step=$i loss=0.$((100 - i))"
  echo "print $QALAM_ATTEMPT 0.$((100 - i))" >> "$LEDGER"
  sleep 0.05
done
"""

EXPERIMENT = """apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {{name: torture, namespace: default}}
spec:
  objective: {{type: minimize, objectiveMetricName: loss}}
  algorithm:
    algorithmName: random
    algorithmSettings: [{{name: random_state, value: "7"}}]
  parallelTrialCount: {parallel}
  maxTrialCount: {trials}
  parameters:
    - {{name: lr, parameterType: double, feasibleSpace: {{min: "0.01", max: "0.5"}}}}
    - {{name: layers, parameterType: int, feasibleSpace: {{min: "1", max: "64"}}}}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - {{name: lr, reference: lr}}
      - {{name: layers, reference: layers}}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            containers:
              - name: main
                image: none
                command: ["/bin/sh", "{script}", "--lr=${{trialParameters.lr}}", "--layers=${{trialParameters.layers}}"]
                env: [{{name: LEDGER, value: "{ledger}"}}]
            restartPolicy: Never
"""


class World:
    def __init__(self, folder, qalam, parallel, trials, script=TRIAL):
        self.folder = folder
        self.qalam, self.trials = qalam, trials
        self.db = folder / "qalam.db"
        self.ledger = folder / "ledger"
        self.ledger.touch()
        program = folder / "trial.sh"
        program.write_text(script)
        self.experiment = folder / "experiment.yaml"
        self.experiment.write_text(
            EXPERIMENT.format(parallel=parallel, trials=trials, script=program, ledger=self.ledger))

    def start(self, environment=None):
        with open(self.folder / "stderr", "ab") as stderr:
            return subprocess.Popen([self.qalam, "run", str(self.experiment), "--db", str(self.db), "--no-progress"],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                                    env={**os.environ, **(environment or {})})

    def rows(self, sql):
        connection = sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def assignments(self):
        return sorted(text for (text,) in self.rows("SELECT assignments FROM trials"))

    def processes(self):
        """The number of every live process of this world."""
        found = []
        marker = str(self.folder).encode()
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                command = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes()
                environment = pathlib.Path(f"/proc/{entry}/environ").read_bytes()
                state = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[0]
            except (OSError, IndexError):
                continue
            if state != "Z" and (marker in command or marker in environment):
                found.append(int(entry))
        return found


    def shims(self):
        """The supervisors at work, by their own record: until it executes the command, a child looks like one too.
        Numbers of processes come again, so the record has the time of the start beside it."""
        found = set()
        for started in self.folder.glob("qalam.db.d/runs/*/*/*/started"):
            for line in started.read_text().splitlines():
                if line.startswith("shim="):
                    pid, ticks = line[5:].split()
                    found.add((int(pid), ticks))
        return sorted(pid for pid in self.processes() if (pid, start_of(pid)) in found)


def start_of(pid):
    """When a process was started, in the kernel's ticks; None: it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return None


def undisturbed(qalam, parallel, trials, script=TRIAL):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="qalam-calm-"))
    try:
        world = World(folder, qalam, parallel, trials, script)
        code = world.start().wait(timeout=600 + trials)  # each takes a second; some are at once
        if code != 0:
            sys.exit(f"the undisturbed run ended with {code}:\n{(folder / 'stderr').read_text()}")
        return world.assignments()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def answers(path):
    """Whether somebody answers there: it has recovered and takes commands. To be connected is not enough."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        try:
            client.connect(path)
            client.sendall(b'{"verb":"why","experiment":1}\n')
            return client.recv(1) != b""
        except OSError:
            return False


def torture(world, kills, shim_kills, rng):
    """Returns (controllers killed, shims killed, exit code of the last controller, restart times)."""
    killed, shims, recovery = 0, 0, []
    shim_at = set(rng.sample(range(1, kills + 1), min(shim_kills, kills)))
    controller = world.start()
    while killed < kills:
        time.sleep(rng.uniform(0.02, 0.6))
        if controller.poll() is not None:
            break
        if killed + 1 in shim_at:
            alive = world.shims()
            if alive:
                try:
                    os.kill(rng.choice(alive), signal.SIGKILL)
                    shims += 1
                except ProcessLookupError:
                    pass
        controller.send_signal(signal.SIGKILL)
        controller.wait()
        killed += 1
        begun = time.monotonic()
        controller = world.start()
        while not answers(f"{world.db}.sock") and controller.poll() is None:
            time.sleep(0.005)
        recovery.append(time.monotonic() - begun)
    return killed, shims, controller.wait(timeout=600 + world.trials), recovery


def check(world, expected, faults):
    assignments = world.assignments()
    if assignments != expected:
        faults.append(f"assignments differ: {len(set(assignments) ^ set(expected))} of {len(expected)}")
    for pragma in ("integrity_check", "foreign_key_check"):
        answer = world.rows(f"PRAGMA {pragma}")
        if answer not in ([("ok",)], []):
            faults.append(f"{pragma}: {answer[:3]}")

    starts, printed = collections.Counter(), collections.defaultdict(list)
    for line in world.ledger.read_text().splitlines():
        word, attempt, *rest = line.split()
        if word == "start":
            starts[attempt] += 1
        else:
            printed[attempt].append(rest[0])
    twice = [attempt for attempt, count in starts.items() if count > 1]
    if twice:
        faults.append(f"attempts started twice: {twice}")

    unfinished = world.rows("SELECT name, status FROM trials WHERE status <> 'Succeeded'")
    if unfinished:
        faults.append(f"trials that did not succeed: {unfinished[:5]}")
    stored = collections.defaultdict(list)
    for trial, attempt, value in world.rows(
            "SELECT trial_name, attempt, value FROM observation_logs WHERE metric_name = 'loss' ORDER BY id"):
        stored[(trial, attempt)].append(value)
    last = dict(world.rows("SELECT trial_name, max(attempt) FROM steps GROUP BY trial_name"))
    metrics = 0
    for trial, attempt in last.items():
        mine = [values for name, values in printed.items() if f"/{trial}/" in name and name.endswith(f"/{attempt}")]
        if len(mine) != 1 or stored[(trial, attempt)] != mine[0]:
            faults.append(f"{trial} attempt {attempt}: printed {mine}, stored {stored[(trial, attempt)]}")
        metrics += len(stored[(trial, attempt)])
    left = world.processes()
    if left:
        faults.append(f"processes left behind: {left}")
    return len(last), sum(starts.values()), metrics


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qalam", required=True)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--shim-kills", type=int, default=10)
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--trials", type=int, default=0, help="0: enough for the kills")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    trials = args.trials or args.kills * 3 + 40
    expected = undisturbed(args.qalam, args.parallel, trials)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="qalam-torture-"))
    faults = []
    world = World(folder, args.qalam, args.parallel, trials)
    killed, shims, code, recovery = torture(world, args.kills, args.shim_kills, random.Random(args.seed))
    if code != 0:
        faults.append(f"the last controller ended with {code}")
    done, starts, metrics = check(world, expected, faults)
    print(f"{killed} controllers and {shims} shims killed with SIGKILL; {done} trials, {starts} starts, "
          f"{metrics} metrics stored; slowest restart {max(recovery, default=0):.2f} s")
    if killed < args.kills:
        faults.append(f"the experiment ended after {killed} of {args.kills} kills: give it more --trials")
    for fault in faults:
        print("FAULT:", fault)
    if faults:
        print(f"kept: {folder}")
        return 1
    print("0 lost, 0 started twice, 0 left behind; the same assignments as undisturbed")
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
