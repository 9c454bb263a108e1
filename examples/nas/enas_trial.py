#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""enas_trial.py --architecture=A --nn_config=C: builds the network that an `enas` trial describes and trains it on digits.

Takes what Katib's image enas-cnn-cifar10 takes, and prints what it prints. Layer l, counted from 1, is
[operation, skip_0, .., skip_(l-2)]: the number of an operation of `nn_config`, and which of the earlier outputs it takes
beside that of the layer before: 0 is the input itself. The network begins with the images, whatever `input_sizes` says:
digits are 8 by 8 by 1.
"""
import argparse
import json
import sys
import time

import numpy as np

import layers as nn


SIZES = ("filter_size", "num_filter", "stride", "depth_multiplier", "pool_size")


def literal(text):
    """JSON whose double quotes are single ones, perhaps within double quotes."""
    return json.loads(text.strip('"').replace("'", '"'))


def operation(network, config, channels, rows):
    """The layer of an entry of `embedding` on images of so many rows; the channels and the rows that it gives."""
    kind, options = config["opt_type"], config["opt_params"]
    number = {name: int(float(options[name])) for name in SIZES if name in options}
    if kind == "reduction":
        if rows < 2:
            return lambda x: x, channels, rows  # nothing left to reduce
        pooling = options.get("reduction_type", "max_pooling")
        if pooling not in ("max_pooling", "avg_pooling"):
            sys.exit(f"reduction_type {pooling!r} is neither max_pooling nor avg_pooling")
        size = number.get("pool_size", 2)
        return nn.Pooling(pooling, size, size), channels, -(-rows // size)
    size, stride = number.get("filter_size", 3), number.get("stride", 1)
    multiplier, filters = number.get("depth_multiplier", 1), number.get("num_filter", 32)
    if kind == "convolution":
        parts, out = [nn.Convolution(network, channels, filters, size, stride)], filters
    elif kind == "separable_convolution":
        parts = [nn.DepthwiseConvolution(network, channels, size, stride, multiplier),
                 nn.Convolution(network, channels * multiplier, filters, 1)]
        out = filters
    elif kind == "depthwise_convolution":
        parts, out = [nn.DepthwiseConvolution(network, channels, size, stride, multiplier)], channels * multiplier
    else:
        sys.exit(f"operation {kind!r} is not one of convolution, separable_convolution, depthwise_convolution, reduction")
    return nn.Chain(*parts, nn.Normalisation(network, out), nn.relu), out, -(-rows // stride)


class Child(nn.Network):
    def __init__(self, architecture, config, shape, classes, seed):
        super().__init__(seed)
        self.inputs, self.operations = [], []
        rows, channels = [shape[1]], [shape[3]]  # of the images, then of each layer's output
        for number, (chosen, *skips) in enumerate(architecture):
            sources = [number] + [source for source, taken in enumerate(skips[:number]) if taken]
            low = min(rows[source] for source in sources)
            try:
                embedding = config["embedding"][str(chosen)]
            except KeyError:
                sys.exit(f"nn_config says nothing of operation {chosen} of layer {number}")
            layer, out, smaller = operation(self, embedding, sum(channels[source] for source in sources), low)
            self.inputs.append(sources)
            self.operations.append(layer)
            rows.append(smaller)
            channels.append(out)
        self.last = nn.Dense(self, channels[-1], classes)

    def __call__(self, images):
        outputs = [nn.Value(images)]
        for sources, layer in zip(self.inputs, self.operations):
            outputs.append(layer(nn.concatenated([outputs[source] for source in sources])))
        return self.last(nn.mean_of_image(outputs[-1]))


def test(network, images, labels):
    """Loss and accuracy."""
    network.training = False
    loss, accuracy = nn.cross_entropy(network(images), labels)
    network.training = True
    return float(loss.data), accuracy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", required=True, help="a list of each layer's operation and skip connections")
    parser.add_argument("--nn_config", required=True, help="what each operation is, and the network's sizes")
    parser.add_argument("--num_epochs", type=int, default=10)
    parser.add_argument("--num_gpus", type=int, default=0, help="Katib's; there are none here")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--learning_rate", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    architecture, config = literal(args.architecture), literal(args.nn_config)
    images, labels = nn.digits(nn.images_wanted())
    kept = len(images) * 2 // 3
    shape = images.shape
    network = Child(architecture, config, shape, int(config["output_sizes"][-1]), args.seed)
    print(f"{len(architecture)} layers, {network.weighted()} weights, {kept} images of {shape[1]}x{shape[2]}x{shape[3]} "
          f"to learn", flush=True)
    optimizer, rng, begin = nn.Adam(network.weights, args.learning_rate), np.random.default_rng(args.seed), time.monotonic()
    for epoch in range(1, nn.epochs_wanted(args.num_epochs) + 1):
        seen = []
        for batch in nn.batches(kept, args.batch_size, rng):
            loss, accuracy = nn.cross_entropy(network(images[batch]), labels[batch])
            nn.backward(loss)
            optimizer.update()
            seen.append((float(loss.data), accuracy))
        learned = np.mean(seen, axis=0)
        tested = test(network, images[kept:], labels[kept:])
        print(f"Epoch {epoch}: {time.monotonic() - begin:.1f} s\nTraining-Loss={learned[0]:.4f}\n"
              f"Training-Accuracy={learned[1]:.4f}\nValidation-Loss={tested[0]:.4f}\n"
              f"Validation-Accuracy={tested[1]:.4f}", flush=True)


if __name__ == "__main__":
    main()
