#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""controller.py [--trials 300] [--seeds 5] [--searches rl,random] [--jobs 1] --out DIR: does the controller of `enas` learn?

Runs examples/nas/enas.yaml with `qalam run`, each search with the same seeds, one trial at a time: real networks, trained
on digits. A reward is the validation accuracy of a network. Tells the mean reward of each third of the run; and how far
each search is above the last one over the last third, seed by seed, with the p value of a paired t test (two-sided).
What is in DIR already is not run again; DIR/rewards.csv has all of it. QALAM names the program.
"""
import argparse
import concurrent.futures
import csv
import math
import os
import re
import sqlite3
import statistics
import subprocess

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
QALAM = os.environ.get("QALAM", "qalam")


def rewards(search, seed, trials, folder):
    """Of each network, in the order of the trials. The run is gone on with where it was interrupted."""
    name = f"{search}-{seed}"
    with open(os.path.join(ROOT, "examples/nas/enas.yaml"), encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"name: enas-digits", f"name: {name}", text)
    text = re.sub(r'- \{name: random_state, value: "1"\}',
                  f'- {{name: random_state, value: "{seed}"}}\n      - {{name: search, value: {search}}}', text)
    text = re.sub(r"parallelTrialCount: \d+", "parallelTrialCount: 1", text)
    experiment, database = os.path.join(folder, name + ".yaml"), os.path.join(folder, name + ".db")
    with open(experiment, "w", encoding="utf-8") as file:
        file.write(text)
    subprocess.run([QALAM, "run", experiment, "-n", str(trials), "--db", database], cwd=ROOT, check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT ordinal, CAST(value AS REAL) FROM trials JOIN observation_logs ON trial_name = name "
                          "WHERE metric_name = 'Validation-Accuracy' ORDER BY ordinal").fetchall()
    assert len(rows) == trials, f"{name} has {len(rows)} rewards of {trials}"
    return [value for _, value in rows]


def p_value(differences):
    """Of Student's t: how likely such a mean or a larger one is if there is no difference."""
    free, spread = len(differences) - 1, statistics.stdev(differences)
    if spread == 0:
        return math.nan
    t = abs(statistics.mean(differences)) / (spread / math.sqrt(len(differences)))
    # The density in x = sqrt(free) tan(a), by the midpoint rule from a(t) to pi / 2.
    scale = math.gamma((free + 1) / 2) / (math.sqrt(math.pi) * math.gamma(free / 2))
    begin, steps = math.atan(t / math.sqrt(free)), 10_000
    width = (math.pi / 2 - begin) / steps
    return 2 * scale * width * sum(math.cos(begin + (i + 0.5) * width) ** (free - 1) for i in range(steps))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--searches", default="rl,random")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    searches, seeds = args.searches.split(","), range(1, args.seeds + 1)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = {(search, seed): pool.submit(rewards, search, seed, args.trials, args.out)
                for seed in seeds for search in searches}
        found = {key: run.result() for key, run in runs.items()}
    with open(os.path.join(args.out, "rewards.csv"), "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["search", "seed", "trial", "accuracy"])
        for (search, seed), values in found.items():
            table.writerows([search, seed, number, value] for number, value in enumerate(values, 1))
    ends = [args.trials * part // 3 for part in range(4)]
    thirds = list(zip(ends, ends[1:]))
    print("search,seed," + ",".join(f"mean of {begin + 1}-{end}" for begin, end in thirds) + ",best")
    for search in searches:
        rows = [[statistics.mean(found[search, seed][begin:end]) for begin, end in thirds] + [max(found[search, seed])]
                for seed in seeds]
        for seed, row in zip(seeds, rows):
            print(f"{search},{seed}," + ",".join(f"{value:.4f}" for value in row))
        print(f"{search},all," + ",".join(f"{statistics.mean(column):.4f}" for column in zip(*rows)))
    begin = thirds[-1][0]
    for search in searches[:-1]:
        gains = [statistics.mean(found[search, seed][begin:]) - statistics.mean(found[searches[-1], seed][begin:])
                 for seed in seeds]
        print(f"{search} above {searches[-1]} over the last third, seed by seed: " +
              ", ".join(f"{gain:+.4f}" for gain in gains) + f"; mean {statistics.mean(gains):+.4f}" +
              (f", p = {p_value(gains):.2g}" if len(gains) > 1 else ""))


if __name__ == "__main__":
    main()
