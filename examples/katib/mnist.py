#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands for /opt/pytorch-mnist/mnist.py of Katib's pytorch-mnist images where there is no container runtime.

It takes the same flags and reports loss and accuracy in the same ways, but trains a scikit-learn network with
stochastic gradient descent on the small digits data set that scikit-learn ships: no download, seconds instead of
minutes. See images.yaml beside it.
"""
import argparse
import json
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several trials share the machine
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

BATCHES_PER_LINE = 10


class TextLog:
    """Lines for the StdOut collector (no path) and the File collector in TEXT format."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8") if path else sys.stdout

    def line(self, text):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        print(f"{stamp} INFO     {text}", file=self.file, flush=True)

    def progress(self, epoch, seen, total, loss):
        self.line(f"Train Epoch: {epoch} [{seen}/{total} ({100 * seen // total}%)]\tloss={loss:.4f}")

    def tested(self, _epoch, accuracy, loss):
        self.line(f"{{metricName: accuracy, metricValue: {accuracy:.4f}}};{{metricName: loss, metricValue: {loss:.4f}}}")


class JsonLog:
    """One object a metric for the File collector in JSON format, in the manner of cloudml-hypertune."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")

    def progress(self, *_):
        pass

    def tested(self, epoch, accuracy, loss):
        for name, value in (("accuracy", accuracy), ("loss", loss)):
            record = {"timestamp": time.time(), "trial": "0", "global_step": str(epoch), "checkpoint_path": "",
                      name: f"{value:.4f}"}
            print(json.dumps(record), file=self.file, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--momentum", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log-path", default="")
    parser.add_argument("--logger", choices=["standard", "hypertune"], default="standard")
    args = parser.parse_args()
    if args.logger == "hypertune" and not args.log_path:
        parser.error("--logger=hypertune wants --log-path")
    log = JsonLog(args.log_path) if args.logger == "hypertune" else TextLog(args.log_path)

    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images / 16.0, labels, test_size=0.3, random_state=0, stratify=labels
    )
    model = MLPClassifier(
        hidden_layer_sizes=(64,),
        solver="sgd",
        learning_rate_init=args.lr,
        momentum=args.momentum,
        nesterovs_momentum=False,
        batch_size=args.batch_size,
        random_state=args.seed,
    )
    classes = np.unique(labels)
    order = np.random.RandomState(args.seed)
    chunk = args.batch_size * BATCHES_PER_LINE
    for epoch in range(1, args.epochs + 1):
        shuffled = order.permutation(len(train_x))
        for start in range(0, len(shuffled), chunk):
            rows = shuffled[start:start + chunk]
            if len(rows) < args.batch_size:
                break  # like a data loader that drops what does not fill a batch
            model.partial_fit(train_x[rows], train_y[rows], classes)
            log.progress(epoch, start + len(rows), len(shuffled), model.loss_)
        predicted = model.predict_proba(test_x)
        log.tested(epoch, np.mean(classes[predicted.argmax(axis=1)] == test_y), log_loss(test_y, predicted, labels=classes))


if __name__ == "__main__":
    main()
