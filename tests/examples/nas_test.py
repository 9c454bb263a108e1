#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The trainers of examples/nas: gradients against central differences, networks as they are told, and digits learned."""
import os
import re
import subprocess
import sys
import unittest

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "nas")
sys.path.insert(0, FOLDER)
sys.dont_write_bytecode = True

import numpy as np  # noqa: E402

import darts_trial  # noqa: E402
import enas_trial  # noqa: E402
import layers as nn  # noqa: E402

OPERATIONS = {
    0: ("convolution", {"filter_size": "3", "num_filter": "8", "stride": "1"}),
    1: ("separable_convolution", {"filter_size": "3", "num_filter": "8", "stride": "2", "depth_multiplier": "2"}),
    2: ("depthwise_convolution", {"filter_size": "3", "stride": "1", "depth_multiplier": "1"}),
    3: ("reduction", {"reduction_type": "avg_pooling", "pool_size": 3}),
}
CONFIG = {"num_layers": 4, "input_sizes": [32, 32, 3], "output_sizes": [10], "embedding": {
    str(number): {"opt_id": number, "opt_type": kind, "opt_params": options}
    for number, (kind, options) in OPERATIONS.items()}}


def run(program, *words, code=0):
    done = subprocess.run(["/usr/bin/python3", os.path.join(FOLDER, program), *words], capture_output=True, text=True,
                          timeout=300, check=False, env={**os.environ, "NAS_IMAGES": "900"})
    if done.returncode != code:
        raise AssertionError(f"{program} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Gradients(unittest.TestCase):
    def setUp(self):
        self.kept, nn.TYPE = nn.TYPE, np.float64

    def tearDown(self):
        nn.TYPE = self.kept

    def check(self, make):
        """Of the layer that `make(network)` gives, for its input of 5 by 5 by 2 and all its weights."""
        rng, network = np.random.default_rng(0), nn.Network(1)
        layer, x = make(network), nn.Value(rng.standard_normal((3, 5, 5, 2)))
        weigh = rng.standard_normal(layer(x).data.shape)

        def loss(of):
            y = layer(of)
            return nn.Value((y.data * weigh).sum(), (y,), lambda grad: y.add(grad * weigh))

        nn.backward(loss(x))
        for value in [x, *network.weights]:
            for _ in range(6):
                at, step = tuple(rng.integers(size) for size in value.data.shape), 1e-5
                here = value.data[at]
                ends = []
                for moved in (here + step, here - step):
                    value.data[at] = moved
                    ends.append(float(loss(nn.Value(x.data)).data))
                value.data[at] = here
                self.assertAlmostEqual((ends[0] - ends[1]) / (2 * step), value.grad[at], delta=1e-6)

    def test_of_every_layer(self):
        def mixed(network):
            alphas, pool = network.weight(2, 1), nn.Pooling("avg_pooling", 3, 1)
            return lambda x: nn.mixture([x, pool(x)], alphas)

        def ended(network):
            last = nn.Dense(network, 2, 3)
            return lambda x: last(nn.mean_of_image(nn.relu(x)))

        def scored(network):
            last = nn.Dense(network, 2, 4)
            return lambda x: nn.cross_entropy(last(nn.mean_of_image(x)), np.array([0, 3, 1]))[0]

        for size, stride in ((1, 1), (2, 1), (3, 2), (5, 1), (2, 2)):
            with self.subTest(size=size, stride=stride):
                self.check(lambda network: nn.Convolution(network, 2, 3, size, stride))
                self.check(lambda network: nn.DepthwiseConvolution(network, 2, size, stride, 2))
                self.check(lambda network: nn.Pooling("max_pooling", size, stride))
                self.check(lambda network: nn.Pooling("avg_pooling", size, stride))
        for make in (lambda network: nn.DepthwiseConvolution(network, 2, 3, 1, 1, 2),
                     lambda network: nn.Normalisation(network, 2), mixed, ended, scored,
                     lambda network: lambda x: nn.total([x, nn.relu(x)]),
                     lambda network: lambda x: nn.concatenated([x, nn.Pooling("max_pooling", 2, 2)(x)])):
            self.check(make)


class Enas(unittest.TestCase):
    def test_the_network_is_what_it_is_told(self):
        child = enas_trial.Child([[0], [2, 1], [3, 0, 1], [1, 1, 0, 1]], CONFIG, (1, 8, 8, 1), 10, 0)
        self.assertEqual(child.inputs, [[0], [1, 0], [2, 1], [3, 0, 2]])
        self.assertEqual(child(np.zeros((5, 8, 8, 1), nn.TYPE)).data.shape, (5, 10))
        convolution, depthwise = 9 * 8 + 16, 9 * (8 + 1) + 2 * (8 + 1)  # of layer 1 and the input
        taken = 17 + 1 + 9  # layer 3 hands on what it takes of the layers 2 and 1; then the input and layer 2
        separable = 9 * taken * 2 + taken * 2 * 8 + 16
        self.assertEqual(child.weighted(), convolution + depthwise + separable + 8 * 10 + 10)

    def test_it_learns_and_prints_what_katibs_does(self):
        out = run("enas_trial.py", "--num_epochs=4", f'--architecture="{[[0], [0, 1], [3, 0, 1], [0, 1, 0, 0]]}"',
                  f'--nn_config="{CONFIG}"')
        for name in ("Training-Accuracy", "Training-Loss", "Validation-Loss"):
            self.assertEqual(len(re.findall(rf"^{name}=\d+\.\d+$", out, re.M)), 4, out)
        accuracies = [float(found) for found in re.findall(r"^Validation-Accuracy=([\d.]+)$", out, re.M)]
        self.assertEqual(len(accuracies), 4)
        self.assertGreater(max(accuracies), 0.8)
        self.assertGreater(accuracies[-1], accuracies[0])

    def test_what_it_does_not_know_it_says(self):
        config = str({**CONFIG, "embedding": {"0": {"opt_type": "attention", "opt_params": {}}}})
        self.assertIn("operation 'attention' is not one of", run(
            "enas_trial.py", "--architecture=[[0]]", f"--nn_config={config}", code=1))
        self.assertIn("nn_config says nothing of operation 7", run(
            "enas_trial.py", "--architecture=[[7]]", f"--nn_config={CONFIG}", code=1))


class Darts(unittest.TestCase):
    SPACE = ["separable_convolution_3x3", "dilated_convolution_3x3", "avg_pooling_3x3", "max_pooling_3x3", "skip_connection"]

    def test_its_genotype_has_two_edges_a_node_and_reduces_where_there_are_three_cells(self):
        settings = {"num_epochs": "6", "num_nodes": "2", "init_channels": "4", "batch_size": "50", "w_grad_clip": "None",
                    "w_lr": "0.1"}
        out = run("darts_trial.py", f'--algorithm-settings="{settings}"', f'--search-space="{self.SPACE}"',
                  '--num-layers="3"')
        genotypes = re.findall(r"^Best-Genotype=(Genotype\(.*\))$", out, re.M)
        self.assertGreaterEqual(len(genotypes), 1, out)
        found = eval(genotypes[-1], {"Genotype": lambda **parts: parts, "range": range})  # pylint: disable=eval-used
        self.assertEqual(found["normal_concat"], range(2, 4))
        for cell in (found["normal"], found["reduce"]):
            self.assertEqual([len(edges) for edges in cell], [2, 2])
            for node, edges in enumerate(cell):
                self.assertEqual(len({source for _, source in edges}), 2)
                for name, source in edges:
                    self.assertIn(name, self.SPACE)
                    self.assertLess(source, node + 2)
        self.assertGreater(float(re.search(r"Best accuracy ([\d.]+)", out)[1]), 0.4)


if __name__ == "__main__":
    sys.exit(unittest.main())
