#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tidy.py runs clang-tidy on what changed and on nothing else; a stand-in notes what it was asked."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy.py")
STAND_IN = """#!/bin/sh
if [ "$1" = --version ]; then cat "$(dirname "$0")/version"; exit 0; fi
for last; do :; done
basename "$last" >> "$(dirname "$0")/asked"
if grep -q BAD "$last"; then echo "$last:1:1: error: bad [bugprone-bad]"; exit 1; fi
"""


class Tidy(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = os.path.realpath(self.folder.name)
        self.write("bin/clang-tidy-16", STAND_IN)
        os.chmod(os.path.join(self.root, "bin/clang-tidy-16"), 0o755)
        self.write("bin/version", "16.0.6\n")
        self.write(".clang-tidy", "Checks: bugprone-*\n")
        self.write("core/a.cc", '#include "core/a.h"\n')
        self.write("core/b.cc", "int b;\n")
        self.write("core/a.h", '#include "core/deep.h"\n')
        self.write("core/deep.h", "int deep;\n")
        self.write("build/release/made.cc", "BAD\n")
        self.commands()

    def tearDown(self):
        self.folder.cleanup()

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def commands(self, flags="-O2"):
        build = os.path.join(self.root, "build/release")
        self.write("build/release/compile_commands.json", json.dumps([
            {"directory": build, "file": os.path.join(self.root, name), "command": f"/usr/bin/ccache /usr/bin/c++ {flags} -c {name}"}
            for name in ("core/a.cc", "core/b.cc", "build/release/made.cc")]))

    def run_tidy(self):
        """(exit code, names asked about, output)"""
        asked = os.path.join(self.root, "bin/asked")
        if os.path.exists(asked):
            os.remove(asked)
        path = os.path.join(self.root, "bin") + os.pathsep + os.environ["PATH"]
        done = subprocess.run([sys.executable, TIDY, "--root", self.root, "--jobs", "2"], capture_output=True, text=True,
                              env={**os.environ, "PATH": path}, check=False)
        names = []
        if os.path.exists(asked):
            with open(asked, encoding="utf-8") as file:
                names = sorted(file.read().split())
        return done.returncode, names, done.stdout

    def test_every_own_file_is_checked_once_and_generated_ones_never(self):
        self.assertEqual(self.run_tidy()[:2], (0, ["a.cc", "b.cc"]))
        self.assertEqual(self.run_tidy()[:2], (0, []))

    def test_a_changed_file_is_checked_again(self):
        self.run_tidy()
        self.write("core/b.cc", "int c;\n")
        self.assertEqual(self.run_tidy()[:2], (0, ["b.cc"]))

    def test_a_header_however_deep_brings_its_users_back(self):
        self.run_tidy()
        self.write("core/deep.h", "int deeper;\n")
        self.assertEqual(self.run_tidy()[:2], (0, ["a.cc"]))

    def test_other_checks_flags_or_versions_bring_everything_back(self):
        self.run_tidy()
        self.write(".clang-tidy", "Checks: performance-*\n")
        self.assertEqual(self.run_tidy()[1], ["a.cc", "b.cc"])
        self.commands("-O1")
        self.assertEqual(self.run_tidy()[1], ["a.cc", "b.cc"])
        self.write("bin/version", "16.0.7\n")
        self.assertEqual(self.run_tidy()[1], ["a.cc", "b.cc"])

    def test_a_file_that_failed_is_shown_and_fails_until_it_is_mended(self):
        self.write("core/b.cc", "BAD\n")
        for asked in (["a.cc", "b.cc"], ["b.cc"]):
            code, names, out = self.run_tidy()
            self.assertEqual((code, names), (1, asked))
            self.assertIn("core/b.cc:1:1: error: bad", out)
        self.write("core/b.cc", "int good;\n")
        self.assertEqual(self.run_tidy()[:2], (0, ["b.cc"]))

    def test_nothing_to_check_is_a_fault(self):
        self.write("build/release/compile_commands.json", "[]")
        self.assertEqual(self.run_tidy()[0], 1)


if __name__ == "__main__":
    unittest.main()
