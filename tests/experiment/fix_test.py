#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`qalam lint --fix`: the obvious is mended in place, every other byte of the file stays."""
import os
import stat
import subprocess
import tempfile
import unittest

QALAM = os.path.abspath(os.environ["QALAM"])

FAULTY = """\
# our tuning   (keep this line)
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: mended}
spec:
  objective:
    type: minimise     # small is good
    gaol: 0.01
    objectiveMetricName: "verlust-ä"
  algorithm: {algorithmName: "rnadom"}
  parallelTrialCount: '2'
  maxTrialCont: 12
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace:
        min: "1e-5"
        max: "0.1"    # the usual
    - {name: decay, parameterType: double, feasibleSpace: {min: 1e-6, max: 1e-1}}
  trialTemplate:
    primaryContainerName: main
    trialParameters: [{name: lr, reference: lr}, {name: decay, reference: decay}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
              - {name: main, image: none, command: [echo, "${trialParameters.lr}", "${trialParameters.decay}"]}
"""
MENDED = (
    FAULTY.replace("minimise ", "minimize ")
    .replace("gaol", "goal")
    .replace("rnadom", "random")
    .replace("'2'", "2")
    .replace("maxTrialCont", "maxTrialCount")
    .replace('max: "0.1"    # the usual\n', 'max: "0.1"    # the usual\n        distribution: logUniform\n')
    .replace("max: 1e-1}", "max: 1e-1, distribution: logUniform}")
)


class Fix(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, text, name="e.yaml"):
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def read(self, name="e.yaml"):
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return file.read()

    def lint(self, *words, text=None):
        return subprocess.run([QALAM, "lint", *words], cwd=self.folder.name, input=text, capture_output=True, text=True,
                              timeout=60)

    def test_the_obvious_is_mended_and_all_else_stays(self):
        self.write(FAULTY)
        os.chmod(self.path("e.yaml"), 0o640)
        done = self.lint("--fix", "e.yaml")
        self.assertEqual(self.read(), MENDED)
        self.assertEqual(done.returncode, 0, done.stdout)
        for change in ("7:11: 'minimise' is now 'minimize'", "8:5: 'gaol' is now 'goal'",
                       "10:30: 'rnadom' is now 'random'", "11:23: '2' has no quotes now: it is a number",
                       "18:14: 'distribution: logUniform' is added"):
            self.assertIn("e.yaml:" + change + "\n", done.stdout)
        self.assertTrue(done.stdout.endswith("0 errors\n"), done.stdout)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("e.yaml")).st_mode), 0o640)
        self.assertEqual(os.listdir(self.folder.name), ["e.yaml"])
        self.assertEqual(self.lint("--fix", "e.yaml").stdout, "0 errors\n", "once is enough")

    def test_a_preview_writes_nothing(self):
        self.write(FAULTY)
        done = self.lint("--fix", "--dry-run", "e.yaml")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.read(), FAULTY)
        self.assertIn("-    gaol: 0.01\n+    goal: 0.01\n", done.stdout)
        self.assertIn("+        distribution: logUniform\n", done.stdout)
        self.assertNotIn("-# our tuning", done.stdout)

    def test_line_ends_of_windows_stay(self):
        self.write(FAULTY.replace("\n", "\r\n"))
        self.assertEqual(self.lint("--fix", "e.yaml").returncode, 0)
        self.assertEqual(self.read(), MENDED.replace("\n", "\r\n"))

    def test_json_stays_json(self):
        yaml = subprocess.run(["python3", "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))"],
                              input=FAULTY, capture_output=True, text=True, check=True).stdout
        self.write(yaml, "e.json")
        done = self.lint("--fix", "e.json")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('"max": "0.1", "distribution": "logUniform"', self.read("e.json"))
        self.assertIn('"parallelTrialCount": 2', self.read("e.json"))

    def test_what_is_not_certain_stays(self):
        for text in (MENDED.replace("minimize ", "best "), MENDED.replace("goal: 0.01", "target: 0.01"),
                     MENDED.replace("goal: 0.01", "goal: 0.01\n    gaol: 0.02"), MENDED.replace("\n  parameters:\n", "\n")):
            self.write(text)
            self.lint("--fix", "e.yaml")
            self.assertEqual(self.read(), text)

    def test_standard_input_is_no_file(self):
        done = self.lint("--fix", "-", text=FAULTY)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--fix changes files", done.stderr)

    def test_the_file_of_a_link_is_mended_not_the_link(self):
        self.write(FAULTY, "real.yaml")
        os.symlink("real.yaml", self.path("e.yaml"))
        self.lint("--fix", "e.yaml")
        self.assertTrue(os.path.islink(self.path("e.yaml")))
        self.assertEqual(self.read("real.yaml"), MENDED)


if __name__ == "__main__":
    unittest.main()
