#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a small neural network on handwritten digits, and goes on where an earlier trial stopped.

What a trial that may be continued has to do, and all of it: keep its state in $QALAM_CHECKPOINT_DIR, and begin with the
state in $QALAM_RESUME_FROM when that is not empty. --epochs counts from the very beginning, over all trials. (Katib's
pbt has one folder for both, whose name it is told: --checkpoint. There --more counts from what was found in it.)
"""
import argparse
import gzip
import importlib.util
import os
import pathlib

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several trials share the machine
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

CLASSES = 10


def digits():
    """scikit-learn's 1,797 images of 8 by 8, without waiting for all of scikit-learn; a third of them for the test."""
    package = importlib.util.find_spec("sklearn").submodule_search_locations[0]
    with gzip.open(pathlib.Path(package, "datasets", "data", "digits.csv.gz"), "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    table = table[np.random.default_rng(0).permutation(len(table))]
    images, labels = table[:, :-1] / 16.0, table[:, -1].astype(int)
    return images[:1200], labels[:1200], images[1200:], labels[1200:]


class Network:
    """One hidden layer of ReLU, softmax, stochastic gradient descent with momentum and weight decay."""

    def __init__(self, width, seed):
        rng = np.random.default_rng(seed)
        shapes = [(64, width), (width,), (width, CLASSES), (CLASSES,)]
        self.weights = [rng.normal(0, np.sqrt(2 / shape[0]), shape) if len(shape) == 2 else np.zeros(shape)
                        for shape in shapes]
        self.speed = [np.zeros_like(w) for w in self.weights]
        self.epoch = 0

    def forward(self, images):
        hidden = np.maximum(images @ self.weights[0] + self.weights[1], 0)
        scores = hidden @ self.weights[2] + self.weights[3]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, scores / scores.sum(axis=1, keepdims=True)

    def learn(self, images, labels, args):
        order = np.random.default_rng([args.seed, self.epoch]).permutation(len(images))
        for at in range(0, len(order), args.batch_size):
            batch = order[at:at + args.batch_size]
            hidden, found = self.forward(images[batch])
            found[np.arange(len(batch)), labels[batch]] -= 1
            found /= len(batch)
            back = (found @ self.weights[2].T) * (hidden > 0)
            slopes = [images[batch].T @ back, back.sum(axis=0), hidden.T @ found, found.sum(axis=0)]
            for weight, speed, slope in zip(self.weights, self.speed, slopes):
                speed *= args.momentum
                speed -= args.lr * (slope + args.decay * weight)
                weight += speed
        self.epoch += 1

    def test(self, images, labels):
        found = self.forward(images)[1]
        likelihood = np.maximum(found[np.arange(len(labels)), labels], 1e-12)
        return np.mean(found.argmax(axis=1) == labels), -np.mean(np.log(likelihood))

    def save(self, folder):
        draft = os.path.join(folder, "network.draft.npz")  # a reader finds the old one or the new one, whole
        np.savez(draft, *self.weights, *self.speed, epoch=self.epoch)
        os.replace(draft, os.path.join(folder, "network.npz"))

    @classmethod
    def load(cls, folder):
        path = os.path.join(folder, "network.npz")
        if not folder or not os.path.exists(path):
            return None
        with np.load(path) as kept:
            arrays = [kept[f"arr_{i}"] for i in range(8)]
            network = cls.__new__(cls)
            network.weights, network.speed, network.epoch = arrays[:4], arrays[4:], int(kept["epoch"])
            return network


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--decay", type=float, default=1e-4)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=27, help="in all, those of the trials it goes on from included")
    parser.add_argument("--more", type=int, help="epochs beyond those of the trial it goes on from")
    parser.add_argument("--checkpoint", default=os.environ.get("QALAM_CHECKPOINT_DIR", ""))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    own = args.checkpoint
    # An attempt that was cut short has left its own state; else another trial may have.
    network = Network.load(own) or Network.load(os.environ.get("QALAM_RESUME_FROM", "")) or Network(args.width, args.seed)
    until = network.epoch + args.more if args.more else args.epochs
    train_images, train_labels, test_images, test_labels = digits()
    ledger = os.environ.get("DIGITS_LEDGER")  # for tests: who trained which epoch, by another way than the metrics
    with np.errstate(all="ignore"):  # a learning rate that is too high ends in numbers that are none
        while network.epoch < until:
            network.learn(train_images, train_labels, args)
            if own:
                network.save(own)
            if ledger:
                with open(ledger, "a", encoding="utf-8") as file:
                    file.write(f"{os.environ['QALAM_TRIAL_NAME']} {os.environ['QALAM_ATTEMPT']} {network.epoch}\n")
            accuracy, loss = network.test(test_images, test_labels)
            print(f"epoch={network.epoch} accuracy={accuracy:.4f} loss={loss:.5f}", flush=True)


if __name__ == "__main__":
    main()
