#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A machine that is not kind: numbers of processes come again, the clock jumps, output floods, thousands run at once, the
database is large, connections are many and strange. Each part says what it measured; the truth is the trials' own ledger.

    machine.py --qalam build/release/qalam [PART...] [--short]
Without a PART all of them, but for soak. --short: small sizes, for the ordinary test run.
"""
import argparse
import ctypes
import fcntl
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import kills

WAITS = """#!/bin/sh
echo "start $QALAM_ATTEMPT" >> "$LEDGER"
flock -s "$(dirname "$0")/gate" true
echo loss=0.5
echo "print $QALAM_ATTEMPT 0.5" >> "$LEDGER"
"""
QUICK = WAITS.replace('flock -s "$(dirname "$0")/gate" true\n', "")
# Pushes its reports as Katib's SDK does, each once in its order; then all of them again and again from eight threads at
# once. Who is not answered asks again, as a client that was cut off in the middle would.
PUSHES = """
import os, pathlib, queue, sys, threading, time
import grpc

distinct, rounds = int(sys.argv[1]), int(sys.argv[2])
ledger = open(os.environ["LEDGER"], "a", buffering=1)

def field(number, data):
    size, length = len(data), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data

def request(n):
    metric = field(1, b"loss") + field(2, str(n).encode())
    stamp = f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z".encode()
    log = field(1, field(1, stamp) + field(2, metric))
    return field(1, os.environ["KATIB_TRIAL_NAME"].encode()) + field(2, log)

def report(call, n):
    while True:
        try:
            return call(request(n), timeout=10)
        except grpc.RpcError:
            time.sleep(0.05)

