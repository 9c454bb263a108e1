#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""accuracy.py DIR... [--at 100,200,500]: what `qalam bench` found on tables of networks, in the tables' own unit.

For each problem and contender in the folders' runs: the mean over seeds of the accuracy (the worth) of the best trial after so
many, in how many runs the table's best network was tried, and after how many trials in the median run. Of a contender, the
seeds that every other one has too.
"""
import argparse
import csv
import math
import os
import statistics

BEST = {"nasbench201~cifar10": 91.6066667, "nasbench201~cifar100": 73.4933333, "nasbench_macro~cifar10": 93.1266667,
        "nasbench_graph~cora": 0.819333, "nasbench_graph~computers": 0.919, "nasbench_graph~cs": 0.921333,
        "nasbench_graph~proteins": 0.853333, "nasbench_graph~citeseer": 0.728, "nasbench_graph~pubmed": 0.811333}


def read(path):
    """Pairs of the value that was reported, minimised, and the accuracy that the network is worth."""
    with open(path, encoding="utf-8") as file:
        return [(float(row["value"] or "nan"), -float(row["worth"] or "nan")) for row in csv.DictReader(file)]


def best_after(run, trials):
    tried = [pair for pair in run[:trials] if not math.isnan(pair[0])]
    return min(tried, key=lambda pair: pair[0])[1] if tried else math.nan


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", metavar="DIR")
    parser.add_argument("--at", default="100,200,500")
    args = parser.parse_args()
    runs = {}  # problem -> contender -> seed -> run
    for folder in args.folders:
        for where, _, files in os.walk(os.path.join(folder, "runs")):
            for name in files:
                if name.endswith(".csv"):
                    problem, contender = where.split(os.sep)[-2:]
                    runs.setdefault(problem, {}).setdefault(contender, {})[name] = read(os.path.join(where, name))
    points = [int(point) for point in args.at.split(",")]
    print("| problem | contender | seeds | " + " | ".join(f"at {point}" for point in points) + " | best found | median |")
    print("|---|---|---|" + "---|" * (len(points) + 2))
    for problem, contenders in sorted(runs.items()):
        best, rows = BEST[problem.removeprefix("exact~")], []
        seeds = set.intersection(*(set(found) for found in contenders.values()))
        for contender, found in contenders.items():
            chosen = [found[seed] for seed in sorted(seeds)]
            means = [statistics.mean(best_after(run, point) for run in chosen) for point in points]
            first = [next((i for i, (_, worth) in enumerate(run, 1) if worth > best - 1e-4 * abs(best)), math.inf)
                     for run in chosen]
            hits = sum(math.isfinite(trials) for trials in first)
            median = statistics.median(first)
            rows.append((means, contender, hits, f"{median:.0f}" if math.isfinite(median) else "-"))
        for means, contender, hits, median in sorted(rows, reverse=True):
            print(f"| {problem.replace('~', '/')} | {contender} | {len(seeds)} | " +
                  " | ".join(f"{mean:.4f}" for mean in means) + f" | {hits} | {median} |")


if __name__ == "__main__":
    main()
