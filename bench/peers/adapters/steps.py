# SPDX-License-Identifier: Apache-2.0
"""Peers that train step by step: they stop trials early, or choose how far each configuration is trained.

next() gives (number, values, until) or None when there is nothing to do now: numbers count new trials from 1, one that
is known goes on where it was. report() says whether a trial goes on after a step, end() that its job has ended."""
import datetime
import math
import shutil
import tempfile

from .contract import Failures, peer, suggested


# --- Optuna: a sampler and a pruner -------------------------------------------------------------------------------------


class OptunaSteps:
    def __init__(self, task, sampler, pruner):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.states, self.task = optuna.trial.TrialState, task
        self.study = optuna.create_study(sampler=sampler, pruner=pruner)
        self.trials = {}

    def next(self):
        trial = self.study.ask()
        number = trial.number + 1
        self.trials[number] = trial
        return number, suggested(trial, self.task.parameters), self.task.steps

    def report(self, number, step, value):
        trial = self.trials[number]
        trial.report(value, step)
        return step == self.task.steps or not trial.should_prune()

    def end(self, number, _, value, stopped):
        trial = self.trials.pop(number)
        if stopped:
            self.study.tell(trial, state=self.states.PRUNED)
        elif math.isnan(value):
            self.study.tell(trial, state=self.states.FAIL)
        else:
            self.study.tell(trial, value)

    def close(self):
        pass


def register_optuna():
    """Each sampler with each pruner, as they come; Hyperband wants to know how long a trial is."""
    samplers = {"random": "RandomSampler", "tpe": "TPESampler"}
    pruners = {
        "median": lambda pruners, steps: pruners.MedianPruner(),
        "percentile": lambda pruners, steps: pruners.PercentilePruner(25.0),
        "asha": lambda pruners, steps: pruners.SuccessiveHalvingPruner(),
        "hyperband": lambda pruners, steps: pruners.HyperbandPruner(min_resource=1, max_resource=steps),
    }
    for sampler, cls in samplers.items():
        for pruner, maker in pruners.items():

            def make(task, cls=cls, maker=maker):
                import optuna

                return OptunaSteps(task, getattr(optuna.samplers, cls)(seed=task.seed),
                                   maker(optuna.pruners, task.steps))

            peer(f"optuna-{sampler}-{pruner}")(make)


register_optuna()


# --- syne-tune ------------------------------------------------------------------------------------------------------------


class SyneTune:
    """`make(space, common)`: a scheduler of the metric "loss" over "epoch", that has to be minimised."""

    def __init__(self, task, make, numbered=False):
        from syne_tune.backend.trial_status import Trial
        from syne_tune.config_space import choice, lograndint, loguniform, randint, uniform

        space = {}
        for p in task.parameters:
            if p.kind == "choice":
                space[p.name] = choice(p.choices)
            elif p.kind == "int":
                space[p.name] = (lograndint if p.log else randint)(p.low, p.high)
            else:
                space[p.name] = (loguniform if p.log else uniform)(p.low, p.high)
        self.trial_class, self.task, self.failures = Trial, task, Failures()
        self.numbered = numbered  # older releases want to know the number of the trial that they suggest
        self.scheduler = make(space)
        self.trials, self.actions = {}, {}

    def next(self):
        number = len(self.trials)
        suggestion = self.scheduler.suggest(number) if self.numbered else self.scheduler.suggest()
        if suggestion is None:
            return None
        if not suggestion.spawn_new_trial_id:
            number = int(suggestion.checkpoint_trial_id)
            trial = self.trials[number]
            if suggestion.config is not None:
                trial.config = suggestion.config
        else:
            trial = self.trial_class(number, suggestion.config, datetime.datetime.now())
            self.trials[number] = trial
            self.scheduler.on_trial_add(trial)
        return number + 1, {p.name: trial.config[p.name] for p in self.task.parameters}, self.task.steps

    def result(self, step, value):
        return {"loss": self.failures.number(value), "epoch": step, "elapsed_time": float(step)}

    def report(self, number, step, value):
        self.actions[number] = self.scheduler.on_trial_result(self.trials[number - 1], self.result(step, value))
        return self.actions[number] == "CONTINUE"

    def end(self, number, step, value, _):
        trial = self.trials[number - 1]
        if self.actions.pop(number) == "CONTINUE":
            self.scheduler.on_trial_complete(trial, self.result(step, value))
        else:
            self.scheduler.on_trial_remove(trial)

    def close(self):
        pass


def register_syne_tune():
    for name, cls in {"syne-asha": "ASHA", "syne-bohb": "BOHB", "syne-asha-bore": "ASHABORE",
                      "syne-asha-cqr": "ASHACQR"}.items():

        def make(task, cls=cls):
            from syne_tune.optimizer import baselines

            return SyneTune(task, lambda space: getattr(baselines, cls)(
                space, metric="loss", time_attr="epoch", max_t=task.steps, random_seed=task.seed))

        peer(name)(make)


register_syne_tune()


@peer("syne-median")
def syne_median(task):
    from syne_tune.optimizer.baselines import RandomSearch
    from syne_tune.optimizer.schedulers.median_stopping_rule import MedianStoppingRule

    return SyneTune(task, lambda space: MedianStoppingRule(
        RandomSearch(space, metrics=["loss"], random_seed=task.seed), time_attr="epoch", metric="loss"))


def register_old_syne_tune():
    """Of release 0.13: what later ones have no more."""
    for name, cls, options in (("syne-asha-promotion", "ASHA", {"type": "promotion"}),
                               ("syne-mobster", "MOBSTER", {"type": "promotion"}),
                               ("syne-hypertune", "HyperTune", {"brackets": 4})):

        def make(task, cls=cls, options=options):
            from syne_tune.optimizer import baselines

            return SyneTune(task, lambda space: getattr(baselines, cls)(
                space, metric="loss", mode="min", resource_attr="epoch", max_t=task.steps, grace_period=1,
                random_seed=task.seed, search_options={"debug_log": False}, **options), numbered=True)

        peer(name)(make)


register_old_syne_tune()


# --- DEHB ---------------------------------------------------------------------------------------------------------------


class Dehb:
    """In the unit cube. A configuration that it promotes goes on from its checkpoint."""

    def __init__(self, task):
        from dehb import DEHB

        self.task, self.failures = task, Failures()
        self.folder = tempfile.mkdtemp(prefix="qalam-dehb-")
        self.dehb = DEHB(dimensions=len(task.parameters), min_fidelity=1, max_fidelity=task.steps, n_workers=1,
                         seed=task.seed, output_path=self.folder, save_freq="end", log_level="ERROR")
        self.numbers, self.trained, self.jobs = {}, {}, {}
        self.begun = 0

    def next(self):
        job = self.dehb.ask()
        until = max(1, min(self.task.steps, int(round(float(job["fidelity"])))))
        number = self.numbers.get(job["config_id"])
        if number is None or number in self.jobs or self.trained[number] >= until:
            self.begun += 1
            number = self.numbers[job["config_id"]] = self.begun
        self.jobs[number] = job
        return number, self.task.from_unit([float(u) for u in job["config"]]), until

    def report(self, _, __, ___):
        return True

    def end(self, number, step, value, _):
        self.trained[number] = step
        self.dehb.tell(self.jobs.pop(number), {"fitness": self.failures.number(value), "cost": float(step)})

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


@peer("dehb")
def dehb(task):
    return Dehb(task)
