#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""darts_trial.py --algorithm-settings=S --search-space=O --num-layers=N: DARTS (Liu et al. 2019) on digits, in one trial.

Takes what Katib's image darts-cnn-cifar10 takes, and prints what it prints: `Best-Genotype=Genotype(...)` after each epoch
that is the best so far. A network of N cells is trained in which each edge is the mixture of all operations; half of the
digits teach its weights, the others how the operations are weighed (in first order). The genotype has the two strongest
edges of each node. Cells at a third and two thirds of N reduce the images, where N is 3 or more.
"""
import argparse
import json
import re
import sys

import numpy as np

import layers as nn

DEFAULTS = {"num_epochs": 50, "w_lr": 0.025, "w_lr_min": 0.001, "w_momentum": 0.9, "w_weight_decay": 3e-4, "w_grad_clip": 5.0,
            "alpha_lr": 3e-4, "alpha_weight_decay": 1e-3, "batch_size": 128, "init_channels": 16, "print_step": 50,
            "num_nodes": 4, "stem_multiplier": 3}  # Katib's


def literal(text):
    """JSON whose double quotes are single ones, perhaps within double quotes."""
    return json.loads(text.strip('"').replace("'", '"'))


def settings_of(text):
    found = {name: DEFAULTS[name] if value in (None, "", "None") else type(DEFAULTS[name])(value)
             for name, value in literal(text).items() if name in DEFAULTS}
    return argparse.Namespace(**{**DEFAULTS, **found})


def activated(network, *layers, channels, affine=False):
    return nn.Chain(nn.relu, *layers, nn.Normalisation(network, channels, affine))


def operation(network, name, channels, stride):
    """On so many channels, which it keeps; a stride halves the image."""
    if name == "none":
        return lambda x: nn.Value(np.zeros_like(x.data[:, ::stride, ::stride]))
    if name == "skip_connection":
        if stride == 1:
            return lambda x: x
        return activated(network, nn.Convolution(network, channels, channels, 1, stride), channels=channels)
    match = re.fullmatch(r"(separable_convolution|dilated_convolution|max_pooling|avg_pooling)_(\d+)x\2", name)
    if match is None:
        sys.exit(f"operation {name!r} is not one of separable_convolution_KxK, dilated_convolution_KxK, max_pooling_KxK, "
                 "avg_pooling_KxK, skip_connection, none")
    kind, size = match[1], int(match[2])
    if kind.endswith("pooling"):
        return nn.Chain(nn.Pooling(kind, size, stride), nn.Normalisation(network, channels, False))
    dilation = 2 if kind == "dilated_convolution" else 1

    def part(step):
        return activated(network, nn.DepthwiseConvolution(network, channels, size, step, 1, dilation),
                         nn.Convolution(network, channels, channels, 1), channels=channels)

    return part(stride) if dilation == 2 else nn.Chain(part(stride), part(1))


class Cell:
    """Nodes 0 and 1 are the cells before; each further node is the sum of an edge from every earlier one."""

    def __init__(self, network, operations, nodes, inputs, channels, reduces, halved):
        self.reduces, self.nodes = reduces, nodes
        # The older input is twice as large after a cell that reduced.
        self.ready = [activated(network, nn.Convolution(network, count, channels, 1, 2 if halved and i == 0 else 1),
                                channels=channels) for i, count in enumerate(inputs)]
        self.edges = [[operation(network, name, channels, 2 if reduces and source < 2 else 1) for name in operations]
                      for node in range(nodes) for source in range(node + 2)]

    def __call__(self, older, newer, weights):
        states = [self.ready[0](older), self.ready[1](newer)]
        edge = 0
        for node in range(self.nodes):
            pulls = []
            for state in states:
                pulls.append(nn.mixture([operation(state) for operation in self.edges[edge]], weights[edge]))
                edge += 1
            states.append(nn.total(pulls))
        return nn.concatenated(states[2:])


class Supernet(nn.Network):
    def __init__(self, settings, operations, layers, channels_in, classes, seed):
        super().__init__(seed)
        channels, stem = settings.init_channels, settings.init_channels * settings.stem_multiplier
        self.stem = nn.Chain(nn.Convolution(self, channels_in, stem, 3), nn.Normalisation(self, stem))
        reducing = {layers // 3, 2 * layers // 3} if layers >= 3 else set()
        self.cells, inputs, halved = [], [stem, stem], False
        for layer in range(layers):
            channels *= 2 if layer in reducing else 1
            self.cells.append(Cell(self, operations, settings.num_nodes, inputs, channels, layer in reducing, halved))
            inputs, halved = [inputs[1], channels * settings.num_nodes], layer in reducing
        self.last = nn.Dense(self, inputs[1], classes)
        edges = sum(node + 2 for node in range(settings.num_nodes))
        # How the operations of each edge are weighed, in cells that do not reduce and in those that do.
        self.alphas = {reduces: [nn.Value((1e-3 * self.rng.standard_normal(len(operations))).astype(nn.TYPE))
                                 for _ in range(edges)] for reduces in ([False, True] if reducing else [False])}

    def __call__(self, images):
        older = newer = self.stem(nn.Value(images))
        for cell in self.cells:
            older, newer = newer, cell(older, newer, self.alphas[cell.reduces])
        return self.last(nn.mean_of_image(newer))


def genotype(network, operations, nodes):
    """The two edges of each node whose strongest operation weighs most."""
    def cell(alphas):
        found, edge = [], 0
        for node in range(nodes):
            edges = []
            for source in range(node + 2):
                weights = np.exp(alphas[edge].data) / np.exp(alphas[edge].data).sum()
                weights[[name == "none" for name in operations]] = -1
                edges.append((weights.max(), operations[int(weights.argmax())], source))
                edge += 1
            strongest = sorted(sorted(edges, key=lambda e: -e[0])[:2], key=lambda e: e[2])
            found.append([(name, source) for _, name, source in strongest])
        return found

    after = f"range(2,{nodes + 2})"
    normal, reduce = cell(network.alphas[False]), cell(network.alphas[True]) if True in network.alphas else []
    return f"Genotype(normal={normal},normal_concat={after},reduce={reduce},reduce_concat={after})".replace(" ", "")


def set_free(values):
    for value in values:
        value.grad = None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--algorithm-settings", required=True, help="the settings of darts, with its defaults")
    parser.add_argument("--search-space", required=True, help="the operations, as type_KxK")
    parser.add_argument("--num-layers", type=lambda text: int(text.strip('"')), required=True, help="cells")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    settings, operations = settings_of(args.algorithm_settings), [*literal(args.search_space), "none"]
    images, labels = nn.digits(nn.images_wanted())
    kept = len(images) * 2 // 3
    half = kept // 2
    network = Supernet(settings, operations, args.num_layers, images.shape[3], 10, args.seed)
    alphas = [alpha for rows in network.alphas.values() for alpha in rows]
    print(f"{args.num_layers} cells of {settings.num_nodes} nodes, {len(alphas)} edges of {len(operations)} operations, "
          f"{network.weighted()} weights", flush=True)
    teacher = nn.Momentum(network.weights, settings.w_lr, settings.w_momentum, settings.w_weight_decay, settings.w_grad_clip)
    chooser = nn.Adam(alphas, settings.alpha_lr, (0.5, 0.999), settings.alpha_weight_decay)
    rng, epochs, best = np.random.default_rng(args.seed), nn.epochs_wanted(settings.num_epochs), -1.0
    for epoch in range(epochs):
        teacher.rate = settings.w_lr_min + (settings.w_lr - settings.w_lr_min) * (1 + np.cos(np.pi * epoch / epochs)) / 2
        choosing = list(nn.batches(kept - half, settings.batch_size, rng))
        for step, batch in enumerate(nn.batches(half, settings.batch_size, rng)):
            other = half + choosing[step % len(choosing)]
            loss, _ = nn.cross_entropy(network(images[other]), labels[other])
            nn.backward(loss)
            chooser.update()
            set_free(network.weights)
            loss, accuracy = nn.cross_entropy(network(images[batch]), labels[batch])
            nn.backward(loss)
            teacher.update()
            set_free(alphas)
            if step % settings.print_step == 0:
                print(f"Train: [{epoch + 1}/{epochs}] Step {step} Loss {float(loss.data):.3f} Accuracy {accuracy:.4f}", flush=True)
        network.training = False
        loss, accuracy = nn.cross_entropy(network(images[kept:]), labels[kept:])
        network.training = True
        print(f"Valid: [{epoch + 1}/{epochs}] Loss {float(loss.data):.3f} Accuracy {accuracy:.4f}", flush=True)
        if accuracy > best:
            best = accuracy
            print(f"Best-Genotype={genotype(network, operations, settings.num_nodes)}", flush=True)
    print(f"Best accuracy {best:.4f}")


if __name__ == "__main__":
    main()
