# SPDX-License-Identifier: Apache-2.0
"""Methods that call a function: they run in a thread of their own, one point at a time."""
import queue
import random
import threading

from .contract import Failures, Peer, peer


class Callback(Peer):
    """`search(f, start, rng)` minimises f over the unit cube from `start`; it is begun again, from a random point, where
    it returns. The first start is random too: the centre of a box is where test functions are easy."""

    def __init__(self, task, search):
        self.task, self.failures = task, Failures()
        self.points, self.values = queue.Queue(), queue.Queue()
        self.waiting, self.closed = False, False
        self.rng = random.Random(task.seed)
        threading.Thread(target=self.work, args=(search,), daemon=True).start()

    def work(self, search):
        def function(unit):
            self.points.put([float(u) for u in unit])
            value = self.values.get()
            if value is None:
                raise SystemExit
            return value

        idle = 0
        while not self.closed and idle < 100:  # a search that asks for nothing, again and again, is at its end
            before = self.asked
            try:
                search(function, [self.rng.random() for _ in self.task.parameters], self.rng)
            except SystemExit:
                return
            except Exception as fault:  # told to whoever asks next
                self.points.put(fault)
                return
            idle = idle + 1 if self.asked == before else 0
        self.points.put(RuntimeError("it proposes no more points"))

    asked = 0

    def ask(self):
        if self.waiting:
            return None
        unit = self.points.get()
        if isinstance(unit, Exception):
            raise unit
        self.waiting = True
        self.asked += 1
        return unit, self.task.from_unit(unit)

    def tell(self, _, __, value):
        self.waiting = False
        self.values.put(self.failures.number(value))

    def close(self):
        self.closed = True
        self.values.put(None)


@peer("scipy-nelder-mead")
def scipy_nelder_mead(task):
    from scipy.optimize import minimize

    box = [(0, 1)] * len(task.parameters)
    return Callback(task, lambda f, start, _: minimize(f, start, method="Nelder-Mead", bounds=box))


@peer("scipy-lbfgs")
def scipy_lbfgs(task):
    from scipy.optimize import minimize

    box = [(0, 1)] * len(task.parameters)
    return Callback(task, lambda f, start, _: minimize(f, start, method="L-BFGS-B", bounds=box))


@peer("bobyqa")
def bobyqa(task):
    import numpy
    import pybobyqa

    dimension = len(task.parameters)
    box = numpy.zeros(dimension), numpy.ones(dimension)

    def search(function, start, _):
        inside = numpy.clip(start, 0.1, 0.9)  # a trust region of a tenth must fit
        pybobyqa.solve(function, inside, bounds=box, rhobeg=0.1, maxfun=task.budget or 10_000, do_logging=False,
                       seek_global_minimum=False)

    return Callback(task, search)


@peer("pycma-lq")
def pycma_lq(task):
    import cma

    def search(function, start, rng):
        cma.fmin_lq_surr(function, start, 0.25, {"bounds": [0, 1], "verbose": -9, "seed": rng.randrange(1, 2**31),
                                                 "maxfevals": task.budget or 10_000})

    return Callback(task, search)
