#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains a small neural network on scikit-learn's handwritten digits and prints its metrics after each epoch.

Nothing here knows of Qalam: values come in as flags, metrics go out as name=value lines on stdout.
"""
import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several trials share the machine
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lr", type=float, default=1e-3, help="initial learning rate")
    parser.add_argument("--width", type=int, default=64, help="units in the hidden layer")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--solver", choices=["adam", "sgd"], default="adam")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images / 16.0, labels, test_size=0.3, random_state=0, stratify=labels
    )
    model = MLPClassifier(
        hidden_layer_sizes=(args.width,),
        solver=args.solver,
        learning_rate_init=args.lr,
        batch_size=args.batch_size,
        random_state=args.seed,
    )
    classes = np.unique(labels)
    for epoch in range(1, args.epochs + 1):
        model.partial_fit(train_x, train_y, classes)
        predicted = model.predict_proba(test_x)
        accuracy = np.mean(classes[predicted.argmax(axis=1)] == test_y)
        loss = log_loss(test_y, predicted, labels=classes)
        print(f"epoch={epoch} accuracy={accuracy:.4f} loss={loss:.4f}", flush=True)


if __name__ == "__main__":
    main()
