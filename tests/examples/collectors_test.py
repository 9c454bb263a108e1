#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of metrics collector through the real program: what is read while trials run, what is there after the
program was killed, and what is said when the metric never came. QALAM names the program."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

TESTS = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
QALAM = os.path.abspath(os.environ["QALAM"])
PYTHON = "/usr/bin/python3"

# As katib.report_metrics of Katib's SDK 0.19 does it: the namespace from the file that pods have, the trial's name from
# the environment, the default address.
REPORT = """
import os, sys, time
sys.path.insert(0, os.environ["STUBS"])
import grpc, api_pb2, api_pb2_grpc
def report(values, stamp=None, address="katib-db-manager.kubeflow:6789"):
    namespace = open("/var/run/secrets/kubernetes.io/serviceaccount/namespace").readline()
    assert namespace == "default", namespace
    stub = api_pb2_grpc.DBManagerStub(grpc.insecure_channel(address))
    stamp = stamp or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    logs = [api_pb2.MetricLog(time_stamp=stamp, metric=api_pb2.Metric(name=name, value=str(value)))
            for name, value in values.items()]
    stub.ReportObservationLog(api_pb2.ReportObservationLogRequest(trial_name=os.environ["KATIB_TRIAL_NAME"],
        observation_log=api_pb2.ObservationLog(metric_logs=logs)), timeout=60)
    return stub
"""

# Serves what it has on the port that it is told, until it has been asked often enough.
SERVE = """
import http.server, sys
port, x, values = int(sys.argv[1]), float(sys.argv[2]), [3, 2, 1]
class Pages(http.server.BaseHTTPRequestHandler):
    served = 0
    def do_GET(self):
        Pages.served += 1
        n = min(Pages.served - 1, 2)
        body = f"# TYPE loss gauge\\nloss {values[n] + x}\\nepoch {n + 1}\\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if Pages.served == 5:
            import threading
            threading.Thread(target=self.server.shutdown).start()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", port), Pages).serve_forever()
"""


def experiment(command, collector, trials=2, parallel=2, env=None):
    container = {"name": "main", "image": "none", "command": command,
                 "env": [{"name": name, "value": value} for name, value in (env or {}).items()]}
    return {
        "apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": "collected"},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss"},
            "algorithm": {"algorithmName": "random"},
            "metricsCollectorSpec": collector,
            "parallelTrialCount": parallel, "maxTrialCount": trials, "maxFailedTrialCount": 0,
            "parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "0.5"}}],
            "trialTemplate": {
                "primaryContainerName": "main", "trialParameters": [{"name": "x", "reference": "x"}],
                "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {
                    "containers": [container], "restartPolicy": "Never"}}}}}}}


