#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Katib's own examples through the program: each passes `lint`, and `run --dry-run` renders it as its golden file has it.

Golden files: tests/data/katib/golden/FOLDER/NAME.yaml. To renew them after a change that is meant, and then read the diff:
    QALAM=build/dev/qalam python3 tests/experiment/katib_examples_test.py --update-golden
An example whose algorithm comes to be gets other values: renew its file too.
"""
import glob
import os
import subprocess
import sys
import tempfile
import unittest

QALAM = os.path.abspath(os.environ["QALAM"])
KATIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "katib")
TEMPLATES = os.path.join(KATIB, "support", "trial-templates.yaml")
UPDATE = "--update-golden" in sys.argv

EXAMPLES = sorted(
    os.path.relpath(path, KATIB)
    for path in glob.glob(os.path.join(KATIB, "*", "*.yaml"))
    if os.path.basename(os.path.dirname(path)) not in ("support", "golden")
) + [os.path.join("support", "valid-experiment.yaml")]

# What this version cannot run, by the words with which `run` refuses it.
CANNOT_RUN = {
    "argo/argo-workflow.yaml": "kind: Workflow",
    "tekton/pipeline-run.yaml": "kind: PipelineRun",
    "trial-template/trial-configmap-source.yaml": "'${trialParameters.momentum}' is not declared in trialParameters",
}


class KatibExamples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def qalam(self, *words):
        done = subprocess.run([QALAM, *words], cwd=self.folder.name, capture_output=True, text=True, timeout=60)
        self.assertEqual(os.listdir(self.folder.name), [], "nothing is written")
        return done

    def test_all_are_here(self):
        self.assertGreaterEqual(len(EXAMPLES), 25)

    def test_lint_accepts_each(self):
        for example in EXAMPLES:
            with self.subTest(example):
                for more in ([], ["-f", TEMPLATES]):
                    done = self.qalam("lint", os.path.join(KATIB, example), *more)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_dry_run_is_as_the_golden_file_has_it(self):
        for example in EXAMPLES:
            with self.subTest(example):
                done = self.qalam("run", os.path.join(KATIB, example), "--dry-run", "-n", "2", "-f", TEMPLATES)
                self.assertEqual(done.returncode, 0, done.stderr)
                golden = os.path.join(KATIB, "golden", example)
                if UPDATE:
                    os.makedirs(os.path.dirname(golden), exist_ok=True)
                    with open(golden, "w", encoding="utf-8") as file:
                        file.write(done.stdout)
                with open(golden, encoding="utf-8") as file:
                    self.assertEqual(done.stdout, file.read(), "see the top of this test for how to renew it")

    def test_run_refuses_what_it_cannot_run_and_says_why(self):
        for example, words in CANNOT_RUN.items():
            with self.subTest(example):
                done = self.qalam("run", os.path.join(KATIB, example), "-f", TEMPLATES)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)
                self.assertIn("Nothing was started.", done.stderr)

    def test_the_invalid_one_is_refused_by_lint_too(self):
        done = self.qalam("lint", os.path.join(KATIB, "support", "invalid-experiment.yaml"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("algorithm 'invalid-algorithm' is not known", done.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + [a for a in sys.argv[1:] if a != "--update-golden"], verbosity=1)
