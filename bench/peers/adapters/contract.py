# SPDX-License-Identifier: Apache-2.0
"""What an adapter is, and what several of them need."""
import math

MAKERS = {}
WORST_FACTOR = 2.0  # for peers that cannot be told of a failure: the worst so far, and as much again as its distance


class Task:
    def __init__(self, parameters, seed, budget, workers):
        self.parameters, self.seed, self.budget, self.workers = parameters, seed, budget, workers
        self.steps = 0  # of a whole trial, for those that train step by step

    def from_unit(self, units):
        return {p.name: p.from_unit(u) for p, u in zip(self.parameters, units)}

    def to_unit(self, values):
        return [p.to_unit(values[p.name]) for p in self.parameters]


class Peer:
    """ask() gives (key, values by name), or None when nothing can be proposed now; tell() gets them back."""

    def tell_foreign(self, values, value):
        raise NotImplementedError(f"{type(self).__name__} cannot be told of points that it did not propose")

    def close(self):
        pass


class Failures:
    """Stands in for NaN where a library takes none."""

    def __init__(self):
        self.best, self.worst = math.inf, -math.inf

    def number(self, value):
        if not math.isnan(value):
            self.best, self.worst = min(self.best, value), max(self.worst, value)
            return value
        if self.worst < self.best:
            return 1e10
        return self.best + WORST_FACTOR * max(self.worst - self.best, 1e-9 * max(1, abs(self.worst)))


def peer(name):
    def register(maker):
        MAKERS[name] = maker
        return maker

    return register


def make(name, task):
    if name not in MAKERS:
        raise KeyError(f"there is no peer {name}")
    return MAKERS[name](task)


def suggested(trial, parameters):
    """The values that a trial of Optuna's or Rustuna's proposes, by name."""
    values = {}
    for p in parameters:  # parents first
        if not p.active(values):
            continue
        if p.kind == "choice":
            values[p.name] = trial.suggest_categorical(p.name, p.choices)
        elif p.kind == "int":
            values[p.name] = trial.suggest_int(p.name, p.low, p.high, log=p.log)
        else:
            values[p.name] = trial.suggest_float(p.name, p.low, p.high, log=p.log)
    return values


def nested(parameters, leaf, choose, shared=False):
    """Axes by name, for peers whose choices hold what hangs below them: choose(p, options) of {"value": v, "below":
    axes}. What depends on a number is always there: it is dropped where it is not active."""
    below, made = {}, {}
    for p in parameters:
        if p.parent is not None and p.parent.kind == "choice":
            below.setdefault(p.parent.name, []).append(p)

    def build(p):
        if shared and p.name in made:
            return made[p.name]
        if p.name in below:
            made[p.name] = choose(p, [{"value": v, "below": {c.name: build(c) for c in below[p.name] if c.allowed(v)}}
                                      for v in p.choices])
        else:
            made[p.name] = leaf(p)
        return made[p.name]

    return {p.name: build(p) for p in parameters if p.parent is None or p.parent.kind != "choice"}


def flat(values):
    """The values by name of what nested() made the axes for."""
    out = {}
    for name, value in values.items():
        if isinstance(value, dict):
            out[name] = value["value"]
            out.update(flat(value["below"]))
        else:
            out[name] = value
    return out
