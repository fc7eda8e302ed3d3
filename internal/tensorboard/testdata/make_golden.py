"""Writes golden.tfevents by TensorBoard's own record writer and protocol buffers.

python make_golden.py     # tensorboard 2.21.0, protobuf 7.36.2
"""
import io
import os

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.summary.writer.record_writer import RecordWriter

WALL = 1_700_000_000.25


def main():
    out = io.BytesIO()
    records = RecordWriter(out)
    records.write(Event(wall_time=WALL, file_version="brain.Event:2").SerializeToString())
    for step, tag, v in [(0, "train/loss", 1.5), (1, "train/loss", 0.1), (300, "val/ece", float("nan")),
                         (1 << 40, "größe", -3e38)]:
        value = Summary.Value(tag=tag, simple_value=v)
        records.write(Event(wall_time=WALL, step=step, summary=Summary(value=[value])).SerializeToString())
    for step, values in [(2, [1.0, 2.0, 2.0, 31.0]), (3, [5.0, 5.0])]:
        low, high = min(values), max(values)
        width = (high - low) / 30
        limits = [low + (i + 1) * width for i in range(29)] + [high] if width else [high]
        counts, before = [], float("-inf")
        for i, limit in enumerate(limits):
            last = i == len(limits) - 1
            counts.append(float(sum(1 for v in values if v > before and (v <= limit or last))))
            before = limit
        h = HistogramProto(min=low, max=high, num=len(values), sum=sum(values), sum_squares=sum(v * v for v in values),
                           bucket_limit=limits, bucket=counts)
        value = Summary.Value(tag="range", histo=h)
        records.write(Event(wall_time=WALL, step=step, summary=Summary(value=[value])).SerializeToString())
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.tfevents"), "wb") as f:
        f.write(out.getvalue())


if __name__ == "__main__":
    main()
