#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How soon a trial hears that it is to stop: from the moment it wrote the line that decided it to the SIGTERM.

    decisions.py --qalam build/release/qalam [--running 100] [--trials 300] [--lines 20] [--short]

So many trials run at once, each printing so many lines a second. Each notes when it wrote which line, and when SIGTERM
came; which line it was stands in its condition ("worse than 12 of 15 trials at step 8"). Printed: the distribution, the
program's CPU time for each line, and that every trial that was stopped was stopped for a line that it had written.
--short: few trials, and no word about the time: what is checked is the rest. Without it p99 must be below 50 ms.
"""
import argparse
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

TRIAL = """
import os, signal, sys, time
level, lines, rate, folder = float(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
wrote = []
def stop(*_):
    came = time.monotonic()
    with open(folder + "/" + os.environ["QALAM_TRIAL_NAME"], "w") as file:
        file.write(repr([came] + wrote))
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
due = time.monotonic() + level * lines / rate / 3  # not all at once
for step in range(1, lines + 1):
    time.sleep(max(0, due - time.monotonic()))
    due += 1 / rate
    line = b"epoch=%d loss=%.6f\\n" % (step, level + 1 / step)
    wrote.append(time.monotonic())
    os.write(1, line)
"""
# Lines of a whole trial, and from which on trials are judged: late, because those that take the places of the stopped
# ones share the machine with what is measured while their interpreters start.
LINES, JUDGED_FROM = 240, 100
SHORT_LINES, SHORT_JUDGED_FROM = 60, 10
P99_MS = 50


def experiment(folder, running, trials, rate, lines, judged_from):
    command = [sys.executable, "-S", "-E", f"{folder}/trial.py", "${trialParameters.x}", str(lines), str(rate),
               f"{folder}/heard"]
    return {
        "apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": "decisions"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "earlyStopping": {"algorithmName": "percentile", "algorithmSettings": [
                {"name": "percentile", "value": "50"}, {"name": "start_step", "value": str(judged_from)},
                {"name": "interval", "value": "5"}, {"name": "guard", "value": "off"}]},
            "parallelTrialCount": running, "maxTrialCount": trials,
            "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1"}}],
            "trialTemplate": {
                "primaryContainerName": "main", "trialParameters": [{"name": "x", "reference": "x"}],
                "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {
                    "containers": [{"name": "main", "image": "none", "command": command}],
                    "restartPolicy": "Never"}}}}}}}


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--qalam", required=True)
    parser.add_argument("--running", type=int, default=100)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--lines", type=float, default=20, help="a second, of each trial")
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    lines, judged_from = LINES, JUDGED_FROM
    if options.short:
        options.running, options.trials = 8, 24
        lines, judged_from = SHORT_LINES, SHORT_JUDGED_FROM
    qalam = os.path.abspath(options.qalam)
    with tempfile.TemporaryDirectory(prefix="qalam-decisions-") as folder:
        os.mkdir(folder + "/heard")
        pathlib.Path(folder, "trial.py").write_text(TRIAL)
        pathlib.Path(folder, "e.json").write_text(
            json.dumps(experiment(folder, options.running, options.trials, options.lines, lines, judged_from)))
        program = subprocess.Popen([qalam, "run", "e.json"], cwd=folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        begin, cpu = time.monotonic(), 0.0
        while program.poll() is None:
            try:
                cpu = cpu_seconds(program.pid)
            except (OSError, IndexError):
                pass
            time.sleep(0.05)
        took = time.monotonic() - begin
        out = program.stdout.read()
        if program.returncode != 0:
            sys.exit(f"qalam run failed:\n{out}")
        with sqlite3.connect(f"file:{folder}/qalam.db?mode=ro", uri=True) as db:
            reports = db.execute("SELECT count(*) FROM observation_logs").fetchone()[0]
            stopped = db.execute("SELECT name, message FROM trials WHERE status = 'EarlyStopped'").fetchall()
        latencies = []
        for name, message in stopped:
            step = int(re.search(r"at step (\d+)$", message)[1])
            heard = pathlib.Path(folder, "heard", name)
            if not heard.exists():
                sys.exit(f"{name} was stopped and never heard of it: {message}")
            came, *wrote = json.loads(heard.read_text())
            if step > len(wrote) or wrote[step - 1] > came:
                sys.exit(f"{name} was stopped for line {step}, and had written {len(wrote)}")
            latencies.append(1000 * (came - wrote[step - 1]))
        if len(latencies) < options.trials // 4:
            sys.exit(f"only {len(latencies)} of {options.trials} trials were stopped: this shows nothing\n{out}")
        p50, p90, p99 = (quantile(latencies, share) for share in (0.5, 0.9, 0.99))
        print(f"{len(stopped)} of {options.trials} trials stopped, {options.running} at once, {reports} lines in {took:.1f} s")
        print(f"from the line to the signal: p50 {p50:.1f} ms, p90 {p90:.1f} ms, p99 {p99:.1f} ms, "
              f"longest {max(latencies):.1f} ms")
        print(f"qalam: {cpu:.2f} s of CPU, {100 * cpu / took:.0f} % of one core, {1e6 * cpu / reports:.0f} µs a line, "
              f"trials and all; load {os.getloadavg()[0]:.1f}")
        if not options.short and p99 >= P99_MS:
            sys.exit(f"p99 is to be below {P99_MS} ms")


if __name__ == "__main__":
    main()
