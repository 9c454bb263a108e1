#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Kills qalam and qalam-shim at each of their failpoints in turn, and again at each failpoint of the recovery.

A failpoint is a system call by which a process changes anything outside itself: each commit, write, sync, rename, fork,
exec, signal and reply (failpoints.cc names them; the program does not know of them). For n = 1, 2, 3, ... the process
dies at its n-th; then the k-th restart is killed at the restart's own k-th failpoint, for k = 1, 2, 3, ... until one
comes through. The truth is the ledger that the trials write (kills.py): nothing lost, nothing twice, nothing stuck.

    failpoints.py --qalam build/release/qalam --tracer build/release/tests/failpoints [--stride 1] [--again 1] [--jobs 4]
"""
import argparse
import collections
import concurrent.futures
import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import full_disk
import kills

PARALLEL, TRIALS = 1, 2
KILLED = 128 + 9
KINDS = {"commit", "write", "create", "remove", "rename", "sync", "fork", "exec", "signal", "reply", "exit"}
# Who dies first; a shim, or the helper that forks shims, alone and together with the controller.
WHO = [["controller"], ["shim"], ["shim", "--and-controller"], ["spawner"], ["spawner", "--and-controller"]]
MOST_RESTARTS = 2000


class World(kills.World):
    def __init__(self, folder, args):
        super().__init__(folder, args.qalam, PARALLEL, TRIALS, script=full_disk.SHORT)
        self.tracer, self.trace = args.tracer, folder / "trace"

    def run(self, *kill):
        """Exit code and failpoints met, of the kinds that they are."""
        self.trace.unlink(missing_ok=True)
        with open(self.folder / "stderr", "ab") as stderr:
            code = subprocess.run(
                [self.tracer, *kill, "--trace", str(self.trace), "--", self.qalam, "run", str(self.experiment), "--db",
                 str(self.db), "--no-progress"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                timeout=120, check=False).returncode
        return code, [line.split() for line in self.trace.read_text().splitlines()]


def chain(args, expected, who, number):
    """(faults, the failpoint it died at or None when it has no so many, restarts killed)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="qalam-failpoint-"))
    world, faults, restarts = World(folder, args), [], 0
    code, met = world.run("--role", who[0], "--at", str(number), *who[1:])
    died = ["killed", who[0], str(number)] in met
    point = next((line[2:] for line in met if line[:2] == [who[0], str(number)]), None)
    try:
        for at in itertools.count(1, args.again):
            if code != KILLED:
                break
            code, _ = world.run("--role", "controller", "--at", str(at))
            restarts += code == KILLED
            if restarts > MOST_RESTARTS:
                raise RuntimeError("stuck: it does not come through")
        if code != 0:
            faults.append(f"it ended with {code}")
        kills.check(world, expected, faults)
    except Exception as fault:  # not to be looked at, or it hangs
        faults.append(repr(fault))
    if faults:
        said = (folder / "stderr").read_text().strip().splitlines()[-3:]
        return [f"{' '.join(who)} at {number} ({point}): {fault} (kept: {folder}; it said: {said})"
                for fault in faults], point, restarts
    shutil.rmtree(folder, ignore_errors=True)
    return [], point if died else None, restarts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qalam", required=True)
    parser.add_argument("--tracer", required=True)
    parser.add_argument("--stride", type=int, default=1, help="every so-many-th failpoint for the first kill")
    parser.add_argument("--again", type=int, default=1, help="the same for the kills of restarts")
    parser.add_argument("--jobs", type=int, default=4)
    args = parser.parse_args()
    args.qalam, args.tracer = os.path.abspath(args.qalam), os.path.abspath(args.tracer)

    folder = pathlib.Path(tempfile.mkdtemp(prefix="qalam-failpoints-"))
    code, met = World(folder, args).run()
    shutil.rmtree(folder, ignore_errors=True)
    if code == 77:
        print("skipped: nothing may be traced here")
        return 77
    missing = KINDS - {line[2] for line in met}
    faults = [f"the list has holes: no failpoint of these kinds was met: {sorted(missing)}"] if missing else []

    expected = kills.undisturbed(args.qalam, PARALLEL, TRIALS, script=full_disk.SHORT)
    by_kind, first, again = collections.Counter(), 0, 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for who in WHO:
            number, more = 1, True
            # So that a stride, too, meets a point of these few.
            stride = args.stride if who == ["controller"] else (args.stride + 7) // 8
            while more:
                numbers = [number + i * stride for i in range(args.jobs)]
                for found, point, restarts in pool.map(lambda n, who=who: chain(args, expected, who, n), numbers):
                    faults += found
                    if point is None:
                        more = False
                        continue
                    first += 1
                    by_kind[point[0]] += 1
                    again += restarts
                number = numbers[-1] + stride
    print(f"{first} failpoints killed at, then {again} times at those of the restarts: "
          + ", ".join(f"{count} {kind}" for kind, count in by_kind.most_common()))
    for fault in faults:
        print("FAULT:", fault)
    if not faults:
        print("0 lost, 0 started twice, 0 left behind, 0 stuck; the same assignments as undisturbed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
