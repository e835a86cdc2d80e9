"""Runs a target under memray until its truth is written. usage: with_memray.py TARGET TRUTH OUT"""

import json
import os
import sys

import load
import memray


def by_line(records):
    """{"file:line": bytes} for every line of each stack, once."""
    lines = {}
    for record in records:
        for key in {f"{file}:{line}" for _, file, line in record.stack_trace()}:
            lines[key] = lines.get(key, 0) + record.size
    return lines


def main(target, truth, out):
    module = load.load(target)
    capture = memray.FileDestination(out + ".bin", overwrite=True)
    with memray.Tracker(destination=capture):
        module.truth.run(module.main, truth)
    reader = memray.FileReader(out + ".bin")
    frees = (memray.AllocatorType.FREE, memray.AllocatorType.MUNMAP)
    taken = (record for record in reader.get_allocation_records() if record.allocator not in frees)
    grown, held = by_line(taken), by_line(reader.get_leaked_allocation_records(merge_threads=True))
    with open(out, "w") as file:
        json.dump({"grown": grown, "held": held}, file)
    # What was kept is not worth taking down.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:4])
