# SPDX-License-Identifier: Apache-2.0
"""Descends Rosenbrock's valley with one of three optimizers. Not every optimizer has every setting: the experiment says
which, and what this program is told of the others. No packages are needed."""
import argparse
import json
import math
import os

parser = argparse.ArgumentParser()
parser.add_argument("--optimizer", choices=["sgd", "adam", "rmsprop"], required=True)
parser.add_argument("--lr", type=float, required=True)
parser.add_argument("--momentum", type=float, required=True)
parser.add_argument("--nesterov", choices=["yes", "no"], required=True)
parser.add_argument("--beta2", type=float, required=True)
told = parser.parse_args()
print("told " + json.dumps(vars(told), sort_keys=True))
with open(os.environ["QALAM_PARAMS_JSON"], encoding="utf-8") as file:
    print("file " + json.dumps(json.load(file), sort_keys=True))


def value(x, y):
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


def slope(x, y):
    return [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]


at, speed, square = [-1.2, 1.0], [0.0, 0.0], [0.0, 0.0]
for step in range(1, 301):
    ahead = [a + told.momentum * s for a, s in zip(at, speed)] if told.nesterov == "yes" else at
    for i, g in enumerate(slope(*ahead)):
        square[i] = told.beta2 * square[i] + (1 - told.beta2) * g * g
        if told.optimizer == "sgd":
            speed[i] = told.momentum * speed[i] - told.lr * g
        elif told.optimizer == "rmsprop":
            speed[i] = -told.lr * g / (math.sqrt(square[i]) + 1e-8)
        else:
            speed[i] = 0.9 * speed[i] - 0.1 * told.lr * g / (math.sqrt(square[i] / (1 - told.beta2**step)) + 1e-8)
        at[i] = max(-1e3, min(1e3, at[i] + speed[i]))
print(f"loss={math.log10(value(*at) + 1e-12)}")
