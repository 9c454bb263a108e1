#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job measured: how fast trials go through, what the controller costs, how it starts and what it holds.

Every figure of Qalam stands beside its target and, where there is one, beside a bare fork/exec loop with the same
fsyncs and beside Optuna with SQLite storage, taken in the same run, in turns. The command of a trial prints one metric
and ends. Figures go to OUT/main_job.json, the table to stdout. See docs/benchmarks.md for how they are taken.
"""
import argparse
import ctypes
import glob
import json
import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TICK = os.sysconf("SC_CLK_TCK")
OPTUNA = "optuna==5.0.0"
TRIAL_ENDED = re.compile(r"^#\d+ ")  # the line that `qalam run` prints for each trial on a pipe


def write_experiment(path, command, trials, parallel):
    """A plain Katib Experiment: one parameter, random search, a Job."""
    words = "".join(f"                  - {json.dumps(word.replace('{x}', '${trialParameters.x}'))}\n" for word in command)
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: bench
spec:
  objective: {{type: minimize, objectiveMetricName: loss}}
  algorithm: {{algorithmName: random, algorithmSettings: [{{name: random_state, value: "1"}}]}}
  parallelTrialCount: {parallel}
  maxTrialCount: {trials}
  maxFailedTrialCount: {trials}
  parameters:
    - {{name: x, parameterType: double, feasibleSpace: {{min: "0", max: "1"}}}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{{name: x, reference: x}}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - name: main
                image: none
                command:
{words}""")


def cpu_of(pid):
    """User and system seconds of one process, all its threads, none of its children."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_of(pid):
    """Resident megabytes."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024


