"""Remote PowerShell, measured by pypsrp: the round trip of a trivial cmdlet, and objects per second.

    PYTHONPATH=tests/remoting HTTPS=… ADMIN=… ADMIN_PASSWORD=… USER1=… PASSWORD1=… \\
        target/tools/python/pypsrp/bin/python3 bench/remoting.py 10000

makes as many mail contacts as it says, where they are missing, and prints JSON. Objects are counted as they come,
not turned into Python's: that is the client's time, which `pypsrp_objects_per_s` shows."""
import json
import struct
import sys
import time

from remote import command, pool, run, wsman

PIPELINE_OUTPUT = 0x41004
DONE = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Done"
OBJECTS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
ALL = ("Get-MailContact", {"ResultSize": "Unlimited"})
CHOSEN = ("Select-Object", {"Property": ["Name", "PrimarySmtpAddress"]})


def counted(runspaces, *commands):
    """Objects, bytes and seconds of a pipeline, and seconds until its first bytes."""
    shell = command(runspaces, *commands)
    start = time.perf_counter()
    shell.begin_invoke()
    objects, size, first, state = 0, 0, None, None
    while state != DONE:
        state, _, streams = runspaces.shell.receive("stdout", command_id=shell._command_id)
        data, at = streams["stdout"], 0
        first = first or time.perf_counter() - start
        size += len(data)
        while at < len(data):
            flags, length = data[at + 16], struct.unpack_from(">I", data, at + 17)[0]
            objects += flags & 1 and struct.unpack_from("<I", data, at + 25)[0] == PIPELINE_OUTPUT
            at += 21 + length
    return objects, size, time.perf_counter() - start, first


with wsman() as connection, pool(connection) as runspaces:
    times = []
    for _ in range(300):
        start = time.perf_counter()
        run(runspaces, ("Get-AcceptedDomain", {}))
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    there = counted(runspaces, ALL)[0]
    for number in range(there, OBJECTS):
        run(runspaces, ("New-MailContact", {
            "Name": f"measured{number}", "ExternalEmailAddress": f"measured{number}@ext.example"}))
    objects, size, seconds, first = counted(runspaces, ALL)
    chosen, _, chosen_seconds, _ = counted(runspaces, ALL, CHOSEN)
    start = time.perf_counter()
    decoded = len(run(runspaces, ALL, CHOSEN).output)
    decoding = time.perf_counter() - start
    print(json.dumps({
        "round_trip_p50_ms": round(times[len(times) // 2], 2),
        "round_trip_p99_ms": round(times[len(times) * 99 // 100], 2),
        "objects": objects,
        "objects_per_s": round(objects / seconds),
        "mb_per_s": round(size / seconds / 1e6, 1),
        "first_ms": round(first * 1000, 1),
        "selected_objects_per_s": round(chosen / chosen_seconds),
        "pypsrp_objects_per_s": round(decoded / decoding),
    }))
