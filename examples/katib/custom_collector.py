#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""custom_collector.py -m METRIC -path FILE: stands for Katib's custom-metrics-collector, which finds a metric in a log
that another container writes. What it prints is read by Qalam; it could as well report to $QALAM_DB_MANAGER by gRPC.

It follows the file while the trial runs. When the trial has ended it gets SIGTERM, and prints the rest.
"""
import argparse
import os
import re
import signal
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("-m", dest="metric", required=True)
parser.add_argument("-s", dest="db_manager")  # Katib's address: not needed to print
parser.add_argument("-path", required=True)
args = parser.parse_args()

FOUND = re.compile(rf"metricName: {re.escape(args.metric)}, metricValue: ([0-9.eE+-]+)")
ended = False


def end(*_):
    global ended
    ended = True


signal.signal(signal.SIGTERM, end)
offset, rest = 0, ""
while True:
    last = ended
    if os.path.exists(args.path):
        with open(args.path, encoding="utf-8") as file:
            file.seek(offset)
            rest += file.read()
            offset = file.tell()
    *lines, rest = rest.split("\n")
    for line in lines:
        for value in FOUND.findall(line):
            print(f"{args.metric}={value}", flush=True)
    if last:
        sys.exit(0)
    time.sleep(0.1)
