# SPDX-License-Identifier: Apache-2.0
"""Katib's messages for Python, without any field of ours: what somebody has who only knows Katib.

Generated from proto/api.proto with the fields from 10001 taken out, by protoc, into a folder that is removed at exit.
"""
import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "proto", "api.proto")


def load():
    """Returns the modules api_pb2 and api_pb2_grpc."""
    folder = tempfile.mkdtemp(prefix="qalam-wire-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with open(SOURCE, encoding="utf-8") as source:
        katib = [line for line in source if not re.search(r"= 1\d{4};", line)]
    with open(os.path.join(folder, "api.proto"), "w", encoding="utf-8") as target:
        target.writelines(katib)
    plugin = shutil.which("grpc_python_plugin")
    subprocess.run(["protoc", f"--proto_path={folder}", f"--python_out={folder}", f"--grpc_out={folder}",
                    f"--plugin=protoc-gen-grpc={plugin}", "api.proto"], check=True)
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    import api_pb2
    import api_pb2_grpc
    assert "uid" not in api_pb2.GetSuggestionsRequest.DESCRIPTOR.fields_by_name, "our fields are still there"
    return api_pb2, api_pb2_grpc
