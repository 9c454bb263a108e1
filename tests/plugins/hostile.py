#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile.py PORT HOW: a suggestion service that misbehaves in one way, and otherwise proposes x in [0, 1].

The proto (api_pb2, api_pb2_grpc) is in the folder that it runs in. How often it was started is in ./starts. With
"later:HOW" its first answer is one good suggestion, whatever was asked for; the rest follows once a trial is known.
"""
import os
import random
import socket
import sys
import threading
import time
from concurrent import futures

sys.path.insert(0, os.getcwd())
sys.dont_write_bytecode = True
PORT, HOW = sys.argv[1], sys.argv[2]

with open("starts", "a", encoding="utf-8") as starts:
    starts.write(f"{os.getpid()}\n")
STARTS = sum(1 for _ in open("starts", encoding="utf-8"))
if HOW == "dies-at-start":
    print("no module named nonsense", file=sys.stderr)
    sys.exit(3)
if HOW == "garbage-bytes":
    listener = socket.create_server(("127.0.0.1", int(PORT)))
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"\x00\xff GET lost\r\n" * 1000)
        connection.close()

import grpc  # noqa: E402

import api_pb2 as api  # noqa: E402
import api_pb2_grpc as api_grpc  # noqa: E402


TEN_MEGABYTES = 10 << 20
LATER = HOW.startswith("later:")
HOW = HOW.removeprefix("later:")


class Hostile(api_grpc.SuggestionServicer):
    calls = 0

    def ValidateAlgorithmSettings(self, request, context):
        if HOW == "fails-to-validate":
            context.abort(grpc.StatusCode.INTERNAL, "I know no settings")
        return super().ValidateAlgorithmSettings(request, context)  # UNIMPLEMENTED

    def GetSuggestions(self, request, context):
        if LATER and not request.trials:
            reply = api.GetSuggestionsReply()
            reply.parameter_assignments.add().assignments.add(name="x", value="0.25")
            return reply
        Hostile.calls += 1
        wanted = request.current_request_number
        if HOW == "late" or (HOW == "late-once" and STARTS == 1):
            time.sleep(1.3)
        if HOW == "resets" or (HOW == "resets-once" and Hostile.calls == 1):
            context.cancel()
            return api.GetSuggestionsReply()
        if HOW == "dies-after-each-answer":
            threading.Timer(0.1, os._exit, [9]).start()
        if HOW == "hangs" or (HOW == "hangs-once" and STARTS == 1):
            time.sleep(3600)
        if HOW == "dies" or (HOW == "dies-once" and STARTS == 1 and request.trials):
            print("I have had enough", file=sys.stderr, flush=True)
            os._exit(7)
        if HOW in ("too-few", "huge"):  # two huge ones would pass the limit of a message, which is another fault
            wanted = 1
        if HOW == "too-many":
            wanted += 5
        if HOW == "nothing":
            wanted = 0
        reply = api.GetSuggestionsReply()
        rng = random.Random(request.total_request_number)
        for k in range(wanted):
            suggestion = reply.parameter_assignments.add()
            value = repr(rng.random())
            if HOW == "duplicates":
                value = "0.5"
            if HOW == "illegal-once" and Hostile.calls % 2 == 1:
                value = "1.5"
            if HOW == "illegal":
                value = ["nan", "-0.1", "", "$(touch canary)", "1e999"][k % 5]
            if HOW == "ten-megabytes":
                value = "0." + "1" * TEN_MEGABYTES
            if HOW == "huge":
                value = "0." + "1" * (32 << 20)
            name = "y" if HOW == "wrong-parameter" else "x"
            suggestion.assignments.add(name=name, value=value)
            if HOW == "assigned-twice":
                suggestion.assignments.add(name=name, value=value)
            if HOW == "extra-parameter":
                suggestion.assignments.add(name="y", value="1")
            if HOW == "wrong-names":
                suggestion.trial_name = ["../../etc/passwd", "UPPER", "a" * 64, "two words"][k % 4]
            if HOW == "control-names":
                suggestion.trial_name = "\x1b[2J\x07red\r\n"
            if HOW == "same-name":
                suggestion.trial_name = "always-the-same"
            if HOW == "own-names":
                suggestion.trial_name = f"mine-{request.total_request_number - wanted + k}"
                suggestion.labels["generation"] = str(len(request.trials))
        if HOW == "many-more":  # 10 MB of suggestions that nobody asked for
            extra = reply.parameter_assignments[0]
            reply.parameter_assignments.extend([extra] * (TEN_MEGABYTES // extra.ByteSize()))
        if HOW == "remembers":
            known = {s.name: s.value for s in request.experiment.spec.algorithm.algorithm_settings}
            with open("remembered", "a", encoding="utf-8") as out:
                out.write(f"{known.get('given', 'nothing')}\n")
            reply.algorithm.algorithm_settings.add(name="given", value=str(request.total_request_number))
        return reply


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    if HOW == "wrong-service":
        api_grpc.add_DBManagerServicer_to_server(api_grpc.DBManagerServicer(), server)
    else:
        api_grpc.add_SuggestionServicer_to_server(Hostile(), server)
    server.add_insecure_port(f"127.0.0.1:{PORT}")
    server.start()
    print("ready", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
