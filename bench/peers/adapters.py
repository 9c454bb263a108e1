# SPDX-License-Identifier: Apache-2.0
"""The peers of `qalam bench`, a function each. What a library calls its defaults is left alone; what is not (a start, a
scale) is said beside it. Libraries are imported where they are used: each lives in an environment of its own."""
import math
import queue
import random
import shutil
import tempfile
import threading

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


# --- Optuna and what looks like it ----------------------------------------------------------------------------------


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


class Optuna(Peer):
    def __init__(self, task, sampler):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna, self.task = optuna, task
        self.study = optuna.create_study(sampler=sampler)
        self.distributions = {}
        for p in task.parameters:
            if p.kind == "choice":
                distribution = optuna.distributions.CategoricalDistribution(p.choices)
            elif p.kind == "int":
                distribution = optuna.distributions.IntDistribution(p.low, p.high, log=p.log)
            else:
                distribution = optuna.distributions.FloatDistribution(p.low, p.high, log=p.log)
            self.distributions[p.name] = distribution

    def ask(self):
        trial = self.study.ask()
        return trial, suggested(trial, self.task.parameters)

    def tell(self, trial, _, value):
        if math.isnan(value):
            self.study.tell(trial, state=self.optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(trial, value)

    def tell_foreign(self, values, value):
        states = self.optuna.trial.TrialState
        failed = math.isnan(value)
        self.study.add_trial(self.optuna.trial.create_trial(
            params=values, distributions={name: self.distributions[name] for name in values}, value=None if failed else value,
            state=states.FAIL if failed else states.COMPLETE))


@peer("optuna-tpe")
def optuna_tpe(task):
    from optuna.samplers import TPESampler

    return Optuna(task, TPESampler(seed=task.seed))


@peer("optuna-tpe-group")
def optuna_tpe_group(task):
    from optuna.samplers import TPESampler

    return Optuna(task, TPESampler(seed=task.seed, multivariate=True, group=True, constant_liar=True))


@peer("optuna-tpe-univariate")
def optuna_tpe_univariate(task):
    from optuna.samplers import TPESampler

    return Optuna(task, TPESampler(seed=task.seed, multivariate=False))


@peer("optuna-cmaes")
def optuna_cmaes(task):
    from optuna.samplers import CmaEsSampler

    return Optuna(task, CmaEsSampler(seed=task.seed, with_margin=any(p.kind == "int" for p in task.parameters)))


@peer("optuna-gp")
def optuna_gp(task):
    import torch
    from optuna.samplers import GPSampler

    torch.set_num_threads(1)
    torch.manual_seed(task.seed)
    return Optuna(task, GPSampler(seed=task.seed, deterministic_objective=False))


class Rustuna(Peer):
    def __init__(self, task):
        import rustuna

        self.task = task
        self.study = rustuna.create_study(sampler=rustuna.samplers.TPESampler(seed=task.seed))
        self.failures = Failures()

    def ask(self):
        trial = self.study.ask()
        return trial, suggested(trial, self.task.parameters)

    def tell(self, trial, _, value):
        self.study.tell(trial.number, self.failures.number(value))


@peer("rustuna-tpe")
def rustuna_tpe(task):
    return Rustuna(task)


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


# --- hyperopt, scikit-optimize, Nevergrad, SMAC ------------------------------------------------------------------------


class Hyperopt(Peer):
    def __init__(self, task):
        import hyperopt
        import numpy

        self.hyperopt, self.rng, self.task = hyperopt, numpy.random.default_rng(task.seed), task
        hp = hyperopt.hp

        def leaf(p):
            if p.kind == "choice":
                return hp.choice(p.name, p.choices)
            if p.kind == "int" and p.log:
                return hp.qloguniform(p.name, math.log(p.low - 0.5), math.log(p.high + 0.5), 1)
            if p.kind == "int":
                return hp.uniformint(p.name, p.low, p.high)
            if p.log:
                return hp.loguniform(p.name, math.log(p.low), math.log(p.high))
            return hp.uniform(p.name, p.low, p.high)

        # A parameter of two branches is one node: its name may be there once.
        self.space = space = nested(task.parameters, leaf, lambda p, options: hp.choice(p.name, options), shared=True)
        self.domain = hyperopt.base.Domain(lambda _: None, space)
        self.trials = hyperopt.Trials()

    def ask(self):
        ids = self.trials.new_trial_ids(1)
        self.trials.refresh()
        document = self.hyperopt.tpe.suggest(ids, self.domain, self.trials, int(self.rng.integers(2**31 - 1)))[0]
        document["state"] = self.hyperopt.JOB_STATE_RUNNING
        self.trials.insert_trial_docs([document])
        self.trials.refresh()
        raw = {name: found[0] for name, found in document["misc"]["vals"].items() if found}
        values = flat(self.hyperopt.space_eval(self.space, raw))
        for p in self.task.parameters:
            if p.kind == "int" and p.name in values:
                values[p.name] = min(max(int(round(values[p.name])), p.low), p.high)
        return document["tid"], values

    def tell(self, key, _, value):
        document = next(t for t in self.trials._dynamic_trials if t["tid"] == key)
        if math.isnan(value):
            document["result"] = {"status": self.hyperopt.STATUS_FAIL}
        else:
            document["result"] = {"status": self.hyperopt.STATUS_OK, "loss": value}
        document["state"] = self.hyperopt.JOB_STATE_DONE
        self.trials.refresh()


@peer("hyperopt-tpe")
def hyperopt_tpe(task):
    return Hyperopt(task)


class Skopt(Peer):
    def __init__(self, task):
        import skopt

        dimensions = []
        for p in task.parameters:
            if p.kind == "choice":
                dimensions.append(skopt.space.Categorical(p.choices, name=p.name))
            else:
                kind = skopt.space.Integer if p.kind == "int" else skopt.space.Real
                dimensions.append(kind(p.low, p.high, prior="log-uniform" if p.log else "uniform", name=p.name))
        self.task, self.failures = task, Failures()
        self.optimizer = skopt.Optimizer(dimensions, random_state=task.seed)

    def ask(self):
        point = self.optimizer.ask()
        return point, {p.name: v for p, v in zip(self.task.parameters, point)}

    def tell(self, point, _, value):
        self.optimizer.tell(point, self.failures.number(value))

    def tell_foreign(self, values, value):
        self.optimizer.tell([values[p.name] for p in self.task.parameters], self.failures.number(value))


@peer("skopt-gp")
def skopt_gp(task):
    return Skopt(task)


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


class Smac(Peer):
    def __init__(self, task):
        import ConfigSpace
        import smac

        space = ConfigSpace.ConfigurationSpace(seed=task.seed)
        for p in task.parameters:
            if p.kind == "choice":
                space.add(ConfigSpace.CategoricalHyperparameter(p.name, p.choices))
            elif p.kind == "int" and p.low == p.high:
                space.add(ConfigSpace.Constant(p.name, p.low))
            elif p.kind == "int":
                space.add(ConfigSpace.UniformIntegerHyperparameter(p.name, p.low, p.high, log=p.log))
            else:
                space.add(ConfigSpace.UniformFloatHyperparameter(p.name, p.low, p.high, log=p.log))
        for p in task.parameters:  # what depends on a number is always there: dropped where it is not active
            if p.parent is not None and p.parent.kind == "choice":
                space.add(ConfigSpace.InCondition(space[p.name], space[p.parent.name],
                                                  [v for v in p.parent.choices if p.allowed(v)]))
        self.folder = tempfile.mkdtemp(prefix="qalam-smac-")
        scenario = smac.Scenario(space, deterministic=True, n_trials=task.budget or 10_000, seed=task.seed,
                                 output_directory=self.folder)
        facade = smac.HyperparameterOptimizationFacade
        self.smac = facade(scenario, lambda _, seed=0: None, logging_level=50, overwrite=True)
        self.result, self.failures = smac.runhistory.TrialValue, Failures()

    def ask(self):
        info = self.smac.ask()
        return info, {name: value.item() if hasattr(value, "item") else value
                      for name, value in dict(info.config).items()}

    def tell(self, info, _, value):
        # Not as crashed: with its infinite cost the forest of 2.4.1 is given NaN, and ends.
        self.smac.tell(info, self.result(cost=self.failures.number(value), time=0.0), save=False)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


@peer("smac")
def smac3(task):
    return Smac(task)


# --- evolution strategies in the unit cube; whole numbers are rounded ---------------------------------------------------


class Generations(Peer):
    """Of a strategy that is told of a whole generation at once. One that is full and not told of is left: the next
    points are drawn from the same distribution."""

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


# --- methods that call a function: they run in a thread of their own, one point at a time ---------------------------------


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


# --- Gaussian processes ----------------------------------------------------------------------------------------------


class Botorch(Peer):
    """As BoTorch's own getting-started page has it: a Sobol start of 2 (d + 1) points, SingleTaskGP, LogEI."""

    def __init__(self, task):
        import torch

        torch.set_num_threads(1)
        torch.manual_seed(task.seed)
        self.torch, self.task, self.failures = torch, task, Failures()
        dimension = len(task.parameters)
        self.start = torch.quasirandom.SobolEngine(dimension, scramble=True, seed=task.seed)
        self.left = 2 * (dimension + 1)
        self.units, self.values, self.pending = [], [], []

    def ask(self):
        unit = self.model_point() if self.left <= 0 and len(self.values) >= 2 else self.start.draw(1)[0].tolist()
        self.left -= 1
        # Learnt where it was evaluated: rounded axes are told as rounded.
        values = self.task.from_unit(unit)
        unit = self.task.to_unit(values)
        self.pending.append(unit)
        return unit, values

    def model_point(self):
        from botorch.acquisition import LogExpectedImprovement, qLogExpectedImprovement
        from botorch.fit import fit_gpytorch_mll
        from botorch.models import SingleTaskGP
        from botorch.optim import optimize_acqf
        from gpytorch.mlls import ExactMarginalLogLikelihood

        torch = self.torch
        x = torch.tensor(self.units, dtype=torch.double)
        y = -torch.tensor(self.values, dtype=torch.double).unsqueeze(-1)
        model = SingleTaskGP(x, y)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        if self.pending:
            acquisition = qLogExpectedImprovement(model, y.max(),
                                                  X_pending=torch.tensor(self.pending, dtype=torch.double))
        else:
            acquisition = LogExpectedImprovement(model, y.max())
        box = torch.stack([torch.zeros(x.shape[1]), torch.ones(x.shape[1])]).double()
        point, _ = optimize_acqf(acquisition, bounds=box, q=1, num_restarts=10, raw_samples=512)
        return point[0].tolist()

    def tell(self, unit, _, value):
        self.pending.remove(unit)
        self.learn(unit, value)

    def tell_foreign(self, values, value):
        self.left -= 1
        self.learn(self.task.to_unit(values), value)

    def learn(self, unit, value):
        self.units.append(unit)
        self.values.append(self.failures.number(value))


@peer("botorch-logei")
def botorch_logei(task):
    return Botorch(task)


class Hebo(Peer):
    def __init__(self, task):
        import numpy
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        torch.set_num_threads(1)
        torch.manual_seed(task.seed)
        self.numpy, self.failures = numpy, Failures()
        axes = []
        for p in task.parameters:
            if p.kind == "choice":
                axes.append({"name": p.name, "type": "cat", "categories": p.choices})
            else:
                kind = {("real", False): "num", ("real", True): "pow", ("int", False): "int", ("int", True): "pow_int"}
                axis = {"name": p.name, "type": kind[p.kind, p.log], "lb": p.low, "ub": p.high}
                axes.append({**axis, "base": 10} if p.log else axis)
        self.columns = [p.name for p in task.parameters]
        self.optimizer = HEBO(DesignSpace().parse(axes), scramble_seed=task.seed)

    def ask(self):
        point = self.optimizer.suggest(n_suggestions=1)
        return point, {name: point[name].iloc[0] for name in self.columns}

    def tell(self, point, _, value):
        self.optimizer.observe(point, self.numpy.array([[self.failures.number(value)]]))

    def tell_foreign(self, values, value):
        import pandas

        self.tell(pandas.DataFrame([values]), None, value)


@peer("hebo")
def hebo(task):
    return Hebo(task)


class Vizier(Peer):
    def __init__(self, task):
        import jax

        jax.config.update("jax_enable_x64", True)  # without it, suggestions lose their parameters
        from vizier import algorithms, pyvizier
        from vizier._src.algorithms.designers import gp_ucb_pe

        self.pyvizier, self.algorithms = pyvizier, algorithms
        problem = pyvizier.ProblemStatement()
        root = problem.search_space.root
        for p in task.parameters:
            scale = pyvizier.ScaleType.LOG if p.log else pyvizier.ScaleType.LINEAR
            if p.kind == "choice":
                root.add_categorical_param(p.name, p.choices)
            elif p.kind == "int":
                root.add_int_param(p.name, p.low, p.high, scale_type=scale)
            else:
                root.add_float_param(p.name, p.low, p.high, scale_type=scale)
        problem.metric_information.append(
            pyvizier.MetricInformation("f", goal=pyvizier.ObjectiveMetricGoal.MINIMIZE))
        self.designer = gp_ucb_pe.VizierGPUCBPEBandit(problem, rng=jax.random.PRNGKey(task.seed))
        self.number, self.at_work = 0, {}

    def ask(self):
        trial = self.designer.suggest(1)[0].to_trial(self.number + 1)
        self.number += 1
        self.at_work[trial.id] = trial
        return trial, {name: found.value for name, found in trial.parameters.items()}

    def tell(self, trial, _, value):
        self.at_work.pop(trial.id, None)
        if math.isnan(value):
            trial.complete(self.pyvizier.Measurement(), infeasibility_reason="it failed")
        else:
            trial.complete(self.pyvizier.Measurement(metrics={"f": value}))
        self.designer.update(self.algorithms.CompletedTrials([trial]),
                             self.algorithms.ActiveTrials(list(self.at_work.values())))

    def tell_foreign(self, values, value):
        self.number += 1
        self.tell(self.pyvizier.Trial(id=self.number, parameters=values), values, value)


@peer("vizier")
def vizier(task):
    return Vizier(task)


import step_adapters  # noqa: E402,F401 (registers those that train step by step; needs what is above)
