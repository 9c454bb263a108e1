# SPDX-License-Identifier: Apache-2.0
"""Parzen estimators, and whatever else Optuna and those like it have."""
import math

from .contract import Failures, Peer, flat, nested, peer, suggested


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
