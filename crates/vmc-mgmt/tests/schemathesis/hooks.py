"""What schemathesis is told of the management application: objects that are there, and which answers are wrong.

A request with an object's UUID that is drawn at random reaches little, so every other one has that of an object. What the
system refuses is a 500 with a code, as on an HMC, so this status alone is no fault.
"""

import json
import os
import re
import urllib.request

import schemathesis

API = os.environ["VMCSIM_API"]
TOKEN = os.environ["VMCSIM_TOKEN"]
# Drawn numbers of what is asked for, so that a run is the same each time.
count = 0


def ask(path):
    request = urllib.request.Request(f"{API}/{path}", headers={"X-API-Session": TOKEN, "Accept": "application/json"})
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def uuids(path):
    answer = ask(path)
    entries = answer["feed"]["entry"] if answer else []
    return [entry["id"] for entry in (entries if isinstance(entries, list) else [entries])]


def objects():
    servers = uuids("uom/VirtualIOServer")
    partitions = uuids("uom/LogicalPartition")
    return {
        "LogicalPartition": partitions,
        "VirtualIOServer": servers,
        "system": uuids("uom/ManagedSystem"),
        "console": uuids("uom/ManagementConsole"),
        "switch": uuids("uom/VirtualSwitch"),
        "network": uuids("uom/VirtualNetwork"),
        "adapter": [it for of in partitions for it in uuids(f"uom/LogicalPartition/{of}/ClientNetworkAdapter")],
        "group": [it for of in servers for it in uuids(f"uom/VirtualIOServer/{of}/VolumeGroup")],
        "operation": ["PowerOn", "PowerOff", "GetFreePhysicalVolumes"],
        "property": ["PartitionName", "SystemName"],
        "expression": ["(PartitionName=='a')", "(State!=operating)"],
        "job": ["1000000000001", "2000000000001"],
    }


OBJECTS = objects()


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    global count
    for name in path_parameters or {}:
        kind = name
        if name == "partition":
            kind = "VirtualIOServer" if "VirtualIOServer" in context.operation.path else "LogicalPartition"
        known = OBJECTS.get(kind)
        count += 1
        if known and count % 4 != 0:
            path_parameters[name] = known[count % len(known)]
    return path_parameters


CODE = re.compile(r"REST[0-9A-F]{4}|HSCL|PVME|expected a search|cannot be searched")


@schemathesis.check
def a_refusal_has_a_code(ctx, response, case):
    text = response.content.decode("utf-8", "replace")
    if response.status_code in (500, 501, 502, 503, 504):
        assert response.status_code == 500, f"{response.status_code}: {text}"
    if response.status_code >= 400:
        assert "HttpErrorResponse" in text and "Message" in text, f"no refusal's document: {text}"
    if response.status_code in (400, 404, 405, 500):
        assert CODE.search(text), f"a refusal without a code: {text}"
