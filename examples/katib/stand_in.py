#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stand_in.py IMAGE FLAGS...: stands for the programs in the images of Katib's examples, where no container runs.

It takes the flags of each and reports the same metrics in the same way, but learns something small: letters of 5 by 7
dots that noise has spoilt. Python's standard library is enough, and a trial takes a fraction of a second. images.yaml,
beside it, says which image it stands for.
"""
import argparse
import json
import math
import os
import random
import struct
import sys
import time

LETTERS = """
.###. ####. .#### ####. ##### ##### .###. #...# .###. ...##
#...# #...# #.... #...# #.... #.... #...# #...# ..#.. ....#
#...# #...# #.... #...# #.... #.... #.... #...# ..#.. ....#
##### ####. #.... #...# ####. ####. #..## ##### ..#.. ....#
#...# #...# #.... #...# #.... #.... #...# #...# ..#.. #...#
#...# #...# #.... #...# #.... #.... #...# #...# ..#.. #...#
#...# ####. .#### ####. ##### #.... .###. #...# .###. .###.
"""
CLASSES = 10
SPOILT = 0.12  # of the dots: nobody reads all of these letters


def letters(count, seed):
    """Pairs of dots, each -1 or 1, and the number of the letter."""
    rows = [row.split() for row in LETTERS.split("\n") if row]
    clean = [[1.0 if dot == "#" else -1.0 for row in rows for dot in row[letter]] for letter in range(CLASSES)]
    rng = random.Random(seed)
    return [([-dot if rng.random() < SPOILT else dot for dot in clean[n % CLASSES]] + [1.0], n % CLASSES)
            for n in range(count)]


class Softmax:
    """One layer, learned by stochastic gradient descent with momentum."""

    def __init__(self, lr, momentum):
        self.lr, self.momentum = lr, momentum
        dots = len(letters(1, 0)[0][0])
        self.weights = [[0.0] * dots for _ in range(CLASSES)]
        self.speed = [[0.0] * dots for _ in range(CLASSES)]

    def probabilities(self, dots):
        scores = [sum(map(float.__mul__, row, dots)) for row in self.weights]
        top = max(scores)
        exp = [math.exp(score - top) for score in scores]
        return [value / sum(exp) for value in exp]

    def learn(self, batch):
        """One step; the mean loss before it."""
        pulls, loss = [], 0.0
        for dots, letter in batch:
            pull = self.probabilities(dots)
            loss -= math.log(max(pull[letter], 1e-12))
            pull[letter] -= 1.0
            pulls.append((pull, dots))
        rate = self.lr / len(batch)
        for c in range(CLASSES):
            speed = [self.momentum * v for v in self.speed[c]]
            for pull, dots in pulls:
                step = -rate * pull[c]
                speed = [v + step * dot for v, dot in zip(speed, dots)]
            self.speed[c] = speed
            self.weights[c] = [w + v for w, v in zip(self.weights[c], speed)]
        return loss / len(batch)

    def test(self, samples):
        """Accuracy and loss."""
        right, loss = 0, 0.0
        for dots, letter in samples:
            found = self.probabilities(dots)
            right += found.index(max(found)) == letter
            loss -= math.log(max(found[letter], 1e-12))
        return right / len(samples), loss / len(samples)


TRAIN, TEST = letters(400, 1), letters(300, 2)


def epochs_of(model, epochs, batch_size, seed=1, told=lambda *_: None):
    """Learns; after each epoch its number, accuracy and loss on letters that were not learned."""
    order = random.Random(seed)
    for epoch in range(1, epochs + 1):
        samples = order.sample(TRAIN, len(TRAIN))
        for at in range(0, len(samples), batch_size):
            told(epoch, at, len(samples), model.learn(samples[at:at + batch_size]))
        yield epoch, *model.test(TEST)


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


def pytorch_mnist(words):
    """/opt/pytorch-mnist/mnist.py"""
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--momentum", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log-path", default="")
    parser.add_argument("--logger", choices=["standard", "hypertune"], default="standard")
    args = parser.parse_args(words)
    if args.logger == "hypertune" and not args.log_path:
        parser.error("--logger=hypertune wants --log-path")
    log = JsonLog(args.log_path) if args.logger == "hypertune" else TextLog(args.log_path)
    model = Softmax(args.lr, args.momentum)
    for tested in epochs_of(model, args.epochs, args.batch_size, args.seed, log.progress):
        log.tested(*tested)


def simple_pbt(words):
    """/opt/pbt/pbt_test.py: goes on from what the checkpoint's folder has, and leaves there how far it came. Where
    nobody has mounted that folder it begins anew, and leaves nothing."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.0001)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--checkpoint", default="")
    args = parser.parse_args(words)
    model = Softmax(args.lr, 0.0)
    kept = os.path.join(args.checkpoint, "training.json") if os.path.isdir(args.checkpoint) else ""
    if kept and os.path.exists(kept):
        with open(kept, encoding="utf-8") as file:
            model.weights = json.load(file)
    for _, accuracy, _ in epochs_of(model, args.epochs, 100):
        print(f"Validation-accuracy={accuracy:.4f}", flush=True)
    if kept:
        with open(kept, "w", encoding="utf-8") as file:
            json.dump(model.weights, file)