class Collectors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stubs = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.stubs)
        subprocess.run(f"{QALAM} proto --katib > api.proto && protoc --python_out=. --grpc_out=. "
                       "--plugin=protoc-gen-grpc=$(command -v grpc_python_plugin) api.proto",
                       shell=True, check=True, cwd=cls.stubs)

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, spec):
        self.write("e.yaml", json.dumps(spec))
        return subprocess.Popen([QALAM, "run", "e.yaml"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, "STUBS": self.stubs})

    def run_to_the_end(self, spec):
        program = self.start(spec)
        out, _ = program.communicate(timeout=120)
        self.assertEqual(program.returncode, 0, out)
        return out

    def query(self, sql):
        if not os.path.exists(os.path.join(self.folder, "qalam.db")):
            return []
        with sqlite3.connect(f"file:{self.folder}/qalam.db?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()

    def rows(self):
        """Of each trial its reports, as (metric, value, step) in their order."""
        reports = {}
        for trial, *row in self.query("SELECT trial_name, metric_name, value, step FROM observation_logs "
                                      "ORDER BY trial_name, sequence"):
            reports.setdefault(trial, []).append(tuple(row))
        return list(reports.values())

    def wait_until(self, condition, program=None):
        for _ in range(600):
            if condition():
                return
            if program is not None and program.poll() is not None:
                self.fail(program.stdout.read())
            time.sleep(0.1)
        self.fail("it never came: " + str(self.rows()))

    # ---- steps

    def test_a_line_says_its_step(self):
        self.run_to_the_end(experiment(["sh", "-c", "echo epoch=7 loss=0.5; echo epoch=9 loss=0.25"], {}, trials=1))
        self.assertEqual(self.rows(), [[("loss", "0.5", 7), ("loss", "0.25", 9)]])

    def test_without_one_it_is_the_number_of_the_report(self):
        self.run_to_the_end(experiment(["sh", "-c", "echo loss=0.5; echo loss=0.25"], {}, trials=1))
        self.assertEqual(self.rows(), [[("loss", "0.5", 1), ("loss", "0.25", 2)]])

    # ---- Push

    def test_katibs_report_metrics_works_in_a_trial(self):
        self.write("report.py", REPORT + "report({'loss': 3})\nreport({'loss': 2, 'other': 1}, '2024-01-01T00:00:00Z')\n"
                                         "report({'loss': 2}, '2024-01-01T00:00:00Z')\n")
        before = sorted(os.listdir("/run"))
        self.run_to_the_end(experiment([PYTHON, "report.py"], {"collector": {"kind": "Push"}}))
        # The second report of the same time and value was there already; what is no metric of ours is left out.
        self.assertEqual(self.rows(), [[("loss", "3", 1), ("loss", "2", 2)]] * 2)
        self.assertEqual(sorted(os.listdir("/run")), before)

    def test_logs_are_given_to_whoever_asks(self):
        self.write("report.py", REPORT + """
stub = report({'loss': 0.5}, '2024-01-01T00:00:00Z')
log = stub.GetObservationLog(api_pb2.GetObservationLogRequest(trial_name=os.environ["KATIB_TRIAL_NAME"]))
assert [m.metric.value for m in log.observation_log.metric_logs] == ["0.5"], log
""")
        self.run_to_the_end(experiment([PYTHON, "report.py"], {"collector": {"kind": "None"}}, trials=1))
        self.assertEqual(self.rows(), [[("loss", "0.5", 1)]])

    def test_who_runs_on_without_the_program_reports_when_it_is_back(self):
        self.write("report.py", REPORT + f"""
report({{'loss': 2}}, '2024-01-01T00:00:00Z')
while not os.path.exists({self.folder!r} + '/go'): time.sleep(0.1)
for tries in range(100):
    try:
        report({{'loss': 1}}, '2024-01-01T00:00:01Z'); break
    except grpc.RpcError: time.sleep(0.2)
else: sys.exit(1)
""")
        spec = experiment([PYTHON, "report.py"], {"collector": {"kind": "Push"}}, trials=1)
        program = self.start(spec)
        self.wait_until(lambda: self.rows() == [[("loss", "2", 1)]], program)
        program.send_signal(signal.SIGKILL)
        program.communicate()
        self.write("go", "")
        self.run_to_the_end(spec)
        self.assertEqual(self.rows(), [[("loss", "2", 1), ("loss", "1", 2)]])

    def test_a_storm_of_reports_is_taken_whole(self):
        self.write("report.py", REPORT + """
stub = report({'loss': 0}, '2024-01-01T00:00:00Z')
name, calls = os.environ["KATIB_TRIAL_NAME"], []
for n in range(1, 1501):  # each sent twice
    log = api_pb2.MetricLog(time_stamp=f"2024-01-01T01:{n // 60:02}:{n % 60:02}Z",
                            metric=api_pb2.Metric(name="loss", value=str(n)))
    request = api_pb2.ReportObservationLogRequest(trial_name=name,
                                                  observation_log=api_pb2.ObservationLog(metric_logs=[log]))
    calls += [stub.ReportObservationLog.future(request), stub.ReportObservationLog.future(request)]
    if n % 100 == 0:
        for call in calls: call.result(timeout=60)
        calls = []
""")
        self.run_to_the_end(experiment([PYTHON, "report.py"], {"collector": {"kind": "Push"}}, trials=1))
        # Those that are on their way at once may overtake each other.
        self.assertEqual(sorted(int(value) for _, value, _ in self.rows()[0]), list(range(1501)))

    def test_a_trial_that_reports_nothing_is_told_what_to_do(self):
        spec = experiment(["true"], {"collector": {"kind": "Push"}}, trials=1)
        del spec["spec"]["maxFailedTrialCount"]
        out = self.run_to_the_end(spec)
        self.assertIn("the objective 'loss' was never reported", out)

    # ---- TensorFlowEvent

    EVENTS = {"collector": {"kind": "TensorFlowEvent"},
              "source": {"fileSystemPath": {"path": "/no-such-logs/mnist", "kind": "Directory"}}}

    def events_experiment(self, script):
        spec = experiment(["sh", "-c", script, "sh", "--log=/no-such-logs/mnist"], self.EVENTS)
        spec["spec"]["objective"]["objectiveMetricName"] = "test/loss"
        return spec

    def test_event_files_are_read(self):
        self.run_to_the_end(self.events_experiment(f'cp -r {TESTS}/data/tfevents/test "${{1#--log=}}"'))
        values = ["1.25", "0.75", "0.5833333", "0.5", "0.45"]
        self.assertEqual(self.rows(), [[("test/loss", value, n) for n, value in enumerate(values, 1)]] * 2)

    def test_event_files_are_read_once_whoever_is_killed(self):
        files = f"{TESTS}/data/tfevents/test"
        script = (f'd=${{1#--log=}}; mkdir -p $d/test; head -c 3000 {files}/events* > $d/test/a.tfevents; '
                  f'while [ ! -e {self.folder}/go ]; do sleep 0.1; done; tail -c +3001 {files}/events* >> $d/test/a.tfevents; '
                  f'mkdir $d/again $d/again/test; cp {files}/events* $d/again/test/b.tfevents')
        spec = self.events_experiment(script)
        program = self.start(spec)
        self.wait_until(lambda: sum(map(len, self.rows())) >= 2, program)
        program.send_signal(signal.SIGKILL)
        program.communicate()
        self.write("go", "")
        self.run_to_the_end(spec)
        for reports in self.rows():  # both files have the same five
            self.assertEqual(sorted(step for _, _, step in reports), sorted(list(range(1, 6)) * 2))

    # ---- PrometheusMetric

    def test_pages_are_fetched_from_each_trials_own_port(self):
        self.write("serve.py", SERVE)
        spec = experiment([PYTHON, "serve.py", "8080", "${trialParameters.x}"], {
            "collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"path": "/metrics", "port": 8080}}})
        self.run_to_the_end(spec)
        rows, values = self.rows(), self.query("SELECT assignments FROM trials")
        self.assertEqual(len(rows), 2)
        x = sorted(float(json.loads(text)["x"]) for (text,) in values)
        for reports in rows:
            self.assertEqual([step for _, _, step in reports], [1, 2, 3])
        self.assertEqual(sorted(float(reports[-1][1]) for reports in rows), [1 + v for v in x])

    # ---- Custom

    def test_a_custom_collector_sees_the_trials_files(self):
        collector = ("trap 'cat /no-such-logs/m.txt; exit 0' TERM; while true; do sleep 0.1; done")
        spec = experiment(["sh", "-c", "echo loss=${trialParameters.x} > /no-such-logs/m.txt; sleep 0.3"], {
            "source": {"fileSystemPath": {"path": "/no-such-logs/m.txt", "kind": "File"}},
            "collector": {"kind": "Custom", "customCollector": {"name": "reader", "image": "none",
                                                                "command": ["sh", "-c", collector]}}})
        self.run_to_the_end(spec)
        rows = self.rows()
        self.assertEqual([len(reports) for reports in rows], [1, 1])
        self.assertNotEqual(rows[0], rows[1])

    def test_a_custom_collector_may_report_itself(self):
        self.write("report.py", REPORT + "report({'loss': 0.25})\n")
        spec = experiment(["sh", "-c", "sleep 3"], {
            "collector": {"kind": "Custom", "customCollector": {"name": "reader", "image": "none",
                                                                "command": [PYTHON, "report.py"]}}}, trials=1)
        self.run_to_the_end(spec)
        self.assertEqual(self.rows(), [[("loss", "0.25", 1)]])

    # ---- a collector that stops its trial, as Katib's does

    def test_a_collector_that_has_stopped_its_trial_says_so(self):
        """As Katib's collectors do it: watches the trial's file under the rules that it was given, ends the trial's
        process, reports what it has read, and then calls SetTrialStatus at the early-stopping service's address."""
        self.write("collector.py", REPORT + """
import signal
ended = []
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))  # the pod ends when its collector has
rules = os.environ.get("QALAM_STOP_RULES", "loss;inf;greater;1")  # none at first
name, bound, comparison, start = rules.split(";")
assert (name, comparison) == ("loss", "greater"), rules
seen, met = [], False
while not met and not ended:
    time.sleep(0.05)
    if os.path.exists(sys.argv[1] + "/m.txt"):
        seen = [line.split("=")[1] for line in open(sys.argv[1] + "/m.txt").read().split("\\n")[:-1]]
    met = len(seen) >= int(start) and min(map(float, seen)) > float(bound)
if met: os.kill(int(open(sys.argv[1] + "/pid").read()), signal.SIGTERM)
for n, value in enumerate(seen): report({"loss": value}, f"2024-01-01T00:00:0{n}Z")
if met:
    time.sleep(0.5)  # its process has failed long before anybody is told
    stub = api_pb2_grpc.EarlyStoppingStub(grpc.insecure_channel(os.environ["QALAM_EARLY_STOPPING"]))
    request = api_pb2.SetTrialStatusRequest(trial_name=os.environ["KATIB_TRIAL_NAME"])
    stub.SetTrialStatus(request, timeout=60)
    stub.SetTrialStatus(request, timeout=60)  # an answer may be lost on the way
    try: stub.SetTrialStatus(api_pb2.SetTrialStatusRequest(trial_name="nobody"), timeout=60)
    except grpc.RpcError as fault: assert fault.code() == grpc.StatusCode.NOT_FOUND, fault
    else: sys.exit("nobody was stopped")
""")
        # The first two trials set the bound, 3.75. The third is worse at its second report, the fourth is not.
        train = ("n=$(($(cat n) + 1)); echo $n > n; echo $$$$ > /no-such-logs/pid; m=/no-such-logs/m.txt; "
                 "if [ $n = 3 ]; then for i in 1 2; do echo loss=9.$i >> $m; sleep 0.1; done; exec sleep 600; fi; "
                 "echo loss=$((5 - n)).5 > $m; echo loss=$((5 - n)).0 >> $m; sleep 0.5")
        self.write("n", "0")
        spec = experiment(["sh", "-c", train], {
            "source": {"fileSystemPath": {"path": "/no-such-logs/m.txt", "kind": "File"}},
            "collector": {"kind": "Custom", "customCollector": {"name": "reader", "image": "none",
                                                                "command": [PYTHON, "collector.py", "/no-such-logs"]}}},
            trials=4, parallel=1)
        spec["spec"]["earlyStopping"] = {"algorithmName": "medianstop", "algorithmSettings": [
            {"name": "min_trials_required", "value": "2"}, {"name": "start_step", "value": "2"},
            {"name": "compat", "value": "katib"}]}
        out = self.run_to_the_end(spec)
        trials = self.query("SELECT status, observation, conditions FROM trials ORDER BY ordinal")
        self.assertEqual([state for state, *_ in trials], ["Succeeded", "Succeeded", "EarlyStopped", "Succeeded"], out)
        self.assertIn('"latest":"9.2"', trials[2][1].replace(" ", ""))
        self.assertIn('"Trial is early stopped"', trials[2][2])
        self.assertEqual(self.query("SELECT count(*) FROM events WHERE reason = 'EarlyStopping' "
                                    "AND message LIKE '%SetTrialStatus%'"), [(1,)])


if __name__ == "__main__":
    unittest.main()
