# SPDX-License-Identifier: Apache-2.0
"""Evolution: portfolios, populations and strategies."""
import math

from .contract import Failures, Peer, flat, nested, peer


class Nevergrad(Peer):
    def __init__(self, task):
        import nevergrad as ng

        def leaf(p):
            if p.kind == "choice":
                return ng.p.Choice(p.choices)
            axis = (ng.p.Log if p.log else ng.p.Scalar)(lower=p.low, upper=p.high)
            return axis.set_integer_casting() if p.kind == "int" else axis

        axes = nested(task.parameters, leaf, lambda _, options: ng.p.Choice(
            [ng.p.Dict(value=option["value"], below=ng.p.Dict(**option["below"])) for option in options]))
        self.failures = Failures()
        space = ng.p.Dict(**axes)
        space.random_state.seed(task.seed % 2**32)
        self.optimizer = ng.optimizers.NGOpt(space, budget=task.budget, num_workers=task.workers)

    def ask(self):
        candidate = self.optimizer.ask()
        return candidate, flat(candidate.value)

    def tell(self, candidate, _, value):
        self.optimizer.tell(candidate, self.failures.number(value))

    def tell_foreign(self, values, value):
        child = self.optimizer.parametrization.spawn_child(new_value=values)
        self.optimizer.tell(child, self.failures.number(value))


@peer("nevergrad-ngopt")
def nevergrad_ngopt(task):
    return Nevergrad(task)


class PyGlove(Peer):
    """Of its algorithms' own kind: they maximise what they are told, and want a number for a failure."""

    def __init__(self, task, algorithm):
        import pyglove as pg

        axes = {}
        for p in task.parameters:
            if p.kind == "choice":
                axes[p.name] = pg.oneof(p.choices)
            elif p.kind == "int" and not p.log:
                axes[p.name] = pg.oneof(list(range(p.low, p.high + 1)))
            else:
                axes[p.name] = pg.floatv(p.low, p.high, scale="log" if p.log else None)
        self.template, self.algorithm, self.failures = pg.template(pg.Dict(axes)), algorithm(pg), Failures()
        self.algorithm.setup(self.template.dna_spec())

    def ask(self):
        dna = self.algorithm.propose()
        return dna, dict(self.template.decode(dna))

    def tell(self, dna, _, value):
        self.algorithm.feedback(dna, -self.failures.number(value))


@peer("pyglove-evolution")
def pyglove_evolution(task):
    return PyGlove(task, lambda pg: pg.evolution.regularized_evolution(
        pg.evolution.mutators.Uniform(seed=task.seed), seed=task.seed))


@peer("pyglove-evolution-30")
def pyglove_evolution_30(task):
    return PyGlove(task, lambda pg: pg.evolution.regularized_evolution(
        pg.evolution.mutators.Uniform(seed=task.seed), population_size=30, seed=task.seed))


@peer("pyglove-hill-climb")
def pyglove_hill_climb(task):
    return PyGlove(task, lambda pg: pg.evolution.hill_climb(
        pg.evolution.mutators.Uniform(seed=task.seed), seed=task.seed))


@peer("pyglove-random")
def pyglove_random(task):
    return PyGlove(task, lambda pg: pg.geno.Random(seed=task.seed))


class Generations(Peer):
    """Of a strategy in the unit cube, where whole numbers are rounded, that is told of a whole generation at once. One
    that is full and not told of is left: the next points are drawn from the same distribution."""

    def __init__(self, task, size):
        self.task, self.size, self.told, self.failures = task, size, [], Failures()

    def ask(self):
        unit, key = self.draw()
        return key, self.task.from_unit(unit)

    def tell(self, key, _, value):
        self.told.append((key, self.failures.number(value)))
        if len(self.told) == self.size:
            generation, self.told = self.told, []
            self.update(generation)


class Cmaes(Generations):
    def __init__(self, task):
        import cmaes
        import numpy

        dimension = len(task.parameters)
        # The centre and a sixth of the box, as Optuna starts it; integers by their margin.
        steps = [0.0 if p.kind == "real" else 1.0 / max(1, p.high - p.low) for p in task.parameters]
        bounds = numpy.array([[0.0, 1.0]] * dimension)
        start = {"mean": numpy.full(dimension, 0.5), "sigma": 1 / 6, "bounds": bounds, "seed": task.seed}
        self.restart = lambda: cmaes.CMAwM(steps=numpy.array(steps), **start) if any(steps) else cmaes.CMA(**start)
        self.strategy = self.restart()
        self.with_margin = any(steps)
        super().__init__(task, self.strategy.population_size)

    def draw(self):
        if self.strategy.should_stop():
            self.strategy = self.restart()
        if self.with_margin:
            # The grid of a finite axis of n levels is i / (n - 1): the middles of n equal shares of the axis.
            unit, key = self.strategy.ask()
            return [u if p.kind == "real" else self.middle(p, u)
                    for p, u in zip(self.task.parameters, unit)], key
        unit = self.strategy.ask()
        return unit, unit

    @staticmethod
    def middle(p, unit):
        levels = p.high - p.low + 1
        value = p.low + int(round(unit * (levels - 1)))
        return p.to_unit(p.choices[value] if p.kind == "choice" else value)

    def update(self, generation):
        self.strategy.tell(generation)


@peer("pycmaes")
def cmaes_package(task):
    return Cmaes(task)


class Pycma(Generations):
    def __init__(self, task):
        import cma

        options = {"seed": task.seed + 1, "bounds": [0, 1], "verbose": -9, "CMA_diagonal": 0}
        options["maxfevals"] = task.budget or math.inf
        self.new = lambda: cma.CMAEvolutionStrategy([0.5] * len(task.parameters), 0.25, dict(options))
        self.strategy = self.new()
        super().__init__(task, self.strategy.popsize)

    def draw(self):
        unit = self.strategy.ask(1)[0]
        return unit, unit

    def update(self, generation):
        self.strategy.tell([key for key, _ in generation], [value for _, value in generation])
        if self.strategy.stop(ignore_list=["maxfevals"]):
            self.strategy = self.new()


@peer("pycma")
def pycma(task):
    return Pycma(task)