def boost(rate, alpha, subsample, rounds, seed):
    """Boosted stumps that tell letters of the first half from the others; after each the scores of TRAIN and TEST."""
    rng = random.Random(seed)
    scores = {"train": [0.0] * len(TRAIN), "test": [0.0] * len(TEST)}
    for _ in range(rounds):
        chosen = rng.sample(range(len(TRAIN)), max(2, int(subsample * len(TRAIN))))
        pull = {n: half(TRAIN[n]) - 1 / (1 + math.exp(-scores["train"][n])) for n in chosen}
        gain = [sum(p * TRAIN[n][0][dot] for n, p in pull.items()) for dot in range(len(TRAIN[0][0]))]
        dot = max(range(len(gain)), key=lambda d: abs(gain[d]))
        step = math.copysign(max(abs(gain[dot]) - alpha, 0.0), gain[dot]) / (len(chosen) / 4)
        for name, samples in (("train", TRAIN), ("test", TEST)):
            scores[name] = [s + rate * step * sample[0][dot] for s, sample in zip(scores[name], samples)]
        yield scores


def half(sample):
    return 1.0 if sample[1] < CLASSES // 2 else 0.0


def logloss(scores, samples):
    return sum(math.log1p(math.exp(-s if half(x) else s)) for s, x in zip(scores, samples)) / len(samples)


def area(scores, samples):
    """Under the curve: how often one of the first half is before one of the other."""
    ranks = sorted(range(len(scores)), key=scores.__getitem__)
    ones = [rank for rank, n in enumerate(ranks, 1) if half(samples[n])]
    zeros = len(samples) - len(ones)
    return (sum(ones) - len(ones) * (len(ones) + 1) / 2) / (len(ones) * zeros)


def xgboost_tuning(words):
    """XGBoost/parameter-tuning.py of inaccel/jupyter"""
    parser = argparse.ArgumentParser()
    for flag, kind in (("--name", str), ("--test-size", float), ("--tree-method", str), ("--max-depth", int)):
        parser.add_argument(flag, type=kind)
    parser.add_argument("--alpha", type=float, default=0.0)
    parser.add_argument("--eta", type=float, default=0.3)
    parser.add_argument("--subsample", type=float, default=1.0)
    args = parser.parse_args(words)
    begin = time.monotonic()
    for scores in boost(args.eta, args.alpha, args.subsample, 10, 1):
        pass
    right = sum((score > 0) == (half(sample) > 0) for score, sample in zip(scores["test"], TEST))
    print(f"accuracy={right / len(TEST):.4f}\ntime={time.monotonic() - begin:.4f}")


def lightgbm(words):
    """LightGBM's own program, as xgboost-lightgbm starts it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--num_trees", type=int, default=100)
    parser.add_argument("--bagging_fraction", type=float, default=1.0)
    args, _ = parser.parse_known_args(words)  # the others are about trees and files, which are not here
    for number, scores in enumerate(boost(args.learning_rate, 0.0, args.bagging_fraction, args.num_trees, 1), 1):
        for name, key, samples in (("training", "train", TRAIN), ("valid_1", "test", TEST)):
            print(f"[LightGBM] [Info] Iteration:{number}, {name} binary_logloss : {logloss(scores[key], samples):.6f}")
            print(f"[LightGBM] [Info] Iteration:{number}, {name} auc : {area(scores[key], samples):.6f}")


class EventFile:
    """TensorFlow's event file: records of a length, a checksum, an Event message and its checksum."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.file = open(os.path.join(folder, f"events.out.tfevents.{int(time.time())}.stand-in"), "wb")
        self.write(self.field(3, b"brain.Event:2"))

    @staticmethod
    def checksum(data):
        crc = 0xFFFFFFFF
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        crc ^= 0xFFFFFFFF
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    @staticmethod
    def varint(value):
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes(out) + bytes([value])

    @classmethod
    def field(cls, number, data):
        return cls.varint(number << 3 | 2) + cls.varint(len(data)) + data

    def write(self, event):
        event = b"\x09" + struct.pack("<d", time.time()) + event  # wall_time
        length = struct.pack("<Q", len(event))
        self.file.write(length + self.checksum(length) + event + self.checksum(event))
        self.file.flush()

    def scalar(self, step, tag, value):
        summary = self.field(1, self.field(1, tag.encode()) + b"\x15" + struct.pack("<f", value))
        self.write(b"\x10" + self.varint(step) + self.field(5, summary))


def tf_mnist(words):
    """/opt/tf-mnist-with-summaries/mnist.py"""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learning-rate", type=float, default=0.001)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--log-path", required=True)
    args = parser.parse_args(words)
    train, test = (EventFile(os.path.join(args.log_path, name)) for name in ("train", "test"))
    model = Softmax(args.learning_rate, 0.0)
    for epoch, accuracy, loss in epochs_of(model, args.epochs, args.batch_size):
        for file, found in ((train, model.test(TRAIN)), (test, (accuracy, loss))):
            file.scalar(epoch, "accuracy", found[0])
            file.scalar(epoch, "loss", found[1])


PROGRAMS = {"pytorch-mnist": pytorch_mnist, "simple-pbt": simple_pbt, "xgboost-tuning": xgboost_tuning, "lightgbm": lightgbm, "tf-mnist": tf_mnist}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        sys.exit(f"usage: stand_in.py {'|'.join(PROGRAMS)} FLAGS...")
    PROGRAMS[sys.argv[1]](sys.argv[2:])