class Run:
    """One `qalam run`, its output read line by line."""

    def __init__(self, bench, name, command, trials, parallel):
        self.folder = bench.fresh(name)
        self.db = os.path.join(self.folder, "qalam.db")
        spec = os.path.join(self.folder, "experiment.yaml")
        write_experiment(spec, command, trials, parallel)
        self.trials = trials
        self.begin = time.time()
        self.log = open(os.path.join(self.folder, "stderr"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([bench.qalam, "run", spec, "--db", self.db], stdout=subprocess.PIPE,
                                        stderr=self.log, stdin=subprocess.DEVNULL, text=True, cwd=self.folder)

    def finish(self, every=0):
        """(seconds, controller CPU, samples): samples are (finished, seconds, CPU, RSS) about every `every` trials."""
        samples, ended = [], 0
        for line in self.process.stdout:
            if TRIAL_ENDED.match(line):
                ended += 1
                if every and ended % every == 0:
                    samples.append((ended, time.time() - self.begin, cpu_of(self.process.pid), memory_of(self.process.pid)))
        os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        seconds, cpu = time.time() - self.begin, cpu_of(self.process.pid)  # a zombie still tells its times
        code = self.process.wait()
        if code != 0:
            self.log.seek(0)
            raise RuntimeError(f"qalam run ended with {code}: {self.log.read()[-2000:]}")
        count = self.count("Succeeded")
        if count != self.trials:
            raise RuntimeError(f"{count} of {self.trials} trials succeeded")
        return seconds, cpu, samples

    def count(self, status):
        try:
            with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True, timeout=10) as db:
                return db.execute("SELECT count(*) FROM trials WHERE status = ?", (status,)).fetchone()[0]
        except sqlite3.OperationalError:
            return 0  # not made yet

    def stop(self):
        for _ in range(2):  # the first pauses, the second stops the running trials
            self.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        self.process.stdout.read()
        self.process.wait(timeout=120)


class Bench:
    def __init__(self, args):
        self.build = os.path.realpath(args.build)
        self.out = os.path.realpath(args.out)
        self.qalam = os.path.join(self.build, "qalam")
        self.quick = args.quick
        self.rounds = args.rounds
        self.figures = {}
        self.rows = []
        os.makedirs(self.out, exist_ok=True)
        self.work = os.path.join(os.path.realpath(args.work or self.out), "work")
        self.folders = 0
        if os.path.exists(self.work):
            shutil.rmtree(self.work)
            self.say("an earlier run's files were removed: an ext4 without a journal makes files slowly beside inodes that "
                     "were freed in the last five minutes; wait, or name another file system with --work")
        # Shims outlive the controller and would go to init: here they come to us, so that we can count and end them.
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)

    def fresh(self, name):
        """A folder of its own for each turn. All go at the end of the run: see __init__."""
        self.folders += 1
        folder = os.path.join(self.work, f"{self.folders}-{name}")
        os.makedirs(folder)
        return folder

    def left_behind(self):
        """Ends and counts the processes that a run left to us."""
        left, deadline = 0, time.time() + 5
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    if time.time() < deadline:
                        time.sleep(0.02)
                        continue
                    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
                        children = [int(pid) for pid in file.read().split()]
                    for pid in children:
                        os.kill(pid, signal.SIGKILL)
                        os.waitpid(pid, 0)
                        left += 1
            except ChildProcessError:
                return left

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def row(self, name, measured, target="", verdict=None, beside=""):
        self.rows.append((name, measured, target, {True: "reached", False: "MISSED", None: ""}[verdict], beside))

    # --- the parts ---------------------------------------------------------------------------------------------------

    def program(self):
        size = os.path.getsize(self.qalam) / 1e6
        libraries = sorted(line.split()[0] for line in
                           subprocess.run(["ldd", self.qalam], capture_output=True, text=True, check=False).stdout.splitlines()
                           if "=>" in line)
        times = []
        for _ in range(50):
            begin = time.perf_counter()
            subprocess.run([self.qalam, "--version"], stdout=subprocess.DEVNULL, check=True)
            times.append((time.perf_counter() - begin) * 1e3)
        version = statistics.median(times)
        self.figures["program"] = {"megabytes": size, "libraries": libraries, "version_ms": version}
        self.row("program", f"{size:.1f} MB", "< 30 MB", size < 30)
        self.row("shared libraries", ", ".join(libraries), "libc and libm", set(libraries) <= {"libc.so.6", "libm.so.6"})
        self.row("qalam --version", f"{version:.1f} ms", "< 15 ms", version < 15)

    def start(self):
        times = []
        for _ in range(5 if self.quick else 20):
            run = Run(self, "start", ["/bin/sh", "-c", "date +%s.%N; echo loss={x}"], 1, 1)
            run.finish()
            logs = glob.glob(os.path.join(run.folder, "qalam.db.d", "**", "output.log"), recursive=True)
            with open(logs[0], encoding="ascii") as file:
                times.append((float(file.readline()) - run.begin) * 1e3)
            self.left_behind()
        median = statistics.median(times)
        self.figures["start_ms"] = {"median": median, "all": times}
        self.row("exec to first command running", f"{median:.0f} ms", "< 150 ms", median < 150,
                 f"worst of {len(times)}: {max(times):.0f}")

    def one(self, who, parallel, count):
        """{"rate", "cpu_ms" (of the controller), "total_cpu_ms" (with the commands)} of one turn."""
        before = sum(os.times()[2:4])
        if who == "qalam":
            seconds, cpu, _ = Run(self, "rate", ["/bin/echo", "loss={x}"], count, parallel).finish()
            result = {"count": count, "seconds": seconds, "cpu_self": cpu}
        elif who == "optuna":
            db = os.path.join(self.fresh("optuna"), "study.db")
            result = self.json_of([os.path.join(self.out, "optuna", "bin", "python"), os.path.join(HERE, "optuna_peer.py"),
                                   "--db", db, "--parallel", str(parallel), "--count", str(count), "--",
                                   "/bin/echo", "loss={x}"])
        else:
            result = self.json_of([os.path.join(self.build, "bench_bare_loop"), "--folder", self.fresh("bare"),
                                   "--parallel", str(parallel), "--count", str(count), "--", "/bin/echo", "loss=0.5"])
        left = self.left_behind()
        if left:
            raise RuntimeError(f"{who} left {left} processes behind")
        total = result.get("cpu_all", sum(os.times()[2:4]) - before)  # Optuna's without the time to import it
        return {"rate": result["count"] / result["seconds"], "cpu_ms": 1e3 * result["cpu_self"] / result["count"],
                "total_cpu_ms": 1e3 * total / result["count"]}

    def json_of(self, command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]}: {done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def rates(self):
        peers = ["bare", "qalam"] + (["optuna"] if self.install_optuna() else [])
        counts = {"bare": {1: 200, 8: 800}, "qalam": {1: 200, 8: 800}, "optuna": {1: 30, 8: 80}}
        turns = {}
        for turn in range(self.rounds):
            for parallel in (1, 8):
                for who in peers:
                    count = counts[who][parallel] // (4 if self.quick else 1)
                    one = self.one(who, parallel, count)
                    turns.setdefault(f"{who}_{parallel}", []).append(one)
                    self.say(f"round {turn + 1}/{self.rounds}: {who}, {parallel} in parallel: {one['rate']:.0f} trials/s, "
                             f"{one['cpu_ms']:.2f} ms CPU a trial")
        self.figures["turns"] = turns

        def median(key, what):
            return statistics.median(turn[what] for turn in turns[key]) if key in turns else float("nan")

        for parallel in (1, 8):
            ratio = statistics.median(q["rate"] / b["rate"] for q, b in
                                      zip(turns[f"qalam_{parallel}"], turns[f"bare_{parallel}"]))
            self.figures[f"ratio_to_bare_{parallel}"] = ratio
            beside = f"bare {median(f'bare_{parallel}', 'rate'):.0f}/s, Optuna {median(f'optuna_{parallel}', 'rate'):.1f}/s"
            self.row(f"trials/s, {parallel} in parallel", f"{median(f'qalam_{parallel}', 'rate'):.0f}/s",
                     "goal 300/s" if parallel == 8 else "", None, beside)
            if parallel == 8:
                self.row("... of the bare loop's rate", f"{ratio:.2f}", ">= 0.5", ratio >= 0.5)
            cpu = median(f"qalam_{parallel}", "cpu_ms")
            self.row(f"controller CPU a trial, {parallel} in parallel", f"{cpu:.2f} ms", "< 5 ms", cpu < 5,
                     f"bare {median(f'bare_{parallel}', 'cpu_ms'):.2f}, Optuna {median(f'optuna_{parallel}', 'cpu_ms'):.1f}")
            self.row(f"all CPU a trial, {parallel} in parallel", f"{median(f'qalam_{parallel}', 'total_cpu_ms'):.2f} ms", "",
                     None, f"bare {median(f'bare_{parallel}', 'total_cpu_ms'):.2f}, "
                           f"Optuna {median(f'optuna_{parallel}', 'total_cpu_ms'):.1f}")

    def install_optuna(self):
        python = os.path.join(self.out, "optuna", "bin", "python")
        probe = [python, "-c", "import optuna, sys; sys.exit(optuna.__version__ != '5.0.0')"]
        if os.path.exists(python) and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return True
        self.say(f"making a virtual environment with {OPTUNA}")
        for command in ([sys.executable, "-m", "venv", "--clear", os.path.join(self.out, "optuna")],
                        [python, "-m", "pip", "install", "-q", OPTUNA]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                self.say(f"no Optuna in this run: {(done.stderr or done.stdout).strip()[-400:]}")
                return False
        return True

    def memory(self):
        run = Run(self, "idle", ["/bin/sleep", "300"], 1, 1)
        self.wait_for(run, 1)
        time.sleep(1)
        idle = memory_of(run.process.pid)
        before = cpu_of(run.process.pid)
        time.sleep(3)
        idle_cpu = (cpu_of(run.process.pid) - before) / 3
        run.stop()
        self.left_behind()
        self.row("resident memory, one trial waiting", f"{idle:.0f} MB", "< 40 MB", idle < 40,
                 f"{100 * idle_cpu:.1f} % of a core")

        many = 100 if self.quick else 1000
        run = Run(self, "many", ["/bin/sleep", "300"], many, many)
        seconds = self.wait_for(run, many)
        time.sleep(2)
        running = memory_of(run.process.pid)
        before = cpu_of(run.process.pid)
        time.sleep(3)
        running_cpu = (cpu_of(run.process.pid) - before) / 3
        run.stop()
        left = self.left_behind()
        self.figures["memory_mb"] = {"idle": idle, "running": running, "running_trials": many, "idle_cpu": idle_cpu,
                                     "running_cpu": running_cpu, "launch_seconds": seconds, "left": left}
        self.row(f"resident memory, {many} running", f"{running:.0f} MB", "< 150 MB", running < 150,
                 f"launched in {seconds:.1f} s; {100 * running_cpu:.1f} % of a core; {left} left when stopped")

    def wait_for(self, run, running):
        deadline = time.time() + 180
        while run.count("Running") < running:
            if run.process.poll() is not None or time.time() > deadline:
                raise RuntimeError(f"{run.count('Running')} of {running} trials came to run")
            time.sleep(0.1)
        return time.time() - run.begin

    def long(self):
        trials = 2000 if self.quick else 20000
        run = Run(self, "long", ["/bin/echo", "loss={x}"], trials, 8)
        seconds, cpu, samples = run.finish(every=trials // 80)
        self.left_behind()
        # The first eighth after a warm-up of one part in forty, and the last eighth.
        warm, width = trials // 40, trials // 8

        def per_trial(first, last, column):
            inside = [s for s in samples if first <= s[0] <= last]
            return 1e3 * (inside[-1][column] - inside[0][column]) / (inside[-1][0] - inside[0][0])

        wall = [per_trial(warm, warm + width, 1), per_trial(trials - width, trials, 1)]
        work = [per_trial(warm, warm + width, 2), per_trial(trials - width, trials, 2)]
        memory = samples[-1][3]
        self.figures["long"] = {"trials": trials, "seconds": seconds, "cpu": cpu, "wall_ms": wall, "cpu_ms": work,
                                "memory_mb": memory, "samples": samples}
        self.row(f"{trials} trials, end against start: time", f"{wall[1] / wall[0]:.2f}x", "<= 1.3x", wall[1] / wall[0] <= 1.3,
                 f"{wall[0]:.2f} -> {wall[1]:.2f} ms a trial; {seconds:.0f} s in all")
        self.row(f"{trials} trials, end against start: CPU", f"{work[1] / work[0]:.2f}x", "<= 1.3x", work[1] / work[0] <= 1.3,
                 f"{work[0]:.2f} -> {work[1]:.2f} ms a trial")
        self.row(f"resident memory, {trials} finished", f"{memory:.0f} MB", "< 150 MB", memory < 150)

    def table(self):
        heads = ("what", "measured", "target", "", "beside it")
        widths = [max(len(row[i]) for row in self.rows + [heads]) for i in range(5)]
        for row in [heads] + self.rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--out", default="build/bench")
    parser.add_argument("--work", help="where the experiments lie while they run; OUT unless said: the disk to measure")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small counts: to see that it works, not to quote")
    parts = ["program", "start", "rates", "memory", "long"]
    parser.add_argument("--only", choices=parts, action="append", help="one part, may be said again")
    args = parser.parse_args()
    bench = Bench(args)
    load = os.getloadavg()[0]
    if load > 1:
        bench.say(f"the machine is busy (load {load:.1f}): times are worse than they could be; CPU and ratios less so")
    failed = []
    for part in parts:
        if not args.only or part in args.only:
            bench.say(f"-- {part}")
            try:
                getattr(bench, part)()
            except (RuntimeError, OSError, subprocess.SubprocessError) as fault:
                failed.append(part)
                bench.row(part, "failed", "", False, " ".join(str(fault).split())[-160:])
                bench.left_behind()
    bench.figures["load"] = load
    bench.figures["rows"] = bench.rows
    with open(os.path.join(bench.out, "main_job.json"), "w", encoding="utf-8") as file:
        json.dump(bench.figures, file, indent=1)
    shutil.rmtree(bench.work, ignore_errors=True)
    bench.table()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
