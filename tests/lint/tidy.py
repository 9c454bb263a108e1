#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy on our .cc files, several at once, and only on those that changed since they last passed.

A file has passed as it is now when the same text, the same text of all our headers that it reaches, the same compile
command, the same checks and the same clang-tidy passed before; build/PRESET/lint/ remembers.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time

TIDY = "clang-tidy-16"
INCLUDE = re.compile(rb'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
# What g++ says and clang does not know.
FOREIGN_FLAGS = re.compile(r"^(-fno-sanitize-recover.*|-Wno-error=.*|-fdiagnostics-color.*|-Werror)$")


class Reach:
    """Digests of files and of all our files that they include, each read once."""

    def __init__(self, folders):
        self.folders = folders
        self.known = {}

    def of(self, path):
        """{path: digest} of `path` and what it reaches below our folders."""
        found, waiting = {}, [path]
        while waiting:
            path = waiting.pop()
            if path in found:
                continue
            digest, includes = self.read(path)
            found[path] = digest
            waiting.extend(includes)
        return found

    def read(self, path):
        if path not in self.known:
            with open(path, "rb") as file:
                text = file.read()
            includes = []
            for name in INCLUDE.findall(text):
                for folder in [os.path.dirname(path)] + self.folders:
                    candidate = os.path.join(folder, os.fsdecode(name))
                    if os.path.isfile(candidate):
                        includes.append(candidate)
                        break
            self.known[path] = (hashlib.sha256(text).hexdigest(), includes)
        return self.known[path]


def units_of(root, build):
    """(source, arguments) of each of our own .cc files, generated ones left out."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    seen = set()
    for entry in entries:
        source = os.path.realpath(os.path.join(entry["directory"], entry["file"]))
        if source in seen or not source.endswith(".cc") or not source.startswith(root + os.sep):
            continue
        if source.startswith(os.path.join(root, "build") + os.sep):
            continue
        seen.add(source)
        words = shlex.split(entry["command"])
        compiler = next(i for i, word in enumerate(words) if re.search(r"(\+\+|gcc|clang|cc)[-\d.]*$", os.path.basename(word))
                        and "ccache" not in word)
        words = ["clang++"] + [word for word in words[compiler + 1:] if not FOREIGN_FLAGS.match(word)]
        yield source, words, entry["directory"]


def lint(unit, database):
    source, _, _ = unit
    begin = time.monotonic()
    done = subprocess.run([TIDY, "--quiet", "-p", database, source], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    noise = re.compile(r"^\d+ warnings? (generated|treated as errors?)")
    errors = [line for line in done.stderr.splitlines() if not noise.match(line)] if done.returncode else []
    return source, done.returncode, done.stdout + "\n".join(errors), time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    parser.add_argument("--build", default="build/release", help="below the root")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--slowest", type=int, default=0, help="print the files that took longest")
    parser.add_argument("files", nargs="*", help="only these; whatever they passed before")
    args = parser.parse_args()
    root = os.path.realpath(args.root)
    build = os.path.join(root, args.build)
    memory = os.path.join(build, "lint")
    os.makedirs(memory, exist_ok=True)

    version = subprocess.run([TIDY, "--version"], capture_output=True, text=True, check=True).stdout
    with open(os.path.join(root, ".clang-tidy"), encoding="utf-8") as file:
        checks = file.read()
    units = list(units_of(root, build))
    with open(os.path.join(memory, "compile_commands.json"), "w", encoding="utf-8") as file:
        json.dump([{"file": s, "arguments": a, "directory": d} for s, a, d in units], file)
    if not units:
        print("clang-tidy: no file to check")
        return 1

    reach = Reach([root] + sorted({os.path.join(build, d) for d in ("", "proto")}))
    waiting = {}
    for unit in units:
        source, arguments, _ = unit
        digest = hashlib.sha256(json.dumps([version, checks, arguments, sorted(reach.of(source).items())]).encode()).hexdigest()
        stamp = os.path.join(memory, os.path.relpath(source, root).replace("/", "__") + ".passed")
        if args.files:
            wanted = source in {os.path.realpath(f) for f in args.files}
        else:
            try:
                with open(stamp, encoding="utf-8") as file:
                    wanted = file.read() != digest
            except FileNotFoundError:
                wanted = True
        if wanted:
            waiting[source] = (unit, stamp, digest)

    failed, times = [], []
    # Largest first: the last one to end should be a short one.
    order = sorted(waiting, key=lambda source: -os.path.getsize(source))
    with concurrent.futures.ThreadPoolExecutor(max(1, args.jobs)) as pool:
        for done in concurrent.futures.as_completed([pool.submit(lint, waiting[s][0], memory) for s in order]):
            source, code, text, seconds = done.result()
            times.append((seconds, os.path.relpath(source, root)))
            _, stamp, digest = waiting[source]
            if code == 0:
                with open(stamp, "w", encoding="utf-8") as file:
                    file.write(digest)
            else:
                failed.append(source)
                print(text.strip().replace(root + os.sep, ""), flush=True)
    for seconds, source in sorted(times, reverse=True)[:args.slowest]:
        print(f"{seconds:6.1f} s  {source}")
    print(f"clang-tidy: {len(waiting) - len(failed)} of {len(waiting)} changed files passed, "
          f"{len(units) - len(waiting)} unchanged")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
