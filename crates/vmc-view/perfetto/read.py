"""Reads traces with the classes that Perfetto publishes for its schema (the package perfetto), and compares each with the trace
file beside it: every field is known, tracks are described, slices nest, flows have both ends, nothing is missing.

Usage: read.py FOLDER, in which NAME.perfetto and NAME.jsonl lie side by side.
"""

import json
import sys
from pathlib import Path

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent


def fail(path, what):
    raise SystemExit(f"{path}: {what}")


def read(path):
    data = path.read_bytes()
    trace = Trace.FromString(data)
    known = Trace.FromString(data)
    known.DiscardUnknownFields()
    if known.ByteSize() != trace.ByteSize():
        fail(path, "expected only fields of the schema")
    return trace


def check(path):
    trace = read(path)
    lines = [json.loads(line) for line in path.with_suffix(".jsonl").read_text().splitlines()]
    events = [line for line in lines if "seq" in line]
    tracks = {packet.track_descriptor.uuid: packet.track_descriptor for packet in trace.packet if packet.HasField("track_descriptor")}
    slices, last, begun, flows, ended, counters = {}, {}, [], {}, [], set()
    for packet in trace.packet:
        if not packet.HasField("track_event"):
            continue
        event = packet.track_event
        track = tracks.get(event.track_uuid)
        if track is None:
            fail(path, f"expected a described track, got {event.track_uuid}")
        if packet.timestamp < last.get(event.track_uuid, 0):
            fail(path, f"expected a later time than {last[event.track_uuid]}, got {packet.timestamp}")
        last[event.track_uuid] = packet.timestamp
        depth = slices.get(event.track_uuid, 0)
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            slices[event.track_uuid] = depth + 1
            begun.append(event)
        elif event.type == TrackEvent.TYPE_SLICE_END:
            if depth == 0:
                fail(path, "expected a slice to end")
            slices[event.track_uuid] = depth - 1
        elif event.type == TrackEvent.TYPE_COUNTER:
            if not track.HasField("counter"):
                fail(path, f"expected a counter, got the track {track.name}")
            counters.add(track.name)
        elif event.type != TrackEvent.TYPE_INSTANT:
            fail(path, f"expected a type, got {event.type}")
        for flow in event.flow_ids:
            flows[flow] = event.name
        for flow in event.terminating_flow_ids:
            if event.name != f"takes {flows.get(flow)}":
                fail(path, f"expected the entry that was sent, {flows.get(flow)}, got {event.name}")
            ended.append(flow)
    sent = sum("enqueued" in line["event"] for line in events)
    if len(flows) != sent:
        fail(path, f"expected {sent} flows, got {len(flows)}")
    hcalls = sum("hcall" in line["event"] for line in events)
    calls = sum("call" in line["event"] for line in events)
    copies = sum("rdma" in line["event"] for line in events)
    taken = sum("dequeued" in line["event"] for line in events)
    if len(begun) != sent + taken + hcalls + calls + copies:
        fail(path, f"expected {sent + taken + hcalls + calls + copies} slices, got {len(begun)}")
    if "free buffers" not in counters and any("rdma" in line["event"] for line in events):
        fail(path, "expected the counter of free buffers")
    return len(trace.packet)


def main():
    paths = sorted(Path(sys.argv[1]).glob("*.perfetto"))
    if not paths:
        raise SystemExit(f"{sys.argv[1]}: expected traces, got none")
    packets = sum(check(path) for path in paths)
    print(f"Perfetto's schema: {len(paths)} traces, {packets} packets")


main()
