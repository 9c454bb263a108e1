#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All of Katib's examples, unchanged, through the one image map of examples/katib, to the end. QALAM names the program.

Those whose algorithm is built in run as they are; those whose algorithm or early-stopping rule is not are refused with
a sentence, and run to the end under a Python service that answers for it. Those of kinds that this machine does not run
are refused with their sentence.
"""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
ROOT = os.path.realpath(os.path.join(TESTS, ".."))
KATIB = os.path.join(ROOT, "tests", "data", "katib")
IMAGES = os.path.join(ROOT, "examples", "katib", "images.yaml")
STAND_IN = os.path.join(ROOT, "examples", "katib", "stand_in.py")
TEMPLATES = os.path.join(KATIB, "support", "trial-templates.yaml")
QALAM = os.path.abspath(os.environ["QALAM"])
PYTHON = "/usr/bin/python3"

# Example: its algorithm, and how many trials it has.
JOBS = {
    "early-stopping/median-stop.yaml": ("random", 15),
    "fpga/xgboost-example.yaml": ("random", 10),
    "hp-tuning/bayesian-optimization.yaml": ("bayesianoptimization", 12),
    "hp-tuning/grid.yaml": ("grid", 12),
    "hp-tuning/hyperband.yaml": ("hyperband", 2),
    "hp-tuning/hyperopt-distribution.yaml": ("random", 12),
    "hp-tuning/multivariate-tpe.yaml": ("multivariate-tpe", 12),
    "hp-tuning/random.yaml": ("random", 12),
    "hp-tuning/simple-pbt.yaml": ("pbt", 2),
    "hp-tuning/sobol.yaml": ("sobol", 12),
    "hp-tuning/tpe.yaml": ("tpe", 12),
    "metrics-collector/custom-metrics-collector.yaml": ("random", 12),
    "metrics-collector/file-metrics-collector-with-json-format.yaml": ("random", 12),
    "metrics-collector/file-metrics-collector.yaml": ("random", 12),
    "nas/darts-cpu.yaml": ("darts", 1),
    "nas/darts-gpu.yaml": ("darts", 1),
    "nas/enas-cpu.yaml": ("enas", 3),
    "resume-experiment/from-volume-resume.yaml": ("random", 12),
    "support/valid-experiment.yaml": ("random", 13),
}

# Why this machine runs none of these, in the words of the program.
REFUSED = {
    "argo/argo-workflow.yaml": "kind: Workflow (argoproj.io/v1alpha1) is not run by the local engine",
    "kubeflow-trainer/trainjob-pytorch.yaml": "kind: TrainJob (trainer.kubeflow.org/v1alpha1) is not run",
    "kubeflow-training-operator/pytorchjob-mnist.yaml": "kind: PyTorchJob (kubeflow.org/v1) is not run",
    "kubeflow-training-operator/tfjob-mnist-with-summaries.yaml": "kind: TFJob (kubeflow.org/v1) is not run",
    "kubeflow-training-operator/xgboostjob-lightgbm.yaml": "kind: XGBoostJob (kubeflow.org/v1) is not run",
    "tekton/pipeline-run.yaml": "kind: PipelineRun (tekton.dev/v1beta1) is not run",
    # Katib refuses its own example too: the ConfigMap of its manifests asks for a parameter that it does not have.
    "trial-template/trial-configmap-source.yaml": "'${trialParameters.momentum}' is not declared in trialParameters",
}


class KatibRuns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        listed = subprocess.run([QALAM, "algorithms", "-o", "name"], capture_output=True, text=True, check=True).stdout
        cls.built_in = {name.removeprefix("algorithm/") for name in listed.split()}
        subprocess.run(f"{QALAM} proto --katib > api.proto && protoc --python_out=. --grpc_out=. "
                       "--plugin=protoc-gen-grpc=$(command -v grpc_python_plugin) api.proto",
                       shell=True, check=True, cwd=cls.folder)
        entries = [{"algorithmName": name, "command": [PYTHON, os.path.join(TESTS, "plugins", "any_algorithm.py"), "{port}"]}
                   for name in sorted({algorithm for algorithm, _ in JOBS.values()} - cls.built_in)]
        with open(os.path.join(cls.folder, "plugins.yaml"), "w", encoding="utf-8") as file:
            json.dump({"apiVersion": "config.kubeflow.org/v1beta1", "kind": "KatibConfig",
                       "runtime": {"suggestions": entries}}, file)

    def qalam(self, *words):
        few = {**os.environ, "NAS_IMAGES": "240", "NAS_EPOCHS": "1"}  # of the trainers in examples/nas
        return subprocess.run([QALAM, *words], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300, check=False, env=few)

    def runs_to_the_end(self, example, trials, *options):
        database = os.path.join(self.folder, re.sub(r"\W", "-", example) + ".db")
        done = self.qalam("run", os.path.join(KATIB, example), "--image-map", IMAGES, "--db", database, *options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        listed = json.loads(self.qalam("get", "experiments", "-o", "json", "--db", database).stdout)["items"]
        self.assertEqual(len(listed), 1)
        experiment = listed[0]
        spec, status = experiment["spec"], experiment["status"]
        true = [condition["type"] for condition in status["conditions"] if condition["status"] == "True"]
        self.assertIn("Succeeded", true, status)
        self.assertNotIn("Failed", true, status)
        self.assertEqual(spec["maxTrialCount"], trials)
        self.assertEqual(status["trials"], trials)
        self.assertEqual(status.get("trialsSucceeded", 0) + status.get("trialsEarlyStopped", 0), trials, status)

        # What the programs printed, read from the database by ourselves.
        objective = spec["objective"]["objectiveMetricName"]
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
            rows = db.execute("SELECT trial_name, metric_name, value FROM observation_logs").fetchall()
        reports = {}
        for trial, metric, value in rows:
            reports.setdefault(trial, {}).setdefault(metric, []).append(value)
        self.assertEqual(len(reports), trials, "each trial has metrics")
        for trial, metrics in reports.items():
            for name in [objective, *spec["objective"].get("additionalMetricNames", [])]:
                self.assertGreater(len(metrics.get(name, [])), 0, f"{trial} reported no {name}")
        return experiment, reports, database

    def the_best_is_right(self, experiment, reports):
        best = min if experiment["spec"]["objective"]["type"] == "minimize" else max
        name = experiment["spec"]["objective"]["objectiveMetricName"]
        values = {trial: best(map(float, metrics[name])) for trial, metrics in reports.items()}
        optimal = experiment["status"]["currentOptimalTrial"]
        self.assertEqual(values[optimal["bestTrialName"]], best(values.values()))
        found = next(m for m in optimal["observation"]["metrics"] if m["name"] == name)
        self.assertEqual(float(found["min" if best is min else "max"]), best(values.values()))
        # All that was reported, epoch by epoch: one accuracy alone can be that of every trial, as it is a coarse number.
        different = {json.dumps(metrics, sort_keys=True) for metrics in reports.values()}
        by_epoch = all(len(values) > 1 for metrics in reports.values() for values in metrics.values())
        self.assertGreater(len(different), 1 if len(reports) > 2 and by_epoch else 0, "the parameters make a difference")

    @staticmethod
    def options_of(algorithm):
        return ["--gpus", "1"] if algorithm == "darts" else []

    def the_rest_is_right(self, algorithm, experiment, reports, database):
        if algorithm != "darts":
            self.the_best_is_right(experiment, reports)
        if algorithm in ("darts", "enas"):
            self.the_network_is_shown(algorithm, experiment, database)

    def the_network_is_shown(self, algorithm, experiment, database):
        name = experiment["metadata"]["name"]
        described = self.qalam("describe", "experiment", name, "--db", database).stdout
        graph = self.qalam("export", "exp", name, "--format", "dot", "--db", database)
        self.assertEqual(graph.returncode, 0, graph.stderr)
        if algorithm == "enas":
            self.assertRegex(described, r"Network of #\d:\n  NODE +WHAT +TAKES +SETTINGS\n  input +32x32x3 *\n  1 +\w+ +input")
            self.assertRegex(graph.stdout, r'n0_1 \[label="1\\n\w+\\n.*"\];')
        else:
            self.assertRegex(described, r"Normal cell of #1:\n(.*\n){3}  2 +sum +\w+_3x3 of c\(k-2\), ")
            self.assertRegex(graph.stdout, r'n0_0 -> n0_2 \[label="\w+_3x3"\];')
        if shutil.which("dot"):
            subprocess.run(["dot", "-Tsvg"], input=graph.stdout, capture_output=True, text=True, check=True)

    def test_every_example_is_here(self):
        folders = [f for f in os.listdir(KATIB) if f not in ("support", "golden", "NOTICE")]
        files = {f"{folder}/{file}" for folder in folders for file in os.listdir(os.path.join(KATIB, folder))}
        self.assertEqual(files | {"support/valid-experiment.yaml"}, set(JOBS) | set(REFUSED))

    def test_each_whose_algorithm_is_built_in_runs_to_the_end(self):
        for example, (algorithm, trials) in JOBS.items():
            if algorithm not in self.built_in:
                continue
            with self.subTest(example):
                experiment, reports, database = self.runs_to_the_end(example, trials, *self.options_of(algorithm))
                self.the_rest_is_right(algorithm, experiment, reports, database)

    def test_an_algorithm_that_is_not_built_in_is_refused_in_a_sentence_and_run_by_a_service(self):
        for example, (algorithm, trials) in JOBS.items():
            if algorithm in self.built_in:
                continue
            with self.subTest(example):
                refused = self.qalam("run", os.path.join(KATIB, example), "--image-map", IMAGES, "--db", "refused.db")
                self.assertEqual(refused.returncode, 2)
                self.assertIn(f"'{algorithm}' is one of Katib's, and not in this version", refused.stderr)
                self.assertFalse(os.path.exists(os.path.join(self.folder, "refused.db")), "nothing is written")
                experiment, reports, database = self.runs_to_the_end(example, trials, "--config", "plugins.yaml",
                                                                     *self.options_of(algorithm))
                self.the_rest_is_right(algorithm, experiment, reports, database)

    def test_kinds_and_collectors_that_do_not_run_here_are_refused_in_a_sentence(self):
        for example, sentence in REFUSED.items():
            with self.subTest(example):
                done = self.qalam("run", os.path.join(KATIB, example), "--image-map", IMAGES, "-f", TEMPLATES,
                                  "--db", "refused.db")
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(sentence, done.stderr)
                self.assertIn("Nothing was started.", done.stderr)
                self.assertFalse(os.path.exists(os.path.join(self.folder, "refused.db")), "nothing is written")

    def test_median_stop_stops_trials_by_what_they_write_into_a_json_file(self):
        ours = os.path.join(ROOT, "examples", "katib", "median-stop-json.yaml")
        experiment, reports, database = self.runs_to_the_end(ours, 15)
        self.the_best_is_right(experiment, reports)
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
            stopped = db.execute("SELECT name, message FROM trials WHERE status = 'EarlyStopped'").fetchall()
            whole = [name for (name,) in db.execute("SELECT name FROM trials WHERE status = 'Succeeded'")]
        self.assertGreaterEqual(len(stopped), 1, experiment["status"])
        for name, message in stopped:
            # By the rule, or, where the guard doubts the ranks, by the trial's own curve.
            self.assertRegex(message, r"^Trial is early stopped: accuracy \S+: (worse than \d+ of \d+ trials at step \d+"
                                      r"|ends better than the best of \d+ trials with a probability of \S+, by its "
                                      r"curve up to step \d+)$")
            self.assertLess(len(reports[name]["accuracy"]), 20)
            self.assertGreaterEqual(len(reports[name]["accuracy"]), 4, "start_step")
        for name in whole:
            self.assertEqual(len(reports[name]["accuracy"]), 20)
        described = self.qalam("describe", "exp", "median-stop-json", "--db", database).stdout
        run = sum(len(metrics["accuracy"]) for metrics in reports.values())
        self.assertRegex(described, rf"Saved: +{len(stopped)} of 15 trials stopped early; {run} of 300 steps run "
                                    rf"\({(300 - run) // 3} % saved\)")

    def test_the_map_knows_every_image_of_the_examples(self):
        with open(IMAGES, encoding="utf-8") as file:
            globs = re.findall(r'^  - image: "?([^"\s]+)', file.read(), re.M)
        for example in list(JOBS) + list(REFUSED):
            with open(os.path.join(KATIB, example), encoding="utf-8") as file:
                for image in re.findall(r'^ +image: "?([^"\s]+)', file.read(), re.M):
                    if image.endswith("custom-metrics-collector:latest"):
                        continue  # a collector's, not a trial's
                    name = image.rsplit(":", 1)[0]
                    self.assertTrue(any(re.fullmatch(glob.replace("*", ".*"), name) for glob in globs), f"{example}: {image}")

    def test_the_stand_ins_of_kinds_that_do_not_run_yet_report_what_their_examples_want(self):
        lines = subprocess.run([PYTHON, STAND_IN, "lightgbm", "--learning_rate=0.05", "--num_trees=5", "--num_leaves=50"],
                               capture_output=True, text=True, check=True).stdout
        found = {name for name, *_ in re.findall(r"(\w+\s\w+)\s:\s((-?\d+)(\.\d+)?)", lines)}
        self.assertEqual(found, {"valid_1 auc", "valid_1 binary_logloss", "training auc", "training binary_logloss"})
        subprocess.run([PYTHON, STAND_IN, "tf-mnist", "--epochs=2", "--learning-rate=0.05", "--batch-size=32",
                        "--log-path", os.path.join(self.folder, "summaries")], check=True)
        for name in ("train", "test"):
            folder = os.path.join(self.folder, "summaries", name)
            with open(os.path.join(folder, os.listdir(folder)[0]), "rb") as file:
                data = file.read()
            self.assertEqual([data.count(tag) for tag in (b"brain.Event:2", b"accuracy", b"loss")], [1, 2, 2])


if __name__ == "__main__":
    sys.exit(unittest.main())
