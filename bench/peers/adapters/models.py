# SPDX-License-Identifier: Apache-2.0
"""Gaussian processes and forests."""
import math
import shutil
import tempfile

from .contract import Failures, Peer, peer


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


class Turbo(Botorch):
    """TuRBO-1 (Eriksson et al. 2019) as BoTorch's page about it has it: Thompson samples within a trust region about
    the best point, of the shape of the length scales; it grows with successes, shrinks with failures, and where it has
    shrunk away all is begun again. What was learnt before a restart is not used after it."""

    SMALLEST, LARGEST, FIRST, SUCCESSES = 0.5**7, 1.6, 0.8, 10

    def __init__(self, task):
        super().__init__(task)
        dimension = len(task.parameters)
        self.tolerance = math.ceil(max(4.0, dimension) / max(1, task.workers))
        self.restart()

    def restart(self):
        self.units, self.values = [], []
        self.left = 2 * len(self.task.parameters)
        self.length, self.successes, self.failed = self.FIRST, 0, 0

    def model_point(self):
        from botorch.fit import fit_gpytorch_mll
        from botorch.generation import MaxPosteriorSampling
        from botorch.models import SingleTaskGP
        from gpytorch.constraints import Interval
        from gpytorch.kernels import MaternKernel, ScaleKernel
        from gpytorch.likelihoods import GaussianLikelihood
        from gpytorch.mlls import ExactMarginalLogLikelihood

        torch = self.torch
        x = torch.tensor(self.units, dtype=torch.double)
        y = -torch.tensor(self.values, dtype=torch.double).unsqueeze(-1)
        y = (y - y.mean()) / y.std().clamp_min(1e-12)
        dimension = x.shape[1]
        kernel = ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=dimension, lengthscale_constraint=Interval(0.005, 4.0)))
        model = SingleTaskGP(x, y, covar_module=kernel,
                             likelihood=GaussianLikelihood(noise_constraint=Interval(1e-8, 1e-3)))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        best = x[y.argmax()]
        weights = model.covar_module.base_kernel.lengthscale.squeeze(0).detach()
        weights = weights / weights.mean()
        weights = weights / torch.prod(weights.pow(1.0 / dimension))
        low = torch.clamp(best - weights * self.length / 2, 0.0, 1.0)
        high = torch.clamp(best + weights * self.length / 2, 0.0, 1.0)
        count = min(5000, max(2000, 200 * dimension))
        sobol = torch.quasirandom.SobolEngine(dimension, scramble=True, seed=self.task.seed + len(self.values))
        candidates = low + (high - low) * sobol.draw(count).double()
        moved = torch.rand(count, dimension, dtype=torch.double) <= min(20.0 / dimension, 1.0)
        still = torch.where(moved.sum(dim=1) == 0)[0]
        moved[still, torch.randint(0, dimension, size=(len(still),))] = True
        candidates = torch.where(moved, candidates, best.expand(count, dimension))
        with torch.no_grad():
            return MaxPosteriorSampling(model=model, replacement=False)(candidates, num_samples=1)[0].tolist()

    def learn(self, unit, value):
        before = min(self.values, default=math.inf)
        super().learn(unit, value)
        if self.left > 0 or not math.isfinite(before):
            return
        if self.values[-1] < before - 1e-3 * abs(before):
            self.successes, self.failed = self.successes + 1, 0
        else:
            self.successes, self.failed = 0, self.failed + 1
        if self.successes == self.SUCCESSES:
            self.length, self.successes = min(2 * self.length, self.LARGEST), 0
        elif self.failed == self.tolerance:
            self.length, self.failed = self.length / 2, 0
        if self.length < self.SMALLEST:
            self.restart()


@peer("turbo")
def turbo(task):
    return Turbo(task)


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
