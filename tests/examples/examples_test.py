#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples run, and every qalam line of README.md does what it says. QALAM names the program."""
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
QALAM = os.environ["QALAM"]
PYTHON = "/usr/bin/python3"


def read(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return file.read()


def readme_commands():
    """The qalam commands of README.md's code blocks, continued lines joined, comments left out."""
    blocks = re.findall(r"^```\n(.*?)^```", read("README.md").decode(), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.startswith("qalam ")]


class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.cwd = self.folder.name
        os.symlink(os.path.join(ROOT, "examples"), os.path.join(self.cwd, "examples"))

    def tearDown(self):
        self.folder.cleanup()

    def qalam(self, *words):
        done = subprocess.run([QALAM, *words], cwd=self.cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300, check=False)
        self.assertEqual(done.returncode, 0, f"qalam {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def rows(self, query, *values):
        with sqlite3.connect(f"file:{self.cwd}/qalam.db?mode=ro", uri=True) as db:
            return db.execute(query, values).fetchall()

    def test_the_digits_are_learned_and_every_epoch_is_recorded(self):
        out = self.qalam("run", "examples/digits/experiment.yaml", "-n", "3")
        self.assertEqual(self.rows("SELECT status, count(*) FROM trials GROUP BY status"), [("Succeeded", 3)])
        for name in ("accuracy", "loss"):
            counts = self.rows("SELECT count(*) FROM observation_logs WHERE metric_name = ? GROUP BY trial_name", name)
            self.assertEqual(counts, [(25,)] * 3, name)
        best = self.rows("SELECT max(CAST(value AS REAL)) FROM observation_logs WHERE metric_name = 'accuracy'")[0][0]
        self.assertGreater(best, 0.9)
        shown = re.search(r"best accuracy ([\d.]+)", out)
        self.assertIsNotNone(shown, out)
        self.assertAlmostEqual(float(shown[1]), best, places=3)

    def test_an_architecture_whose_choices_are_ordinary_parameters_is_searched(self):
        self.qalam("run", "examples/nas/evolution.yaml", "-n", "2")
        found = self.rows("SELECT CAST(value AS REAL) FROM observation_logs WHERE metric_name = 'Validation-Accuracy'")
        self.assertEqual(len(found), 2)
        self.assertTrue(all(0 < value <= 1 for value, in found), found)

    def trials(self, experiment):
        """Number: name, labels, accuracies with their epochs as they were printed, and the assignments."""
        out, items = {}, json.loads(self.qalam("get", "trials", experiment, "-o", "json"))["items"]
        for name, number in self.rows("SELECT name, ordinal FROM trials"):
            trial = next(item for item in items if item["metadata"]["name"] == name)
            log = self.qalam("logs", name)
            labels = trial["metadata"]["labels"]
            out[number] = {"name": name, "labels": labels, "label": labels.get("qalam.dev/model", ""),
                           "epochs": [int(epoch) for epoch in re.findall(r"^epoch=(\d+)", log, re.MULTILINE)],
                           "values": {a["name"]: a["value"] for a in trial["spec"]["parameterAssignments"]}}
        return out

    def test_a_trial_that_asha_promotes_goes_on_where_the_one_before_stopped(self):
        self.qalam("run", "examples/digits-asha/experiment.yaml", "-n", "9")
        trials = self.trials("digits-asha")
        names = {trial["name"]: trial for trial in trials.values()}
        continued = 0
        for trial in trials.values():
            before = names.get(trial["labels"].get("qalam.dev/resume-from"))
            first = int(before["values"]["epochs"]) + 1 if before else 1
            self.assertEqual(trial["epochs"], list(range(first, int(trial["values"]["epochs"]) + 1)))
            if before:
                continued += 1
                self.assertEqual({**before["values"], "epochs": ""}, {**trial["values"], "epochs": ""})
        self.assertGreaterEqual(continued, 2)
        best = self.rows("SELECT best_trial FROM experiments")
        self.assertEqual([(name,) for name in os.listdir(os.path.join(self.cwd, "qalam.db.d/checkpoints"))], best)

    def test_a_population_trains_on_from_copies_of_its_best(self):
        self.qalam("run", "examples/digits-pbt/experiment.yaml", "-n", "15")
        trials = self.trials("digits-pbt")
        names = {trial["name"]: trial for trial in trials.values()}
        label = "pbt.suggestion.katib.kubeflow.org/"
        generations, replaced = {}, 0
        for trial in trials.values():
            labels = trial["labels"]
            generation = int(labels[label + "generation"])
            generations[generation] = generations.get(generation, 0) + 1
            self.assertEqual((label + "parent") in labels, generation > 0)
            # Three epochs beyond those of the parent: what is found at suggestion_trial_dir is the parent's work.
            before = names[labels[label + "parent"]]["epochs"][-1] if generation > 0 else 0
            self.assertEqual(trial["epochs"], [before + i for i in (1, 2, 3)], labels)
            if trial["label"].endswith("other values"):
                replaced += 1
                self.assertNotEqual(names[labels[label + "parent"]]["values"], trial["values"])
        self.assertEqual(generations[0], 5)
        self.assertGreater(max(generations), 1)
        self.assertGreaterEqual(replaced, 1)

    def test_a_file_of_katibs_runs_unchanged_through_the_image_map(self):
        self.assertEqual(read("examples/katib/random.yaml"), read("tests/data/katib/hp-tuning/random.yaml"))
        self.qalam("run", "examples/katib/random.yaml", "--image-map", "examples/katib/images.yaml", "-n", "2")
        values = self.rows("SELECT CAST(value AS REAL) FROM observation_logs WHERE metric_name = 'loss'")
        self.assertGreaterEqual(len(values), 2 * 8)
        self.assertTrue(all(0 < value < 5 for value, in values), values)

    def test_katibs_file_collectors_read_what_the_stand_in_writes(self):
        for name in ("file-metrics-collector", "file-metrics-collector-with-json-format"):
            self.qalam("run", os.path.join(ROOT, "tests/data/katib/metrics-collector", name + ".yaml"),
                       "--image-map", "examples/katib/images.yaml", "-n", "1")
            found = self.rows("SELECT metric_name, count(*) FROM observation_logs JOIN trials ON trials.name = trial_name "
                              "WHERE trials.name LIKE ? || '-________' GROUP BY metric_name ORDER BY metric_name", name)
            self.assertEqual(found, [("accuracy", 1), ("loss", 1)], name)

    def test_every_qalam_line_of_the_readme_works(self):
        os.symlink(os.path.join(ROOT, "examples/digits/experiment.yaml"), os.path.join(self.cwd, "exp.yaml"))
        self.qalam("run", "examples/digits/experiment.yaml", "-n", "2")
        commands = readme_commands()
        self.assertGreaterEqual(len(commands), 8, commands)
        for command in commands:
            with self.subTest(command=command):
                words = shlex.split(command)[1:]
                if words[0] == "run" and "-n" in words:
                    words[words.index("-n") + 1] = "2"
                elif words[0] == "run":
                    words += ["-n", "2"]
                self.qalam(*words)

    def test_the_readme_has_the_flags_of_its_trainer(self):
        run = next(command for command in readme_commands() if " -- " in command)
        program = shlex.split(run.split(" -- ")[1])
        self.assertEqual(program[0], PYTHON)
        usage = subprocess.run([PYTHON, os.path.join(ROOT, program[1]), "--help"], capture_output=True, text=True,
                               check=True).stdout
        for flag in (word for word in program if word.startswith("--")):
            self.assertIn(flag, usage)


if __name__ == "__main__":
    sys.exit(unittest.main())
