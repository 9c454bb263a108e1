#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""install.py [PEER...]: makes the environments that the peers of `qalam bench` run in (default: those of all quick ones).

Each is a venv of its own below $QALAM_PEERS, or ~/.cache/qalam/peers: what peers.json pins, and of what that needs the
newest as of the date that it names. An environment that cannot be made leaves FOLDER.failed with the last words of the
installer; `qalam bench list` shows them, and so does every run that wanted it. What is there already stays.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
INSTALLER = "uv==0.13.9"


def root():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(os.environ.get("QALAM_PEERS") or os.path.join(cache, "qalam", "peers"))


def run(command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def installer(folder):
    uv = folder / "installer" / "bin" / "uv"
    if not uv.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / "installer")], check=True)
        subprocess.run([str(folder / "installer/bin/pip"), "install", "-q", INSTALLER], check=True)
    return str(uv)


def make(uv, folder, name, recipe, python):
    place, failed = folder / name, folder / (name + ".failed")
    draft = folder / (name + ".new")
    if place.exists():
        return True
    shutil.rmtree(draft, ignore_errors=True)
    print(f"{name}: {' '.join(recipe['packages'])}, as of {recipe['date']} ...", flush=True)
    steps = (
        [uv, "venv", "-q", "--relocatable", "--python", python, str(draft)],
        [uv, "pip", "install", "-q", "--python", str(draft / "bin/python"), "--exclude-newer", recipe["date"]]
        + recipe["packages"],
    )
    for step in steps:
        done = run(step)
        if done.returncode:
            words = [line.strip() for line in done.stdout.splitlines() if line.strip()]
            failed.write_text("\n".join(words[-12:]) + "\n", encoding="utf-8")
            print(f"{name}: cannot be installed: {words[0] if words else done.returncode}", flush=True)
            shutil.rmtree(draft, ignore_errors=True)
            return False
    draft.rename(place)
    failed.unlink(missing_ok=True)
    return True


def main():
    recipes = json.loads((HERE / "peers.json").read_text(encoding="utf-8"))
    peers = recipes["peers"]
    wanted = sys.argv[1:] or [name for name, peer in peers.items() if not peer.get("slow")]
    unknown = [name for name in wanted if name not in peers]
    if unknown:
        sys.exit(f"there is no peer {unknown[0]}; there are {', '.join(peers)}")
    folder = root()
    folder.mkdir(parents=True, exist_ok=True)
    uv = installer(folder)
    environments = list(dict.fromkeys(peers[name]["environment"] for name in wanted))
    made = [make(uv, folder, name, recipes["environments"][name], recipes["python"]) for name in environments]
    print(f"{sum(made)} of {len(made)} environments are in {folder}")
    return 0 if all(made) else 1


if __name__ == "__main__":
    sys.exit(main())
