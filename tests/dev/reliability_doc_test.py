#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/reliability.md names tests that exist, and every promise once."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
PROMISES = [f"P{n}" for n in [*range(1, 29), *range(33, 38)]]
TEST = re.compile(r"\bTEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)")


class ReliabilityPage(unittest.TestCase):
    def test_every_test_that_is_named_is_there(self):
        there = {".".join(found) for path in (ROOT / "tests").rglob("*.cc")
                 for found in TEST.findall(path.read_text(encoding="utf-8"))}
        named = re.findall(r"`([A-Z]\w+\.[A-Z]\w+)`", PAGE)
        self.assertGreater(len(named), 50)
        self.assertEqual([name for name in named if name not in there], [])

    def test_every_file_that_is_named_is_there(self):
        for name in re.findall(r"`(tests/[\w/.]+)`", PAGE):
            self.assertTrue((ROOT / name).exists(), name)

    def test_every_promise_has_a_row(self):
        self.assertEqual(re.findall(r"^\| (P\d+) \|", PAGE, re.MULTILINE), PROMISES)


if __name__ == "__main__":
    unittest.main()
