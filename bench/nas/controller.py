#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""controller.py [--trials 300] [--seeds 3] [--searches rl,random] --out DIR: does the controller of `enas` learn?

Runs examples/nas/enas.yaml with `qalam run`, each search with the same seeds, one trial at a time: real networks, trained
on digits. A reward is the validation accuracy of a network. Tells the mean reward of each hundred networks, and the
paired differences to the last search. What is in DIR already is not run again; DIR/rewards.csv has all of it.
QALAM names the program.
"""
import argparse
import csv
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--searches", default="rl,random")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    searches, seeds = args.searches.split(","), range(1, args.seeds + 1)
    found = {(search, seed): rewards(search, seed, args.trials, args.out) for seed in seeds for search in searches}
    with open(os.path.join(args.out, "rewards.csv"), "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["search", "seed", "trial", "accuracy"])
        for (search, seed), values in found.items():
            table.writerows([search, seed, number, value] for number, value in enumerate(values, 1))
    blocks = range(0, args.trials, 100)
    print("search,seed," + ",".join(f"mean of {at + 1}-{min(at + 100, args.trials)}" for at in blocks) + ",best")
    for (search, seed), values in found.items():
        means = [statistics.mean(values[at:at + 100]) for at in blocks]
        print(f"{search},{seed}," + ",".join(f"{mean:.4f}" for mean in means) + f",{max(values):.4f}")
    for search in searches[:-1]:
        gains = [statistics.mean(found[search, seed][-100:]) - statistics.mean(found[searches[-1], seed][-100:])
                 for seed in seeds]
        print(f"{search} above {searches[-1]} in its last 100, seed by seed: " + ", ".join(f"{gain:+.4f}" for gain in gains))


if __name__ == "__main__":
    main()
