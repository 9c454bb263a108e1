#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bridge.py SOCKET: other people's optimizers for `qalam bench`, one after the other, by lines of JSON.

Runs in the peer's own environment and connects to SOCKET, where qalam listens. A request is one line, its answer the
next: {"new": PEER, "parameters": [...], "seed": 1, "budget": 100, "workers": 1} begins a run,
{"ask": N} wants points, {"tell": NUMBER, "point": {...}, "value": V} says what a point gave; NUMBER counts the points
asked for from 1, and is 0 for one that was not asked for; V is null where the trial failed. A peer that trains step by
step is begun with "steps", the length of a whole trial, and is asked {"next": true}, answered by {"job": {"trial":
NUMBER, "point": {...}, "until": STEPS}} or {"job": null}, {"report": NUMBER, "step": S, "value": V}, answered by
{"goesOn": true or false}, and {"end": NUMBER, "step": S, "value": V, "stopped": true or false}. An answer is
{"points": [...], "seconds": S, "bytes": B} with the processor seconds that it took and the most memory that the
process has had, or {"error": TEXT}. Values are text, as
qalam writes them. What peers print goes to the log.
"""
import json
import math
import os
import random
import resource
import socket
import sys
import time
import traceback
import warnings

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import adapters  # noqa: E402


class Parameter:
    """One axis. `kind`: "real" on [low, high], "int" from low to high, or "choice" of `choices`. Numbers that are
    listed (Katib's discrete) and steps are ordered: an int that counts them."""

    def __init__(self, spec):
        self.name = spec["name"]
        self.log = spec.get("distribution") in ("logUniform", "logNormal")
        self.choices, self.levels = [], []
        self.parent, self.condition = None, spec.get("condition")  # the parent is set once all are there
        kind = spec["type"]
        if kind == "categorical":
            self.kind, self.choices = "choice", spec["list"]
            self.low, self.high = 0, len(self.choices) - 1
        elif kind == "discrete":
            self.kind, self.levels = "int", sorted(spec["list"], key=float)
            self.low, self.high, self.log = 0, len(self.levels) - 1, False
        elif spec.get("step") and not (kind == "int" and float(spec["step"]) == 1):
            low, step = float(spec["min"]), float(spec["step"])
            count = int(math.floor((float(spec["max"]) - low) / step + 1e-9)) + 1
            number = int if kind == "int" else float
            self.kind, self.levels = "int", [repr(number(low + i * step)) for i in range(count)]
            self.low, self.high, self.log = 0, count - 1, False
        elif kind == "int":
            self.kind, self.low, self.high = "int", int(float(spec["min"])), int(float(spec["max"]))
            self.log = self.log and self.low > 0
        else:
            self.kind, self.low, self.high = "real", float(spec["min"]), float(spec["max"])

    def allowed(self, value):
        """Whether this value of its parent lets it be active."""
        relation, wanted = self.condition["relation"], self.condition["values"]
        if relation in ("in", "not in"):
            found = any(value == self.parent.value(text) for text in wanted)
            return found == (relation == "in")
        number, bound = float(self.parent.text(value)), float(wanted[0])
        return {">=": number >= bound, ">": number > bound, "<=": number <= bound, "<": number < bound}[relation]

    def active(self, values):
        """Of values by name that hold its active ancestors."""
        return self.parent is None or self.parent.name in values and self.allowed(values[self.parent.name])

    def text(self, value):
        """As qalam writes it. Rounding of the last digit beyond a bound is forgiven, nothing else."""
        if self.kind == "choice":
            return str(value)
        if value != value:
            raise ValueError(f"{self.name} is NaN")
        if self.kind == "int":
            number = int(round(float(value)))
            return self.levels[number] if self.levels and 0 <= number < len(self.levels) else str(number)
        value = float(value)
        slack = 1e-9 * max(abs(self.low), abs(self.high), self.high - self.low)
        if self.low - slack <= value <= self.high + slack:
            value = min(max(value, self.low), self.high)
        return repr(value)

    def value(self, text):
        if self.kind == "choice":
            return text
        if self.levels:
            return min(range(len(self.levels)), key=lambda i: abs(float(self.levels[i]) - float(text)))
        return int(float(text)) if self.kind == "int" else float(text)

    def from_unit(self, unit):
        """For peers that know boxes only: the value at a place in [0, 1]. Finite kinds have equal shares."""
        unit = min(max(float(unit), 0.0), 1.0)
        if self.kind == "choice":
            return self.choices[min(int(unit * len(self.choices)), len(self.choices) - 1)]
        if self.kind == "int":
            if self.log:
                value = math.exp(math.log(self.low - 0.5) + unit * math.log((self.high + 0.5) / (self.low - 0.5)))
                return min(max(int(round(value)), self.low), self.high)
            return min(self.low + int(unit * (self.high - self.low + 1)), self.high)
        if self.log:
            return math.exp(math.log(self.low) + unit * math.log(self.high / self.low))
        return self.low + unit * (self.high - self.low)

    def to_unit(self, value):
        if self.kind == "choice":
            return (self.choices.index(value) + 0.5) / len(self.choices)
        if self.kind == "int":
            if self.log:
                return math.log(value / (self.low - 0.5)) / math.log((self.high + 0.5) / (self.low - 0.5))
            return (value - self.low + 0.5) / (self.high - self.low + 1)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5


def parents_first(parameters):
    by_name = {p.name: p for p in parameters}
    ordered = []

    def place(parameter):
        if parameter in ordered:
            return
        if parameter.condition:
            parameter.parent = by_name[parameter.condition["parent"]]
            place(parameter.parent)
        ordered.append(parameter)

    for parameter in parameters:
        place(parameter)
    return ordered


class Run:
    """One peer on one problem: numbers its points, and turns text into values and back."""

    def __init__(self, request):
        self.parameters = parents_first([Parameter(spec) for spec in request["parameters"]])
        seed = int(request["seed"])
        random.seed(seed)
        try:
            import numpy

            numpy.random.seed(seed % 2**32)
        except ImportError:
            pass
        task = adapters.Task(self.parameters, seed % 2**31, request.get("budget"), int(request.get("workers", 1)))
        task.steps = int(request.get("steps", 0))
        self.peer = adapters.make(request["new"], task)
        self.at_work, self.asked = {}, 0

    def ask(self, count):
        points = []
        for _ in range(count):
            proposed = self.peer.ask()
            if proposed is None:  # not before it is told of one that is at work, or never more
                break
            key, values = proposed
            self.asked += 1
            self.at_work[self.asked] = key, values
            points.append({p.name: p.text(values[p.name]) for p in self.parameters if p.name in values})
        return points

    def tell(self, number, point, value):
        value = number_of(value)
        if number == 0:
            self.peer.tell_foreign({p.name: p.value(point[p.name]) for p in self.parameters if p.name in point}, value)
        else:
            key, values = self.at_work.pop(number)
            self.peer.tell(key, values, value)

    def next(self):
        job = self.peer.next()
        if job is None:
            return None
        number, values, until = job
        return {"trial": number, "point": {p.name: p.text(values[p.name]) for p in self.parameters if p.name in values},
                "until": until}

    def close(self):
        self.peer.close()


def number_of(value):
    return math.nan if value is None else float(value)


def answer(request, state):
    if "new" in request:
        if state.get("run"):
            state.pop("run").close()
        state["run"] = Run(request)
        return {}
    if "ask" in request:
        return {"points": state["run"].ask(int(request["ask"]))}
    if "next" in request:
        return {"job": state["run"].next()}
    if "report" in request:
        return {"goesOn": bool(state["run"].peer.report(int(request["report"]), int(request["step"]),
                                                        number_of(request["value"])))}
    if "end" in request:
        state["run"].peer.end(int(request["end"]), int(request["step"]), number_of(request["value"]),
                              bool(request["stopped"]))
        return {}
    state["run"].tell(int(request["tell"]), request["point"], request["value"])
    return {}


def main():
    warnings.simplefilter("ignore")
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(sys.argv[1])
    lines, state = stream.makefile("rw", encoding="utf-8"), {}
    for line in lines:
        before = time.process_time()
        try:
            reply = answer(json.loads(line), state)
        except Exception as fault:  # whatever a peer throws is its run's end, and no more
            traceback.print_exc()
            words = str(fault).strip().splitlines() or [""]
            reply = {"error": f"{type(fault).__name__}: {words[0]}"}
        reply["seconds"] = time.process_time() - before
        reply["bytes"] = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        lines.write(json.dumps(reply) + "\n")
        lines.flush()


if __name__ == "__main__":
    main()
    os._exit(0)  # threads of callback optimizers wait for values that never come
