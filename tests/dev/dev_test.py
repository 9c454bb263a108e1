#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./dev installs what is missing and nothing else, asks on a terminal and never without one. apt-get is a stand-in."""
import os
import pty
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

DPKG_QUERY = """#!/bin/sh
shift 2
for package; do
  case "$MISSING" in
    *" $package "*) ;;
    *) echo "$package installed" ;;
  esac
  [ "$package" != "$REMOVED" ] || echo "$package config-files"
done
case "$MISSING" in *[a-z]*) exit 1 ;; esac
"""
APT_GET = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >> "$ASKED"
exit "${APT_GET_ENDS:-0}"
"""
SUDO = """#!/bin/sh
echo "sudo" >> "$ASKED"
exec "$@"
"""


class Dev(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.asked = os.path.join(self.folder.name, "asked")
        self.stand_in("dpkg-query", DPKG_QUERY)
        self.stand_in("apt-get", APT_GET)
        self.stand_in("id", "#!/bin/sh\necho ${USER_ID:-0}\n")

    def tearDown(self):
        self.folder.cleanup()

    def stand_in(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def environment(self, missing, variables):
        # /usr/bin has the real sudo, if there is one: only what ./dev needs before it installs is let in.
        for name in ("dirname", "sed", "tr", "env", "grep", "cat", "nproc", "sh"):
            link = os.path.join(self.folder.name, name)
            if not os.path.lexists(link):
                os.symlink(os.path.join("/usr/bin", name), link)
        return {"PATH": self.folder.name, "ASKED": self.asked, "MISSING": f" {' '.join(missing)} ", **variables}

    def setup(self, missing=(), **variables):
        """(exit code, output, what apt-get was asked) of `./dev setup` without a terminal."""
        done = subprocess.run([os.path.join(ROOT, "dev"), "setup"], env=self.environment(missing, variables),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr, self.calls()

    def setup_on_terminal(self, answer, missing):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([os.path.join(ROOT, "dev"), "setup"], env=self.environment(missing, {}), stdin=theirs,
                                   stdout=theirs, stderr=theirs)
        os.close(theirs)
        os.write(ours, answer.encode())
        output = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            output += piece
        os.close(ours)
        return process.wait(), output.decode(), self.calls()

    def calls(self):
        if not os.path.exists(self.asked):
            return []
        with open(self.asked, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_when_everything_is_installed_apt_is_not_called(self):
        self.assertEqual(self.setup(), (0, "everything is installed\n", []))

    def test_only_what_is_missing_is_installed_after_one_update(self):
        code, _, calls = self.setup(["mold", "libre2-dev"])
        self.assertEqual((code, len(calls)), (0, 2))
        self.assertRegex(calls[0], "^noninteractive .*update$")
        self.assertRegex(calls[1], "^noninteractive .*-y .*install --no-install-recommends mold libre2-dev$")

    def test_a_package_that_was_removed_but_not_purged_is_missing(self):
        _, _, calls = self.setup(["mold"], REMOVED="mold")
        self.assertTrue(calls[1].endswith(" mold"), calls)

    def test_a_name_that_is_part_of_another_is_not_taken_for_it(self):
        _, _, calls = self.setup(["g++"])  # libgrpc++-dev is installed
        self.assertTrue(calls[1].endswith("--no-install-recommends g++"), calls)

    def test_a_failed_install_fails_the_verb_and_names_the_packages(self):
        code, output, _ = self.setup(["mold"], APT_GET_ENDS="100")
        self.assertEqual(code, 1)
        self.assertIn("could not install: mold", output)

    def test_without_root_it_goes_through_sudo(self):
        self.stand_in("sudo", SUDO)
        code, _, calls = self.setup(["mold"], USER_ID="1000")
        self.assertEqual((code, [c for c in calls if c == "sudo"]), (0, ["sudo", "sudo"]))

    def test_without_root_and_sudo_it_says_what_is_missing(self):
        code, output, calls = self.setup(["mold"], USER_ID="1000")
        self.assertEqual((code, calls), (1, []))
        self.assertIn("need root to install: mold", output)

    def test_a_terminal_is_asked_once_and_no_means_no(self):
        code, output, calls = self.setup_on_terminal("n\n", ["mold", "ccache"])
        self.assertEqual((code, calls), (1, []))
        self.assertEqual(len(re.findall(r"\[Y/n\]", output)), 1)
        self.assertIn("mold", output)

    def test_enter_on_a_terminal_means_yes(self):
        code, _, calls = self.setup_on_terminal("\n", ["mold"])
        self.assertEqual((code, len(calls)), (0, 2))

    def test_help_names_every_verb(self):
        with open(os.path.join(ROOT, "dev"), encoding="utf-8") as file:
            verbs = re.findall(r"^verb_(\w+)\(\)", file.read(), re.MULTILINE)
        done = subprocess.run([os.path.join(ROOT, "dev"), "help"], capture_output=True, text=True, check=True)
        self.assertEqual(sorted(re.findall(r"^  (\w+) ", done.stdout, re.MULTILINE)), sorted(verbs))
        self.assertGreaterEqual(set(verbs), {"setup", "build", "test", "demo", "bench", "lint", "fmt", "clean"})

    def test_an_unknown_verb_is_refused(self):
        for verb in ("tset", "a;b", "test.", "needs"):
            done = subprocess.run([os.path.join(ROOT, "dev"), verb], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("no such verb", done.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main())
