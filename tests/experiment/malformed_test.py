#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Input that is wrong, through the program: each is answered with the text beside it, and within 0.1 s.

tests/data/malformed/NAME.yaml is an Experiment, configs/ has KatibConfigs and image-maps/ image maps (both for good.yaml),
outputs/ what a trial of good.yaml prints, requests/ what clients ask of `qalam suggest` (the method, then the message as text),
databases/ what is said of files that DATABASES makes. What a person reads is in NAME.yaml.expected. To renew those after a
change that is meant:
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


def names(folder, ending):
    return sorted(name for name in os.listdir(os.path.join(FOLDER, folder)) if name.endswith(ending))


# From the bytes of a whole database.
DATABASES = {
    "empty": lambda good: b"",
    "text": lambda good: b"experiment,trial,loss\n" * 40,
    "zeros": lambda good: bytes(len(good)),
    "archive": lambda good: b"PK\x03\x04" + good[4:],
    "of-another-program": lambda good: good[:68] + b"\x00\x00\x00\x01" + good[72:],
    "of-a-newer-qalam": lambda good: good[:60] + b"\x00\x00\x00\x63" + good[64:],
    "half": lambda good: good[:len(good) // 2],
    "only-its-header": lambda good: good[:100],
    "page-size-impossible": lambda good: good[:16] + b"\x00\x03" + good[18:],
}
METHODS = {"Suggestion/GetSuggestions": "GetSuggestionsRequest",
           "Suggestion/ValidateAlgorithmSettings": "ValidateAlgorithmSettingsRequest"}
CASES = {name: [name] for name in files("") if name != GOOD}
CASES.update({name: [GOOD, "--config", name] for name in files("configs")})
CASES.update({name: [GOOD, "--image-map", name] for name in files("image-maps")})
OUTPUTS = files("outputs")
# Of processor time, as the machine may be busy. QALAM_SLOWER: how many times slower a program with sanitizers may be.
SLOWER = float(os.environ.get("QALAM_SLOWER", "1"))
SECONDS = 0.1 * SLOWER


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
        requests = names("requests", ".txtpb")
        self.assertGreaterEqual(len(CASES) + len(OUTPUTS) + len(DATABASES) + len(requests), 175)

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

    def test_bombs_cost_little_memory(self):
        for name in ("yaml-bomb.yaml", "yaml-deep.yaml", os.path.join("configs", "bomb.yaml")):
            with self.subTest(name):
                peak = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); " \
                       "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
                done = subprocess.run([sys.executable, "-c", peak, QALAM, "lint", *CASES[name]], cwd=FOLDER,
                                      capture_output=True, text=True, timeout=60, check=True)
                self.assertLess(int(done.stdout) / 1024, 64 * SLOWER)

    def test_a_database_that_is_none_is_told_and_left_alone(self):
        with tempfile.TemporaryDirectory(prefix="qalam-malformed-") as folder:
            with open(os.path.join(FOLDER, GOOD), encoding="utf-8") as file:
                text = file.read()
            with open(os.path.join(folder, "e.yaml"), "w", encoding="utf-8") as file:
                file.write(text)
            subprocess.run([QALAM, "run", "e.yaml", "--no-progress"], cwd=folder, capture_output=True, timeout=120, check=True)
            with open(os.path.join(folder, "qalam.db"), "rb") as file:
                good = file.read()
            for name, make in DATABASES.items():
                with self.subTest(name):
                    path = os.path.join(folder, "other.db")
                    with open(path, "wb") as file:
                        file.write(make(good))
                    said = []
                    for verb in (["db", "check"], ["get", "experiments"], ["run", "e.yaml", "--no-progress"]):
                        if name == "empty" and verb[0] == "run":
                            continue  # an empty file is an empty database
                        before = resource.getrusage(resource.RUSAGE_CHILDREN)
                        done = subprocess.run([QALAM, *verb, "--db", "other.db"], cwd=folder, capture_output=True, text=True,
                                              timeout=60)
                        after = resource.getrusage(resource.RUSAGE_CHILDREN)
                        self.assertIn(done.returncode, (1, 2, 3), done.stderr)
                        self.assertLess(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, SECONDS)
                        said.append(f"$ qalam {' '.join(verb)} --db other.db  # exit {done.returncode}\n"
                                    + done.stdout + done.stderr)
                    with open(path, "rb") as file:
                        self.assertEqual(file.read(), make(good), "it was written to")
                    text = "".join(said).replace(os.path.realpath(folder) + "/", "")
                    self.expect(os.path.join("databases", name), re.sub(r"knows up to \d+", "knows up to N", text))

    def test_a_request_that_is_wrong_is_answered_with_what(self):
        with tempfile.TemporaryDirectory(prefix="qalam-malformed-") as folder:
            proto = os.path.join(FOLDER, "..", "..", "..", "proto")
            subprocess.run(["protoc", "-I", proto, "--python_out", folder, os.path.join(proto, "api.proto")], check=True)
            sys.path.insert(0, folder)
            import api_pb2
            import grpc
            from google.protobuf import text_format
            with subprocess.Popen([QALAM, "suggest", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as service:
                try:
                    channel = grpc.insecure_channel(service.stdout.readline().split()[-1])
                    ask(channel, "Suggestion/GetSuggestions", b"")  # it is connected
                    for name in names("requests", ".txtpb"):
                        with self.subTest(name), open(os.path.join(FOLDER, "requests", name), encoding="utf-8") as file:
                            text = file.read()
                            method = text.splitlines()[0][2:]
                            request = text_format.Parse(text, getattr(api_pb2, METHODS[method])()).SerializeToString()
                            cpu = cpu_of(service.pid)
                            answer = ask(channel, method, request)
                            self.assertLessEqual(cpu_of(service.pid) - cpu, SECONDS)
                            if name == "good.txtpb":
                                self.assertEqual(answer, "OK")
                            else:
                                self.expect(os.path.join("requests", name), answer + "\n")
                finally:
                    service.terminate()


def cpu_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(channel, method, request):
    import grpc
    try:
        channel.unary_unary("/api.v1.beta1." + method)(request, timeout=30)
        return "OK"
    except grpc.RpcError as fault:
        return f"{fault.code().name}: {fault.details()}"


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + [a for a in sys.argv[1:] if a != "--update-golden"], verbosity=1)