def stub():
    return grpc.insecure_channel("katib-db-manager.kubeflow:6789", options=[
        ("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]).unary_unary(
        "/api.v1.beta1.DBManager/ReportObservationLog")

print("start " + os.environ["QALAM_ATTEMPT"], file=ledger)
first = stub()
for n in range(distinct):
    report(first, n)
    print("print", os.environ["QALAM_ATTEMPT"], n, file=ledger)
todo, again = queue.Queue(), pathlib.Path(os.environ["LEDGER"] + ".again")
for n in range(distinct * rounds):
    todo.put(n % distinct)

def repeat():
    call = stub()
    while True:
        try:
            n = todo.get_nowait()
        except queue.Empty:
            return
        report(call, n)
        if todo.qsize() == distinct * rounds // 2:
            again.touch()

threads = [threading.Thread(target=repeat) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
again.touch()
"""
SKIPPED = 77


class Fault(Exception):
    pass


def expect(true, text):
    if not true:
        raise Fault(text)


def wait_for(condition, what, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        expect(time.monotonic() < deadline, f"{what}: not within {seconds} s")
        time.sleep(0.02)


def peak_mib(pid, key="VmHWM"):
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(key + r":\s+(\d+)", text)
    return int(found[1]) / 1024 if found else 0.0


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class World(kills.World):
    """Its trials wait, at no cost, until the gate is open."""

    def __init__(self, *args):
        super().__init__(*args)
        self.gate = os.open(self.folder / "gate", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self.shut()

    def shut(self):
        fcntl.flock(self.gate, fcntl.LOCK_EX)

    def finished(self, process, seconds=900):
        """Waits for the end and compares everything with the ledger."""
        code = process.wait(timeout=seconds)
        expect(code == 0, f"it ended with {code}: {(self.folder / 'stderr').read_text()[-500:]}")
        faults = []
        counts = kills.check(self, self.assignments(), faults)
        expect(not faults, "; ".join(faults[:3]))
        return counts

    def call(self, *words):
        return subprocess.run([self.qalam, *words, "--db", str(self.db)], capture_output=True, text=True, timeout=300)

    def go(self):
        fcntl.flock(self.gate, fcntl.LOCK_UN)

    def started(self):
        return self.ledger.read_text().count("start ")


def world(args, parallel, trials, script):
    args.folder = pathlib.Path(tempfile.mkdtemp(prefix="qalam-machine-"))
    return World(args.folder, args.qalam, parallel, trials, script)


# --- parts --------------------------------------------------------------------------------------------------------------


def pids(args):
    """P3: the numbers of a dead trial's processes belong to others by now, who are left alone."""
    again = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    again += [] if os.geteuid() == 0 else ["--map-root-user"]
    probe = "echo 100 > /proc/sys/kernel/ns_last_pid"
    if subprocess.run(again + ["sh", "-c", probe], capture_output=True).returncode != 0:
        return "skipped: no namespace of processes can be made here"
    done = subprocess.run(again + [sys.executable, __file__, "--qalam", args.qalam, "pids_inside"], capture_output=True,
                          text=True, timeout=300)
    expect(done.returncode == 0, done.stdout + done.stderr)
    return done.stdout.split(": ", 1)[1].strip()


def pids_inside(args):
    w = world(args, 1, 2, WAITS)
    controller = w.start()
    wait_for(lambda: w.started() == 1, "a trial runs")
    started = next(w.folder.glob("qalam.db.d/runs/*/*/1/started"))
    numbers = sorted({int(n) for n in re.findall(r"^(?:shim|child)=(\d+)", started.read_text(), re.MULTILINE)})
    expect(len(numbers) == 2, f"the record names {numbers}: {started.read_text()}")
    for pid in [controller.pid, *numbers]:
        os.kill(pid, signal.SIGKILL)
    controller.wait()
    for pid in w.processes():  # the command's own: a number is taken as long as a session or group of it lives
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not reap() and not any(os.path.exists(f"/proc/{pid}") for pid in numbers), "they are gone")
    others = []
    for number in numbers:
        for _ in range(50):
            pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
            other = subprocess.Popen(["sleep", "600"])
            if other.pid == number:
                others.append(other)
                break
            other.kill()
            other.wait()
    expect(len(others) == len(numbers), "the numbers do not come again")
    w.go()
    trials, starts, _ = w.finished(w.start(), 120)
    expect(starts == trials + 1, f"{starts} starts of {trials} trials")
    expect(all(other.poll() is None for other in others), "a process that has nothing to do with it was killed")
    for other in others:
        other.kill()
    return f"supervisor and command died, and others had their numbers {numbers}: left alone; the attempt was lost, the next ran"


def reap():
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def clock(args):
    """P13: the wall clock jumps by a day, forth and back, under the whole program."""
    library = next(iter(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        return "skipped: Debian's package faketime is not here"
    w = world(args, 4, 24 if args.short else 60, kills.TRIAL)
    text = w.experiment.read_text().replace("      spec:\n        template", "      spec:\n        activeDeadlineSeconds: 600\n        template", 1)
    expect("activeDeadlineSeconds" in text, "the deadline is in the experiment")
    w.experiment.write_text(text)
    expected = kills.undisturbed(args.qalam, 4, 24 if args.short else 60, script=QUICK)
    now = args.folder / "now"
    now.write_text("+0")
    process = w.start({"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(now), "FAKETIME_NO_CACHE": "1",
                       "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    jumps = 0
    while process.poll() is None:
        for step in ("+1d", "-1d", "+0"):
            (args.folder / "now.new").write_text(step)
            os.replace(args.folder / "now.new", now)
            jumps += 1
            time.sleep(0.11)
    trials, starts, metrics = w.finished(process)
    expect(w.assignments() == expected, "other assignments than undisturbed")
    expect(starts == trials, f"{starts} starts of {trials} trials: one was tried again")
    seen = {t for (t,) in w.rows("SELECT substr(creation_time, 1, 10) FROM trials UNION "
                                 "SELECT substr(start_time, 1, 10) FROM trials UNION "
                                 "SELECT substr(completion_time, 1, 10) FROM trials")}
    expect(len(seen) > 1, "the clock did not jump")
    table = w.call("get", "trials").stdout
    expect(not re.search(r"\s-\d+(\.\d+)?m?s\b", table), f"a negative duration: {table[:600]}")
    return f"{jumps} jumps of a day: {trials} trials of {len(seen)} dates, {metrics} reports, none timed out, none tried again"


def floods(args):
    """P16: output of any size and kind."""
    size = (16 << 20) if args.short else (1 << 30)
    long_line = size // 5
    kinds = {
        f"{size >> 20} MiB of lines": f"yes 'epoch 3 of 100, and so on and so forth, of no use' | head -c {size}",
        f"a line of {long_line >> 20} MiB": f"head -c {long_line} /dev/zero | tr '\\0' x",
        f"{long_line >> 20} MiB of chance": f"head -c {long_line} /dev/urandom",
        "zeros, colours and markup": r"printf 'a\0b\033[31m\033[2J<script>alert(1)</script>\r\nloss=\0\n'",
        "no newline at the end": "true",
    }
    said = []
    for name, command in kinds.items():
        w = world(args, 1, 1, WAITS)
        end = "printf loss=0.25" if name.startswith("no newline") else "echo; echo loss=0.25"
        (args.folder / "trial.sh").write_text(
            f'#!/bin/sh\necho "start $QALAM_ATTEMPT" >> "$LEDGER"\necho loss=0.75\n{command}\n{end}\n'
            'echo "print $QALAM_ATTEMPT 0.75" >> "$LEDGER"\necho "print $QALAM_ATTEMPT 0.25" >> "$LEDGER"\n')
        process, peak, begun = w.start(), 0.0, time.monotonic()
        while process.poll() is None:
            peak = max(peak, peak_mib(process.pid))
            time.sleep(0.02)
        values = [v for (v,) in w.rows("SELECT value FROM observation_logs WHERE metric_name = 'loss' ORDER BY id")]
        if name.startswith("zeros"):
            values = [v for v in values if v in ("0.75", "0.25")]
        expect(process.returncode == 0 and values == ["0.75", "0.25"], f"{name}: exit {process.returncode}, {values[:5]}")
        expect(peak < 256, f"{name}: {peak:.0f} MiB in the controller")
        said.append(f"{name}: {peak:.0f} MiB, {time.monotonic() - begun:.1f} s")
        shutil.rmtree(args.folder, ignore_errors=True)
    return "; ".join(said)


def storm(args):
    """P4: everything that was pushed is pushed again ten times, and the controller dies in the middle of it."""
    distinct = 50 if args.short else 1000
    w = world(args, 1, 1, f"#!/bin/sh\nexec /usr/bin/python3 {{}} {distinct} 10\n")
    (w.folder / "pushes.py").write_text(PUSHES)
    (w.folder / "trial.sh").write_text((w.folder / "trial.sh").read_text().format(w.folder / "pushes.py"))
    w.experiment.write_text(w.experiment.read_text().replace("spec:\n", "spec:\n  metricsCollectorSpec: {collector: {kind: Push}}\n", 1))
    process, half = w.start(), w.folder / "ledger.again"
    wait_for(lambda: half.exists() or process.poll() is not None, "half of it is sent again")
    killed = process.poll() is None
    if killed:
        process.kill()
        process.wait()
        process = w.start()
    _, starts, metrics = w.finished(process)
    expect((starts, metrics) == (1, distinct), f"{starts} starts, {metrics} reports")
    return (f"{distinct} reports, pushed again {10 * distinct} times{' while the controller was killed' if killed else ''}: "
            f"{metrics} stored, in their order")


def thousands(args):
    """P21: thousands at once."""
    many = 200 if args.short else 2000
    w = world(args, many, many, WAITS)
    begun = time.monotonic()
    process = w.start()
    wait_for(lambda: w.started() == many, f"{many} trials run", 600)
    launched, cpu, memory = time.monotonic() - begun, cpu_of(process.pid), peak_mib(process.pid)
    time.sleep(3)
    idle = (cpu_of(process.pid) - cpu) / 3
    w.go()
    trials, starts, _ = w.finished(process)
    expect((trials, starts) == (many, many), f"{trials} trials, {starts} starts")
    return (f"{many} at once, launched in {launched:.1f} s ({many / launched:.0f}/s, {1000 * cpu / many:.1f} ms of the controller's "
            f"CPU each), {memory:.0f} MiB, {100 * idle:.1f} % of a core while they run; all ended, 0 lost, 0 left behind")


def restart(args):
    """P7: a large database, many trials at work."""
    finished, running = (5_000, 50) if args.short else (100_000, 1_000)
    w = world(args, 4, 8, WAITS)
    w.experiment.write_text(w.experiment.read_text().replace("spec:\n", "spec:\n  resumePolicy: LongRunning\n", 1))
    w.go()
    w.finished(w.start())
    w.shut()
    w.ledger.write_text("")
    shell = subprocess.run(["sqlite3", str(w.db)], input=f"""
PRAGMA foreign_keys=ON;
CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 9 UNION ALL SELECT i + 1 FROM n WHERE i < 8 + {finished}) SELECT i FROM n;
INSERT INTO trials SELECT NULL, t.experiment_id, n.i, 'torture-old-' || n.i, t.experiment, t.namespace, t.status, t.reason,
  t.message, t.attempt, t.stopping, t.creation_time, t.start_time, t.completion_time, t.resource_version, t.assignments,
  t.observation, t.labels, t.conditions, t.early_stopping_rules FROM n, (SELECT * FROM trials WHERE ordinal = 1) AS t;
INSERT INTO steps SELECT 'torture-old-' || n.i, s.step, s.attempt, s.status, s.exit_code, s.signal, s.reason, s.message,
  s.start_time, s.completion_time, s.cpu_seconds, s.max_rss_bytes FROM n, (SELECT * FROM steps LIMIT 1) AS s;
INSERT INTO observation_logs SELECT NULL, 'torture-old-' || n.i, o.attempt, o.sequence, o.time, o.metric_name, o.value, o.step
  FROM n, (SELECT * FROM observation_logs LIMIT 1) AS o;
UPDATE experiments SET trials = trials + {finished}, trials_succeeded = trials_succeeded + {finished};
""", capture_output=True, text=True, timeout=600)
    expect(shell.returncode == 0 and not shell.stderr, f"the rows: {shell.stderr[:500]}")
    text = w.experiment.read_text()
    text = re.sub("parallelTrialCount: .*", f"parallelTrialCount: {running}", text)
    w.experiment.write_text(re.sub("maxTrialCount: .*", f"maxTrialCount: {8 + finished + running}", text))
    begun = time.monotonic()
    process = w.start()
    wait_for(lambda: w.started() >= running or process.poll() is not None, f"{running} trials run", 600)
    expect(process.poll() is None, (w.folder / "stderr").read_text()[-600:])
    launched = time.monotonic() - begun
    times, cpu = [], []
    for _ in range(3):
        process.kill()
        process.wait()
        log = args.folder / "log"
        with open(log, "wb") as stderr:
            begun = time.monotonic()
            process = subprocess.Popen([args.qalam, "run", str(w.experiment), "--db", str(w.db), "--no-progress", "--log-level",
                                        "info", "--log-format", "json"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=stderr)
        wait_for(lambda: kills.answers(f"{w.db}.sock") or process.poll() is not None, "it answers")
        wait_for(lambda: log.read_text().count('"msg":"adopted"') == running, f"{running} are adopted")
        times.append(time.monotonic() - begun)
        cpu.append(cpu_of(process.pid))
    expect(w.started() == running, f"{w.started()} starts of {running} trials")
    w.go()
    expect(process.wait(timeout=600) == 0, "it ends well")
    expect(w.rows("SELECT count(*) FROM trials WHERE status = 'Succeeded'") == [(8 + finished + running,)], "all succeeded")
    expect(max(cpu) < 2, f"{cpu} s of processor time")  # on a machine that does nothing else this is the time
    return (f"{finished} finished trials and {running} at work (launched in {launched:.1f} s): recovered, all adopted and it answers "
            f"after {min(times):.2f}-{max(times):.2f} s, {max(cpu):.2f} s of processor time")


def backups(args):
    """P11: a backup each second, while trials go through."""
    trials, rounds = (400, 1) if args.short else (2000, 5)
    ratios, copies = [], 0
    for _ in range(rounds):
        seconds = {}
        for backed_up in (False, True):
            w = world(args, 4, trials, QUICK)
            begun, process = time.monotonic(), w.start()
            while backed_up and process.poll() is None:
                if w.db.exists() and w.call("db", "backup", str(args.folder / "copy.db"), "--force").returncode == 0:
                    copies += 1
                try:
                    process.wait(timeout=1)
                except subprocess.TimeoutExpired:
                    pass
            process.wait()
            seconds[backed_up] = time.monotonic() - begun
            w.finished(process)
            if backed_up and (args.folder / "copy.db").exists():
                check = subprocess.run([args.qalam, "db", "check", "--db", str(args.folder / "copy.db")], capture_output=True,
                                       text=True)
                # Its trials' folders are beside the other one.
                faults = [line for line in check.stdout.splitlines()[1:] if line.startswith("  ") and "its folder" not in line]
                expect(not faults, str(faults[:5]))
            shutil.rmtree(args.folder, ignore_errors=True)
        ratios.append(seconds[True] / seconds[False])
    return (f"{copies} backups; with one each second {trials} trials take {statistics.median(ratios):.3f} of the time without "
            f"({', '.join(f'{r:.3f}' for r in sorted(ratios))})")


def connections(args):
    """P36: idle and slow connections and streams that are given up, and somebody who wants an answer."""
    import grpc
    idle, slow, resets = (100, 20, 500) if args.short else (500, 200, 5000)
    request = bytes.fromhex("")
    service = subprocess.Popen([args.qalam, "suggest", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        host, port = service.stdout.readline().split()[-1].rsplit(":", 1)
        others = [socket.create_connection((host, int(port))) for _ in range(idle + slow)]
        method = "/api.v1.beta1.Suggestion/GetSuggestions"
        answered, late = [], []

        def honest():
            channel = grpc.insecure_channel(f"{host}:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
            while len(late) == 0:
                begun = time.monotonic()
                try:
                    channel.unary_unary(method)(request, timeout=10)
                except grpc.RpcError as fault:
                    if fault.code() != grpc.StatusCode.INVALID_ARGUMENT:
                        late.append(str(fault.code()))
                answered.append(time.monotonic() - begun)
                time.sleep(0.02)

        thread = threading.Thread(target=honest, daemon=True)
        thread.start()
        channel = grpc.insecure_channel(f"{host}:{port}")
        for i in range(resets):
            channel.unary_unary(method).future(request, timeout=10).cancel()
            if i % 50 == 0:
                for connection in others[:slow]:
                    try:
                        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[(i // 50) % 24:][:1])
                    except OSError:
                        pass  # it was shown the door
        wait_for(lambda: len(answered) >= 20 or late, "the honest one is answered")
        memory = peak_mib(service.pid)
        expect(not late, f"the honest one: {late}")
        late.append("over")
        thread.join(timeout=30)
        expect(service.poll() is None and len(answered) > 3, f"{len(answered)} answers")
        expect(memory < 1024, f"{memory:.0f} MiB")
        for connection in others:
            connection.close()
        return (f"{idle} idle and {slow} slow connections, {resets} streams given up: {len(answered)} answers meanwhile, the slowest "
                f"after {max(answered):.2f} s; {memory:.0f} MiB")
    finally:
        service.terminate()
        service.wait()


def soak(args):
    """P15: four trials print 50 reports a second each, readers and backups come and go; nothing may grow."""
    seconds = 20 if args.short else args.minutes * 60
    w = world(args, 4, 4, WAITS)
    (args.folder / "trial.sh").write_text(
        '#!/bin/sh\nwhile ! flock -ns "$(dirname "$0")/gate" true; do echo loss=0.5; sleep 0.02; done\n')
    process = w.start()
    samples, wal, begun = [], 0, time.monotonic()
    turn = 0
    while time.monotonic() - begun < seconds:
        time.sleep(1)
        turn += 1
        expect(process.poll() is None, f"it ended: {(w.folder / 'stderr').read_text()[-300:]}")
        w.call("get", "trials")
        if turn % 10 == 0:
            w.call("db", "backup", str(args.folder / "copy.db"), "--force")
        log = pathlib.Path(f"{w.db}-wal")
        wal = max(wal, log.stat().st_size if log.exists() else 0)
        samples.append((time.monotonic() - begun, peak_mib(process.pid, "VmRSS"), len(os.listdir(f"/proc/{process.pid}/fd"))))
    w.go()
    expect(process.wait(timeout=300) == 0, "it ends well")
    reports = w.rows("SELECT count(*) FROM observation_logs")[0][0]
    printed = sum(log.read_text(errors="replace").count("loss=") for log in w.folder.glob("qalam.db.d/runs/*/*/*/output.log"))
    expect(reports == printed, f"{printed} printed, {reports} stored")
    warm = samples[len(samples) // 2:]
    slope = statistics.linear_regression([t for t, _, _ in warm], [m for _, m, _ in warm]).slope * 3600
    grown = warm[-1][1] - warm[0][1]
    files = max(f for _, _, f in warm) - min(f for _, _, f in warm)
    expect(wal < 64 << 20, f"the log grew to {wal >> 20} MiB")
    expect(files <= 4, f"open files between {min(f for _, _, f in warm)} and {max(f for _, _, f in warm)}")
    # SQLite's page cache (8 MiB at most) fills as the database grows: a few minutes say nothing about what is left.
    filled = not args.short and args.minutes >= 30
    expect(grown < (1 if filled else 8), f"{grown:.1f} MiB grown in the second half")
    return (f"{seconds / 60:.1f} min, {reports} reports stored as printed: {warm[-1][1]:.0f} MiB, {slope:+.1f} MiB/h in the second half, "
            f"open files {warm[0][2]} then {warm[-1][2]}, the log at most {wal / (1 << 20):.1f} MiB")


PARTS = {part.__name__: part for part in (pids, clock, floods, storm, thousands, restart, backups, connections)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--qalam", required=True)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--minutes", type=int, default=60, help="of soak")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS) + ", soak")
    args = parser.parse_args()
    args.qalam = os.path.abspath(args.qalam)
    args.folder = None
    # Supervisors outlive the controller: they come to us, as they would to init.
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    code = 0
    for name in args.parts or PARTS:
        part = {**PARTS, "pids_inside": pids_inside, "soak": soak}[name]
        try:
            print(f"{name}: {part(args)}", flush=True)
            if args.folder:
                shutil.rmtree(args.folder, ignore_errors=True)
        except (Fault, subprocess.TimeoutExpired) as fault:
            print(f"{name}: FAULT: {fault} (kept: {args.folder})", flush=True)
            code = 1
            if args.folder:
                for pid in World.processes(argparse.Namespace(folder=args.folder)):
                    os.kill(pid, signal.SIGKILL)
    return code


if __name__ == "__main__":
    sys.exit(main())
