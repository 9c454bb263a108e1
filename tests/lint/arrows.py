#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads every #include and fails on an arrow that is not on the map of docs/architecture.md.

Also checks that packages stay in the rooms that may name them, that headers stay cheap, and that each file opens with
its licence. Prints file:line and the rule. Talk about the map before changing it here.
"""
import argparse
import os
import re
import sys

INTERFACES = ["store/store.h", "pipelines/engine.h", "suggest/suggestion_client.h"]

# Room -> what it may include besides itself and core: whole rooms ("algorithms/") or single headers.
ARROWS = {
    "core": [],
    "proto": [],
    "algorithms": [],
    "earlystop": [],
    "store": [],
    "pipelines": ["store/store.h"],
    "suggest": ["algorithms/", "earlystop/", "proto/"],
    "experiment": INTERFACES + ["earlystop/live_stopping.h"],
    "web": ["experiment/"] + INTERFACES,
    "cli": ["*"],
    "bench": ["*"],
    "tests": ["*"],
}

# Package -> the rooms or files that may name it (tests and bench are free), and whether it is cheap to include. What
# is not cheap may stand in a .cc, or in a header that only its own room includes.
PACKAGES = {
    "sqlite3.h": (["store"], True),
    "yaml.h": (["experiment"], False),
    "re2/": (["experiment"], False),
    "CLI/": (["cli"], False),
    "spdlog/": (["core/log.cc"], False),
    "grpc/": (["proto", "suggest"], False),
    "grpcpp/": (["proto", "suggest"], False),
    "google/protobuf/": (["proto", "suggest"], False),
    "boost/": (["core", "algorithms", "web"], False),
    "curl/": (["pipelines"], False),
    "nlohmann/json_fwd.hpp": (["*"], True),
    "nlohmann/": (["core", "store", "pipelines", "experiment", "web", "cli"], False),
    "Eigen/Core": (["*"], True),
    "Eigen/": (["core/linalg.cc", "core/linalg_body.h"], False),
    "LBFGSB.h": (["algorithms/minimise.cc"], False),
    "fmt/core.h": (["*"], True),
    "fmt/": (["*"], False),
    "gtest/": ([], True),
    "gmock/": ([], True),
    "regex": ([], False),
}
FREE = ("tests", "bench")
NOWHERE = {"regex": "std::regex overflows the stack on long lines: use RE2"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SYSTEM = re.compile(r"^(?:[a-z_0-9]+|[a-z_0-9]+\.h|(?:sys|linux|net|netinet|arpa|asm)/[a-z_0-9]+\.h)$")
SKIPPED_FOLDERS = {"build", "node_modules", "__pycache__", "dist"}
LICENSED = (".cc", ".h", ".proto", ".py", ".cmake", ".sh")
LICENCE = "SPDX-License-Identifier: Apache-2.0"


def files_below(root):
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(d for d in subfolders if d not in SKIPPED_FOLDERS and (not d.startswith(".") or d == ".ci"))
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), root)


def room_of(path):
    return path.split("/", 1)[0] if "/" in path else ""


def included_room_fault(path, target):
    """Why `path` may not include "target" (one of ours), or None."""
    room, target_room = room_of(path), room_of(target)
    if target_room not in ARROWS:
        return f'"{target}" names no room: write it as "room/file.h", packages in <>'
    if target_room in (room, "core"):
        return None
    if target_room in ("tests", "bench", "cli") and room not in FREE + ("cli",):
        return f"nothing includes {target_room}/"
    allowed = ARROWS[room]
    if "*" in allowed or target_room + "/" in allowed or target in allowed:
        return None
    return f"{room}/ may include core/" + "".join(f", {a}" for a in allowed) + f" and itself, not {target}"


def package_of(target):
    for package in sorted(PACKAGES, key=len, reverse=True):
        if target == package or (package.endswith("/") and target.startswith(package)):
            return package
    return None


def included_package_fault(path, target):
    """Why `path` may not include <target>, or None."""
    room = room_of(path)
    package = package_of(target)
    if package in NOWHERE:
        return NOWHERE[package]
    if package is None:
        return None if SYSTEM.match(target) else f"<{target}> is of no package on the list in tests/lint/arrows.py"
    places, _ = PACKAGES[package]
    if room in FREE:
        return None
    if "*" not in places and room not in places and path not in places:
        return f"<{target}> belongs into {', '.join(places) or 'tests'} only"
    return None


def heavy_headers(texts):
    """Header -> the heavy package that it brings along, directly or through others."""
    heavy, includes = {}, {}
    for path, text in texts.items():
        if not path.endswith(".h"):
            continue
        found = [match for match in map(INCLUDE.match, text.split("\n")) if match]
        includes[path] = [match[2] for match in found if match[1] == '"']
        for match in found:
            package = package_of(match[2])
            if match[1] == "<" and package and not PACKAGES[package][1]:
                heavy[path] = match[2]
    grown = True
    while grown:
        grown = False
        for path, targets in includes.items():
            for target in targets:
                # What protoc makes is not in the tree, and is heavy.
                brought = heavy.get(target) or (target if target.endswith(".pb.h") else None)
                if brought and path not in heavy:
                    heavy[path] = brought
                    grown = True
    return heavy


def faults_of(path, text, heavy):
    """(line, fault) pairs of one file."""
    lines = text.split("\n")
    if path.endswith(LICENSED) or path.rsplit("/", 1)[-1] in ("CMakeLists.txt", "dev", "run"):
        opening = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        if LICENCE not in opening:
            yield 1, f"the file does not open with {LICENCE}"
    if not path.endswith((".cc", ".h")) or room_of(path) not in ARROWS:
        return
    if path.endswith(".h") and not any(line.strip() == "#pragma once" for line in lines):
        yield 1, "a header says #pragma once"
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match:
            fault = (included_room_fault if match[1] == '"' else included_package_fault)(path, match[2])
            if not fault and match[2] in heavy and room_of(match[2]) != room_of(path) and room_of(path) not in FREE:
                fault = f"{match[2]} brings <{heavy[match[2]]}> along: it is for its own room"
            if fault:
                yield number, fault


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    root = parser.parse_args().root
    texts = {}
    for path in files_below(root):
        if path.endswith(LICENSED) or path.rsplit("/", 1)[-1] in ("CMakeLists.txt", "dev", "run"):
            with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
                texts[path] = file.read()
    if not texts:
        print("no source file was found")
        return 1
    heavy = heavy_headers(texts)
    found = 0
    for path, text in texts.items():
        for line, fault in faults_of(path, text, heavy):
            print(f"{path}:{line}: {fault}")
            found += 1
    print(f"arrows: {found} fault(s)" if found else f"arrows: {len(texts)} files clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
