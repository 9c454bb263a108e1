#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same work under the same kills, Qalam beside Optuna: what is lost, what hangs, how soon it goes on.

Four trials at a time, each reports 20 values in about a second, every one in SQLite and synced. SIGKILL hits, 50 times:
  qalam   the controller (started again at once), or the supervisor of a trial (qalam-shim)
  optuna  a worker (replaced at once). RDBStorage with heartbeats and RetryHeartbeatStaleTrialCallback (once
          RetryFailedTrialCallback), as its manual recommends
The ledger is written by the trials: Optuna's after report() has returned, Qalam's after the line was printed.

    PYTHON beside_optuna.py --qalam build/release/qalam [--kills 50] [--heartbeat 60 --grace 120] [--only optuna]
where PYTHON has optuna 5.0.0: bench/peers/install.py optuna-tpe makes ~/.cache/qalam/peers/optuna/bin/python.
"""
import argparse
import collections
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
import warnings

import kills

WORKERS, VALUES, PAUSE = 4, 20, 0.05
# That of kills.py, which says in the ledger when it started too.
TRIAL = kills.TRIAL.replace('"start $QALAM_ATTEMPT"', '"start $QALAM_ATTEMPT $(date +%s.%N)"')


class Row:
    """What came of one contender."""

    def __init__(self, name):
        self.name, self.kills, self.done, self.wanted = name, 0, 0, 0
        self.lost, self.twice, self.stuck, self.stuck_later, self.thrown_away = 0, 0, 0, 0, 0
        self.resume, self.seconds = [], 0.0

    def text(self):
        resume = "-"
        if self.resume:
            resume = f"{statistics.median(self.resume):.2f} s, at most {max(self.resume):.2f} s"
        return (f"| {self.name} | {self.kills} | {self.done} of {self.wanted} | {self.lost} | {self.twice} | {self.stuck} | "
                f"{self.stuck_later} | {self.thrown_away} | {resume} | {self.seconds:.0f} s |")


HEAD = """| killed | kills | trials done | acknowledged values missing | begun or stored twice | RUNNING at the end | still after one more trial | \
values computed again | work goes on after (median) | whole run |
|---|---|---|---|---|---|---|---|---|---|"""


def read_ledger(path):
    """({attempt: start time}, {attempt: values}); each line is a word, an attempt and a value."""
    starts, printed = {}, collections.defaultdict(list)
    for line in path.read_text().splitlines():
        word, attempt, value = line.split()
        if word == "start":
            starts[attempt] = float(value)
        elif word == "print":
            printed[attempt].append(value)
    return starts, printed


# --- Qalam --------------------------------------------------------------------------------------------------------------


def shim_folders(world):
    """{folder of an attempt that has started and not ended: its shim}"""
    found = {}
    for started in world.folder.glob("qalam.db.d/runs/*/*/*/started"):
        if (started.parent / "exit.json").exists():
            continue
        for line in started.read_text().splitlines():
            if line.startswith("shim="):
                found[str(started.parent)] = int(line[5:].split()[0])
    return found


def qalam(args, whom):
    row = Row(f"qalam: {'the controller' if whom == 'controller' else 'the supervisor of a trial'}")
    row.wanted = args.kills * 3 + 30
    folder = pathlib.Path(tempfile.mkdtemp(prefix="qalam-beside-"))
    world = kills.World(folder, args.qalam, WORKERS, row.wanted, script=TRIAL)
    rng, begun = random.Random(1), time.monotonic()
    controller, lost = world.start(), {}
    while row.kills < args.kills and controller.poll() is None:
        time.sleep(rng.uniform(0.3, 1.0))
        if whom == "controller":
            controller.send_signal(signal.SIGKILL)
            controller.wait()
            at = time.monotonic()
            controller = world.start()
            while not kills.answers(f"{world.db}.sock") and controller.poll() is None:
                time.sleep(0.002)
            row.resume.append(time.monotonic() - at)
        else:
            alive = shim_folders(world)
            if not alive:
                continue
            # A trial whose supervisor dies three times in a row is given up, as it is told: that is not looked at here.
            twice_at_most = [path for path in sorted(alive) if int(path.rsplit("/", 1)[1]) < 3]
            if not twice_at_most:
                continue
            victim = rng.choice(twice_at_most)
            try:
                os.kill(alive[victim], signal.SIGKILL)
            except ProcessLookupError:
                continue
            lost[victim] = time.time()
        row.kills += 1
    code = controller.wait(timeout=600)
    row.seconds = time.monotonic() - begun
    if code != 0:
        sys.exit(f"qalam ended with {code}: {(folder / 'stderr').read_text()[-1000:]}")

    starts, printed = read_ledger(world.ledger)
    for victim, at in lost.items():
        below, number = victim.rsplit("/", 1)
        following = [t for name, t in starts.items() if name.endswith("/".join(below.rsplit("/", 2)[1:]) + f"/{int(number) + 1}")]
        row.resume += [t - at for t in following]
    states = dict(world.rows("SELECT name, status FROM trials"))
    row.done = sum(state == "Succeeded" for state in states.values())
    row.stuck = row.stuck_later = sum(state == "Running" for state in states.values())
    stored = collections.defaultdict(list)
    for trial, attempt, value in world.rows(
            "SELECT trial_name, attempt, value FROM observation_logs WHERE metric_name = 'loss' ORDER BY id"):
        stored[(trial, attempt)].append(value)
    last = dict(world.rows("SELECT trial_name, max(attempt) FROM steps GROUP BY trial_name"))
    for name, values in printed.items():
        trial, _, attempt = name.rsplit("/", 3)[1:]
        if int(attempt) != last[trial]:
            row.thrown_away += len(values)
            continue
        missing = collections.Counter(values) - collections.Counter(stored[(trial, int(attempt))])
        more = collections.Counter(stored[(trial, int(attempt))]) - collections.Counter(values)
        row.lost += missing.total()
        row.twice += more.total()
    shutil.rmtree(folder, ignore_errors=True)
    return row


# --- Optuna -------------------------------------------------------------------------------------------------------------


class Optuna:
    def __init__(self, folder, args):
        import optuna
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        warnings.simplefilter("ignore")
        self.optuna, self.args = optuna, args
        self.path, self.ledger = folder / "study.db", folder / "ledger"
        self.ledger.touch()
        optuna.create_study(study_name="torture", storage=self.storage(), direction="minimize")

    def storage(self):
        storages = self.optuna.storages
        return storages.RDBStorage(
            f"sqlite:///{self.path}", engine_kwargs={"connect_args": {"timeout": 120}},
            heartbeat_interval=self.args.heartbeat, grace_period=self.args.grace,
            heartbeat_stale_trial_callback=storages.RetryHeartbeatStaleTrialCallback())

    def say(self, *words):
        with open(self.ledger, "a", encoding="utf-8") as file:
            file.write(" ".join(map(str, words)) + "\n")

    def objective(self, trial):
        self.say("start", trial.number, time.time())
        self.say("by", trial.number, os.getpid())
        trial.suggest_float("lr", 0.01, 0.5)
        trial.suggest_int("layers", 1, 64)
        for i in range(1, VALUES + 1):
            value = f"0.{100 - i}"
            trial.report(float(value), i)
            self.say("print", trial.number, value)
            time.sleep(PAUSE)
        return 0.8

    def load(self, seed=None):
        return self.optuna.load_study(study_name="torture", storage=self.storage(),
                                      sampler=self.optuna.samplers.RandomSampler(seed=seed))

    def worker(self, wanted):
        """A process of its own, forked before anything of the database is open."""
        pid = os.fork()
        if pid == 0:
            os.setsid()
            enough = self.optuna.study.MaxTrialsCallback(wanted, states=(self.optuna.trial.TrialState.COMPLETE,))
            try:
                study = self.load()
                if sum(t.state.name == "COMPLETE" for t in study.get_trials(deepcopy=False)) < wanted:
                    study.optimize(self.objective, callbacks=[enough])
                os._exit(0)
            except BaseException as fault:  # it would be seen by whoever runs the worker
                print(f"a worker ended: {fault!r}", file=sys.stderr, flush=True)
                os._exit(1)
        return pid


def ended(pid):
    return os.waitpid(pid, os.WNOHANG)[0] != 0


def optuna(args):
    row = Row(f"optuna {args.heartbeat} s/{args.grace} s: a worker")
    row.wanted = args.kills * 3 + 30
    folder = pathlib.Path(tempfile.mkdtemp(prefix="optuna-beside-"))
    peer = Optuna(folder, args)
    rng, begun = random.Random(1), time.monotonic()
    workers, killed_at = [peer.worker(row.wanted) for _ in range(WORKERS)], {}
    while row.kills < args.kills:
        time.sleep(rng.uniform(0.3, 1.0))
        i = rng.randrange(WORKERS)
        if not ended(workers[i]):
            os.kill(workers[i], signal.SIGKILL)
            os.waitpid(workers[i], 0)
            row.kills += 1
            killed_at[workers[i]] = time.time()
        workers[i] = peer.worker(row.wanted)
    deadline = time.monotonic() + 900
    while workers and time.monotonic() < deadline:
        workers = [pid for pid in workers if not ended(pid)]
        time.sleep(0.05)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    row.seconds = time.monotonic() - begun

    trials = peer.load().get_trials(deepcopy=False)
    row.done = sum(t.state.name == "COMPLETE" for t in trials)
    row.stuck = sum(t.state.name == "RUNNING" for t in trials)
    starts, printed = read_ledger(peer.ledger)
    started = collections.Counter(
        line.split()[1] for line in peer.ledger.read_text().splitlines() if line.startswith("start "))
    by = dict(line.split()[1:] for line in peer.ledger.read_text().splitlines() if line.startswith("by "))
    for t in trials:
        mine = printed[str(t.number)]
        row.lost += len(set(mine) - {f"{value:.2f}" for value in t.intermediate_values.values()})
        row.twice += max(0, started[str(t.number)] - 1)
        if t.state.name != "COMPLETE":
            row.thrown_away += len(mine)
        history = t.system_attrs.get("retry_history")
        if history and str(t.number) in starts:
            killed = killed_at.get(int(by.get(str(history[-1]), 0)))
            if killed:
                row.resume.append(starts[str(t.number)] - killed)
    time.sleep(args.grace + args.heartbeat)  # whoever is dead is stale by now, and one more trial looks for them
    peer.load().optimize(peer.objective, n_trials=1)
    left = [t._trial_id for t in peer.load().get_trials(deepcopy=False) if t.state.name == "RUNNING"]
    row.stuck_later = len(left)
    if left:
        with sqlite3.connect(peer.path) as db:
            beats = {number for (number,) in db.execute("SELECT trial_id FROM trial_heartbeats")}
        print(f"{sum(number not in beats for number in left)} of {len(left)} that are stuck never had a heartbeat",
              file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qalam", default="build/release/qalam")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--heartbeat", type=int, default=60, help="Optuna's heartbeat_interval in seconds (60: its manual's)")
    parser.add_argument("--grace", type=int, default=120, help="Optuna's grace_period in seconds (120: its manual's)")
    parser.add_argument("--only", choices=["qalam", "optuna"])
    args = parser.parse_args()
    args.qalam = os.path.abspath(args.qalam)
    print(HEAD, flush=True)
    if args.only != "optuna":
        print(qalam(args, "controller").text(), flush=True)
        print(qalam(args, "shim").text(), flush=True)
    if args.only != "qalam":
        print(optuna(args).text(), flush=True)


if __name__ == "__main__":
    main()
