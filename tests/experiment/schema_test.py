#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`qalam schema` under a foreign JSON Schema validator: it is a schema, Katib's examples pass, faults do not."""
import copy
import glob
import json
import os
import subprocess
import unittest

import jsonschema
import yaml

QALAM = os.environ["QALAM"]
DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")


def load(path):
    with open(os.path.join(DATA, path), encoding="utf-8") as file:
        return yaml.safe_load(file)


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.schema = json.loads(subprocess.check_output([QALAM, "schema"], text=True))
        cls.validator = jsonschema.Draft7Validator(cls.schema)

    def faults(self, document):
        return ["/".join(map(str, e.absolute_path)) for e in self.validator.iter_errors(document)]

    def test_it_is_a_schema(self):
        jsonschema.Draft7Validator.check_schema(self.schema)

    def test_yaml_says_the_same(self):
        text = subprocess.check_output([QALAM, "schema", "-o", "yaml"], text=True)
        self.assertEqual(yaml.safe_load(text), self.schema)

    def test_every_example_of_katib_passes(self):
        seen = 0
        for path in glob.glob(os.path.join(DATA, "katib", "**", "*.yaml"), recursive=True):
            if os.sep + "golden" + os.sep in path:
                continue
            document = load(path)
            if document["kind"] != "Experiment":
                continue
            seen += 1
            self.assertEqual(self.faults(document), [], path)
        self.assertGreaterEqual(seen, 25)

    def test_faults_are_found(self):
        good = load("katib/hp-tuning/random.yaml")

        def change(edit):
            document = copy.deepcopy(good)
            edit(document)
            return self.faults(document)

        self.assertEqual(change(lambda d: d["spec"]["objective"].update(type="minimise")), ["spec/objective/type"])
        self.assertEqual(change(lambda d: d["spec"].update(maxTrialCount=0)), ["spec/maxTrialCount"])
        self.assertEqual(change(lambda d: d["spec"].update(maxTrialCount="12")), ["spec/maxTrialCount"])
        self.assertEqual(change(lambda d: d["spec"].pop("algorithm")), ["spec"])
        self.assertEqual(change(lambda d: d["spec"].update(algoritm={})), ["spec"])
        self.assertEqual(change(lambda d: d["metadata"].update(name="Upper")), ["metadata/name"])
        self.assertEqual(change(lambda d: d["metadata"].update(name="a" * 41)), ["metadata/name"])
        self.assertEqual(change(lambda d: d.update(apiVersion="v1")), ["apiVersion"])
        space = lambda d: d["spec"]["parameters"][0]["feasibleSpace"]
        self.assertEqual(change(lambda d: space(d).update(distribution="log")),
                         ["spec/parameters/0/feasibleSpace/distribution"])
        self.assertEqual(change(lambda d: space(d).update(min=0.01, step=None)), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
