#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/optimizers through the whole program: no trial has a value, or is told one, of what is not active, but its
`else`. QALAM names the program."""
import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
QALAM = os.environ["QALAM"]
FILE = "examples/optimizers/experiment.yaml"
ELSE = {"momentum": 0, "nesterov": "no", "beta2": 0.999}


def active(assignments):
    """Said once more, by hand."""
    names = {"optimizer", "lr"}
    if assignments["optimizer"] == "sgd":
        names.add("momentum")
        if float(assignments["momentum"]) >= 0.1:
            names.add("nesterov")
    else:
        names.add("beta2")
    return names


class Conditional(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        shutil.copytree(os.path.join(ROOT, "examples"), os.path.join(self.folder.name, "examples"))

    def tearDown(self):
        self.folder.cleanup()

    def qalam(self, *words, text=None):
        done = subprocess.run([QALAM, *words], cwd=self.folder.name, input=text or "", capture_output=True, text=True,
                              timeout=300, check=False)
        self.assertEqual(done.returncode, 0, f"qalam {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def trials(self):
        with sqlite3.connect(f"file:{self.folder.name}/qalam.db?mode=ro", uri=True) as db:
            return db.execute("SELECT name, status, assignments FROM trials ORDER BY id").fetchall()

    def check(self, count):
        seen, kinds = set(), set()
        trials = self.trials()
        self.assertEqual(len(trials), count)
        for name, status, kept in trials:
            self.assertEqual(status, "Succeeded", name)
            pairs = json.loads(kept)
            assignments = pairs if isinstance(pairs, dict) else {a["name"]: a["value"] for a in pairs}
            self.assertEqual(set(assignments), active(assignments), name)
            self.assertNotIn(kept, seen, "no point twice")
            seen.add(kept)
            kinds.add(frozenset(assignments))
            lines = dict(line.split(" ", 1) for line in self.qalam("logs", name).splitlines() if line[:5] in ("told ", "file "))
            for told in (json.loads(lines["told"]), json.loads(lines["file"])):
                self.assertEqual(set(told), {"optimizer", "lr", *ELSE}, name)
                for parameter, value in told.items():
                    wanted = assignments.get(parameter, ELSE.get(parameter))
                    same = float(value) == float(wanted) if isinstance(value, (int, float)) else value == wanted
                    self.assertTrue(same, f"{name}: {parameter} is {value}, not {wanted}")
        self.assertGreater(len(kinds), 1, "more than one branch was tried")

    def test_every_trial_has_what_is_active_and_is_told_else_for_the_rest(self):
        for algorithm in ("tpe", "auto", "random", "bayesianoptimization"):
            with self.subTest(algorithm):
                with open(os.path.join(self.folder.name, FILE), encoding="utf-8") as file:
                    text = file.read().replace("algorithmName: tpe", f"algorithmName: {algorithm}")
                for leftover in ("qalam.db", "qalam.db-wal", "qalam.db-shm"):
                    path = os.path.join(self.folder.name, leftover)
                    if os.path.exists(path):
                        os.remove(path)
                shutil.rmtree(os.path.join(self.folder.name, "qalam.db.d"), ignore_errors=True)
                with open(os.path.join(self.folder.name, "e.yaml"), "w", encoding="utf-8") as file:
                    file.write(text)
                self.qalam("run", "e.yaml", "-n", "16")
                self.check(16)

    def test_tables_show_nothing_where_nothing_is(self):
        self.qalam("run", FILE, "-n", "12")
        rows = list(csv.DictReader(io.StringIO(self.qalam("export", "exp", "optimizers", "-o", "csv"))))
        self.assertEqual(len(rows), 12)
        for row in rows:
            given = {name for name in ("optimizer", "lr", *ELSE) if row[name] != ""}
            self.assertEqual(given, active(row))
        described = self.qalam("describe", "exp", "optimizers")
        self.assertIn("ONLY IF", described)
        self.assertIn("optimizer in [adam, rmsprop], else 0.999", described)

    def test_what_would_be_tried_next_has_a_column_for_each_parameter(self):
        lines = self.qalam("ask", FILE, "-n", "6").splitlines()
        self.assertEqual(lines[0].split(), ["TRIAL", "optimizer", "lr", "momentum", "nesterov", "beta2"])
        place = {name: lines[0].index(name) for name in ("momentum", "beta2")}
        for line in lines[1:]:
            sgd = " sgd " in line
            self.assertEqual(line[place["momentum"]:place["momentum"] + 1].strip() != "", sgd, line)
            self.assertEqual(line[place["beta2"]:place["beta2"] + 1].strip() != "", not sgd, line)

    def test_every_form_keeps_the_conditions(self):
        short = self.qalam("convert", FILE, "--to", "short")
        self.assertIn("when: optimizer == sgd", short)
        again = self.qalam("convert", "-", "--to", "katib", text=short)
        for line in ("momentum: optimizer == sgd, else 0", "nesterov: momentum >= 0.1, else no",
                     "beta2: optimizer in [adam, rmsprop], else 0.999"):
            self.assertIn(line, again)
        self.assertEqual(self.qalam("convert", "-", "--to", "short", text=again), short)
        self.qalam("run", FILE, "-n", "2")
        self.assertIn("momentum: optimizer == sgd, else 0", self.qalam("get", "exp", "optimizers", "-o", "yaml"))
        clone = self.qalam("clone", "exp", "optimizers", "--as", "twin", "-o", "yaml")
        self.assertIn("nesterov: momentum >= 0.1, else no", clone)
        dry = self.qalam("run", FILE, "-n", "4", "--dry-run", "--db", "other.db")
        self.assertNotIn("trialParameters.momentum}", dry)

    def test_a_command_line_has_conditions_too(self):
        out = self.qalam("run", "-p", "opt=sgd,adam", "-p", "m=real(0.5,1) when opt == sgd, else 0", "--minimize", "loss",
                         "-n", "8", "--", "sh", "-c", "echo loss=$1; test $0 = adam && test $1 != 0 && exit 1; exit 0", "{opt}",
                         "{m}")
        self.assertIn("8 trials", out)

    def test_what_is_not_active_cannot_be_enqueued(self):
        self.qalam("run", "--name", "two", "-p", "opt=sgd,adam", "-p", "m=real(0.5,1) when opt == sgd, else 0", "--minimize",
                   "loss", "-n", "2", "--", "sh", "-c", "echo loss=$1", "{opt}", "{m}")
        self.qalam("edit", "exp", "two", "--max-trials", "4")
        done = subprocess.run([QALAM, "enqueue", "exp", "two", "opt=adam", "m=0.5"], cwd=self.folder.name,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("parameter 'm' is given, which is there only if opt == sgd", done.stderr)
        self.qalam("enqueue", "exp", "two", "opt=adam")


if __name__ == "__main__":
    unittest.main()
