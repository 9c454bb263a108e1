#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Input that is wrong, through the program: each is answered with the text beside it, and within 0.1 s.

tests/data/malformed/NAME.yaml is an Experiment, configs/ has KatibConfigs and image-maps/ image maps (both for good.yaml),
outputs/ what a trial of good.yaml prints. What a person reads is in NAME.yaml.expected. To renew those after a change that
is meant:
    QALAM=build/dev/qalam python3 tests/experiment/malformed_test.py --update-golden
"""
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import unittest

QALAM = os.path.abspath(os.environ["QALAM"])
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "malformed")
UPDATE = "--update-golden" in sys.argv
GOOD = "good.yaml"


def files(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(os.path.join(FOLDER, folder))
                  if not name.endswith(".expected") and os.path.isfile(os.path.join(FOLDER, folder, name)))


CASES = {name: [name] for name in files("") if name != GOOD}
CASES.update({name: [GOOD, "--config", name] for name in files("configs")})
CASES.update({name: [GOOD, "--image-map", name] for name in files("image-maps")})
OUTPUTS = files("outputs")
# Of processor time, as the machine may be busy. QALAM_SLOWER: how many times slower a program with sanitizers may be.
SECONDS = 0.1 * float(os.environ.get("QALAM_SLOWER", "1"))


class Malformed(unittest.TestCase):
    def lint(self, name):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([QALAM, "lint", *CASES[name]], cwd=FOLDER, capture_output=True, timeout=60,
                              encoding="utf-8", errors="replace")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def expect(self, name, text):
        path = os.path.join(FOLDER, name + ".expected")
        if UPDATE:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(text, file.read())

    def test_there_are_many(self):
        self.assertGreaterEqual(len(CASES) + len(OUTPUTS), 140)  # damaged databases: tests/store/check_test.cc

    def test_what_they_are_tried_with_is_good(self):
        done = subprocess.run([QALAM, "lint", GOOD], cwd=FOLDER, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (0, "0 errors\n"))

    def test_each_is_refused_with_the_expected_text(self):
        for name in CASES:
            with self.subTest(name):
                done, _ = self.lint(name)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.expect(name, done.stdout)

    def test_what_a_trial_prints_and_is_no_metric_is_told(self):
        with open(os.path.join(FOLDER, GOOD), encoding="utf-8") as file:
            good = file.read()
        for name in OUTPUTS:
            with self.subTest(name), tempfile.TemporaryDirectory(prefix="qalam-malformed-") as folder:
                command = ["cat", os.path.abspath(os.path.join(FOLDER, name))]
                text = re.sub(r"command: .*", lambda _: "command: " + json.dumps(command), good)
                text = text.replace("maxTrialCount: 4", "maxTrialCount: 1").replace("[{name: lr, reference: lr}]", "[]")
                with open(os.path.join(folder, "e.yaml"), "w", encoding="utf-8") as file:
                    file.write(text)
                subprocess.run([QALAM, "run", "e.yaml", "--no-progress"], cwd=folder, capture_output=True, timeout=120)
                last = "jsonpath={.items[0].status.conditions[-1:].message}"
                done = subprocess.run([QALAM, "get", "trials", "good", "-o", last], cwd=folder, capture_output=True,
                                      timeout=60, encoding="utf-8")
                self.assertIn("fix: ", done.stdout)
                self.expect(name, done.stdout + "\n")

    def test_each_text_names_the_file_and_a_place(self):
        for name in CASES:
            with self.subTest(name):
                first = self.lint(name)[0].stdout.splitlines()[0]
                self.assertRegex(first, "^" + re.escape(name) + r":(\d+:\d+:)? (error|warning): \S")

    def test_each_is_refused_at_once(self):
        for name in CASES:
            with self.subTest(name):
                self.assertLess(min(self.lint(name)[1] for _ in range(3)), SECONDS)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + [a for a in sys.argv[1:] if a != "--update-golden"], verbosity=1)
