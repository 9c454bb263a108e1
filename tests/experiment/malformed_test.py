#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Experiments that are wrong, through the program: each is refused with the text beside it, and within 0.1 s.

tests/data/malformed/NAME.yaml, and what a person reads in NAME.yaml.expected. To renew those after a change that is meant:
    QALAM=build/dev/qalam python3 tests/experiment/malformed_test.py --update-golden
"""
import os
import re
import resource
import subprocess
import sys
import unittest

QALAM = os.path.abspath(os.environ["QALAM"])
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "malformed")
UPDATE = "--update-golden" in sys.argv
CASES = sorted(name for name in os.listdir(FOLDER) if not name.endswith(".expected"))
# Of processor time, as the machine may be busy. QALAM_SLOWER: how many times slower a program with sanitizers may be.
SECONDS = 0.1 * float(os.environ.get("QALAM_SLOWER", "1"))


class Malformed(unittest.TestCase):
    def lint(self, name):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([QALAM, "lint", name], cwd=FOLDER, capture_output=True, text=True, timeout=60)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def test_there_are_many(self):
        self.assertGreaterEqual(len(CASES), 60)

    def test_each_is_refused_with_the_expected_text(self):
        for name in CASES:
            with self.subTest(name):
                done, _ = self.lint(name)
                self.assertEqual(done.returncode, 2, done.stderr)
                path = os.path.join(FOLDER, name + ".expected")
                if UPDATE:
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(done.stdout)
                with open(path, encoding="utf-8") as file:
                    self.assertEqual(done.stdout, file.read())

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
