# SPDX-License-Identifier: Apache-2.0
"""Writes the event files of this folder: tensorboardX 2.6.5 (pip install tensorboardX) python3 write.py FOLDER"""
import sys
import numpy
from tensorboardX import SummaryWriter
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboardX.proto.tensor_pb2 import TensorProto

folder = sys.argv[1]
for name, offset in (("train", 0.0), ("test", 0.25)):
    writer = SummaryWriter(f"{folder}/{name}", filename_suffix="." + name)
    for step in range(1, 6):
        wall = 1700000000.5 + 10 * step
        writer.add_scalar("loss", 1 / step + offset, step, walltime=wall)
        writer.add_scalar("accuracy", 1 - 1 / (step + 1) - offset / 10, step, walltime=wall)
        writer.add_scalar("other/loss", 7.0, step, walltime=wall)
    writer.add_histogram("weights", numpy.arange(20.0), 5)
    writer.add_text("note", "no number", 5)
    writer.close()

# As TensorFlow 2's own summaries have it: numbers are tensors.
writer = SummaryWriter(f"{folder}/tensors", filename_suffix=".tensors")
metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))


def put(step, tensor):
    value = Summary.Value(tag="loss", metadata=metadata, tensor=tensor)
    writer.file_writer.add_summary(Summary(value=[value]), step, walltime=1700000000.25 + step)


put(1, TensorProto(dtype=1, float_val=[0.5]))
put(2, TensorProto(dtype=1, tensor_content=numpy.float32(0.125).tobytes()))
put(3, TensorProto(dtype=2, double_val=[0.1]))
put(4, TensorProto(dtype=2, tensor_content=numpy.float64(0.3).tobytes()))
put(5, TensorProto(dtype=3, int_val=[-4]))
put(6, TensorProto(dtype=9, int64_val=[1 << 40]))
put(7, TensorProto(dtype=1, float_val=[1.0, 2.0]))
put(8, TensorProto(dtype=7, string_val=[b"text"]))
put(9, TensorProto(dtype=1, float_val=[float("nan")]))
writer.close()
