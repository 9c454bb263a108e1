#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that fails or is full, under the whole program: nothing is lost, and it goes on when there is room.

1. The n-th write, sync, rename or making of a file fails with ENOSPC or EIO, once or until the disk is healed, for
   n = 1, 2, 3, ... until a short experiment is not met by it any more (every --stride-th n).
2. Database, logs and records on a small tmpfs that fills up and is then made larger. Skipped (77 when nothing else was
   asked for) where no file system may be mounted.
The truth is the ledger that the trials write, on another disk (kills.py).

    full_disk.py --qalam build/release/qalam --failing build/release/tests/libfailing_disk.so [--stride 1] [--jobs 8]
"""
import argparse
import concurrent.futures
import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import kills

SHORT = """#!/bin/sh
echo "start $QALAM_ATTEMPT" >> "$LEDGER"
for i in 1 2 3; do
  echo "loss=0.$((100 - i))"
  echo "print $QALAM_ATTEMPT 0.$((100 - i))" >> "$LEDGER"
done
"""
# Its output alone is more than the smallest of the disks.
LONG = """#!/bin/sh
echo "start $QALAM_ATTEMPT" >> "$LEDGER"
i=0
while [ $i -lt 20 ]; do
  i=$((i + 1))
  echo "loss=0.$((100 - i))"
  head -c %d /dev/zero | tr '\\0' '.'
  echo
  echo "print $QALAM_ATTEMPT 0.$((100 - i))" >> "$LEDGER"
done
"""
DISKS = {"64k": 64, "256k": 256, "1m": 1024, "4m": 4096}
PARALLEL, TRIALS = 2, 4


class Failing(kills.World):
    """One run on a disk that fails at the n-th operation."""

    def __init__(self, folder, args, number, code, once):
        super().__init__(folder, args.qalam, PARALLEL, 2, script=SHORT)
        disk = folder / "disk"
        disk.mkdir()
        self.db = disk / "qalam.db"
        self.met, self.healed = folder / "met", folder / "healed"
        self.environment = {
            "LD_PRELOAD": os.path.abspath(args.failing), "FAIL_BELOW": f"{disk}/", "FAIL_AT": str(number),
            "FAIL_ERRNO": str(code), "FAIL_MET": str(self.met)}
        if not once:
            self.environment["FAIL_UNTIL"] = str(self.healed)

    def run_to_the_end(self):
        """The faults, and whether the disk failed at all."""
        faults = []
        for _ in range(3):  # one that could not begin says so, and can be called again
            process = self.start(self.environment)
            deadline = time.monotonic() + 120
            while process.poll() is None and not self.met.exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            if process.poll() is None:
                time.sleep(0.3)
            self.healed.touch()
            try:
                code = process.wait(timeout=120)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return ["it does not go on though the disk is well again"], True
            if code == 0:
                break
            if code != 1 or (self.folder / "stderr").stat().st_size == 0:
                faults.append(f"it ended with {code}, which is not what a disk's fault is")
            self.environment.pop("FAIL_AT", None)
            self.environment.pop("LD_PRELOAD", None)
        else:
            faults.append(f"it ended with {code}, on a disk that is well again")
        return faults, self.met.exists()


def one(args, expected, number, code, once):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="qalam-disk-"))
    world = Failing(folder, args, number, code, once)
    faults, met = world.run_to_the_end()
    try:
        kills.check(world, expected, faults)
    except Exception as fault:  # the database is not there
        faults.append(f"it cannot be looked at: {fault}")
    where = f"operation {number}, {errno.errorcode[code]}, {'once' if once else 'until healed'}"
    if faults:
        said = (folder / "stderr").read_text().strip().splitlines()[-3:]
        return [f"{where}: {fault} (kept: {folder}; it said: {said})" for fault in faults], met
    shutil.rmtree(folder, ignore_errors=True)
    return [], met


def every_operation(args, faults):
    expected = kills.undisturbed(args.qalam, PARALLEL, 2, script=SHORT)
    total = failed = 0
    for code in (errno.ENOSPC, errno.EIO):
        for once in (True, False):
            number, unmet = args.first, 0
            with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
                while unmet == 0:
                    numbers = [number + i * args.stride for i in range(args.jobs)]
                    for found, met in pool.map(lambda n: one(args, expected, n, code, once), numbers):
                        faults += found
                        total += 1
                        failed += met
                        unmet += not met
                    number = numbers[-1] + args.stride
    print(f"{total} runs, in {failed} of which the disk failed; nothing was lost, nothing ran twice"
          if not faults else f"{total} runs, {len(faults)} faults")


def small_disk(args, name, kib, faults):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="qalam-small-"))
    disk = folder / "disk"
    disk.mkdir()
    script = LONG % max(2048, kib * 1024 // (TRIALS * 12))
    expected = kills.undisturbed(args.qalam, PARALLEL, TRIALS, script=script)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={name}", "none", disk], check=True)
    found, was_full = [], False
    try:
        world = kills.World(folder, args.qalam, PARALLEL, TRIALS, script=script)
        world.db = disk / "qalam.db"
        process = world.start()
        quiet, last = 0, None
        deadline = time.monotonic() + 120
        while process.poll() is None and quiet < 30 and time.monotonic() < deadline:
            now = shutil.disk_usage(disk)
            quiet = quiet + 1 if now.free < 4096 and now == last else 0
            last = now
            time.sleep(0.05)
        was_full = process.poll() is not None or last.free < 4096
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        for _ in range(2):
            try:
                code = process.wait(timeout=180)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                found.append("it does not go on though there is room")
                break
            if code == 0:
                break
            process = world.start()  # it could not begin, and said so
        else:
            found.append(f"it ended with {code} though there is room")
        if not was_full:
            found.append("the disk was never full")
        kills.check(world, expected, found)
    finally:
        subprocess.run(["umount", "-l", disk], check=False)
    faults += [f"{name}: {fault} (stderr: {(folder / 'stderr').read_text()[-300:]!r})" for fault in found]
    shutil.rmtree(folder, ignore_errors=True)
    if not found:
        print(f"a disk of {name} was full, then grew: {TRIALS} trials, nothing lost, nothing ran twice")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qalam", required=True)
    parser.add_argument("--failing", help="the library that makes operations fail; without it only small disks")
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--small-disks", action="store_true", help="only these (called again in a mount namespace)")
    args = parser.parse_args()
    args.qalam = os.path.abspath(args.qalam)
    faults = []
    if args.small_disks:
        for name, kib in DISKS.items():
            small_disk(args, name, kib, faults)
    else:
        if args.failing:
            every_operation(args, faults)
        again = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
        if subprocess.run(again + ["sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True).returncode != 0:
            print("small disks: skipped, no file system may be mounted here")
            if not args.failing:
                return 77
        else:
            code = subprocess.run(again + [sys.executable, __file__, "--qalam", args.qalam, "--small-disks"]).returncode
            if code != 0:
                faults.append("on small disks, as told above")
    for fault in faults:
        print("FAULT:", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
