#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of the pipelines as a user without rights: no cgroup, no mount of its own; then also where that user
may make no namespace. Only root can become that user: exit code 77, which ctest takes as skipped, for others."""
import argparse
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile

NOBODY = 65534
CLONE_NEWUSER = 0x10000000


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def enter_namespace_that_allows_no_other(ready, go):
    """A user namespace with all users of this machine, in which no further namespace may be made."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER) != 0:
        os._exit(77)
    os.write(ready, b"r")
    os.read(go, 1)  # until our numbers have been mapped
    os.setgid(0)
    os.setuid(0)
    with open("/proc/sys/user/max_user_namespaces", "w") as limit:
        limit.write("0")


def run(command, environment, forbid_namespaces):
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if forbid_namespaces:
                enter_namespace_that_allows_no_other(ready[1], go[0])
            become_nobody()
            os.execve(command[0], command, environment)
        except OSError as fault:
            print(f"unprivileged.py: {fault}", file=sys.stderr)
        os._exit(77)
    os.close(ready[1])
    if forbid_namespaces and os.read(ready[0], 1):
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{child}/{name}", "w") as file:
                file.write("0 0 65536\n")
        os.write(go[1], b"g")
    for end in (ready[0], go[0], go[1]):
        os.close(end)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tests", required=True)
    parser.add_argument("--shim", required=True)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        return 77
    with tempfile.TemporaryDirectory(prefix="qalam-nobody-") as folder:
        os.chmod(folder, 0o755)
        programs = [shutil.copy(program, folder) for program in (arguments.tests, arguments.shim)]
        for program in programs:
            os.chmod(program, 0o755)
        work = os.path.join(folder, "work")
        os.mkdir(work)
        os.chown(work, NOBODY, NOBODY)
        os.chdir(work)
        environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TEST_TMPDIR": work, "HOME": work,
                       "QALAM_TEST_SHIM": programs[1]}
        for forbid, which in ((False, "*"), (True, "Volumes*:LocalEngine*:*Sidecar*:ShimTest*")):
            code = run([programs[0], "--gtest_brief=1", f"--gtest_filter={which}"], environment, forbid)
            said = "where no namespace may be made" if forbid else "as nobody"
            print(f"unprivileged.py: {said}: exit code {code}")
            if code not in (0, 77):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
