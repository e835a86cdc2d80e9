"""Runs a target with its hot functions decorated by memory_profiler. usage: with_memory_profiler.py TARGET TRUTH OUT"""

import inspect
import json
import sys

import load
import memory_profiler

MIB = 1024 * 1024


def increments(profiler):
    """{"file:line": bytes}."""
    lines = {}
    for file, rows in profiler.code_map.items():
        for line, row in rows:
            if row:
                lines[f"{file}:{line}"] = row[0] * MIB
    return lines


def main(target, truth, out):
    module = load.load(target)
    profiler = memory_profiler.LineProfiler(backend="psutil")
    for name in module.HOT_FUNCTIONS:
        function = getattr(module, name)
        # It has no wrapper for these that keeps them what they are.
        if not inspect.isasyncgenfunction(function):
            setattr(module, name, profiler(function))
    module.truth.run(module.main, truth)
    with open(out, "w") as file:
        json.dump(increments(profiler), file)


if __name__ == "__main__":
    main(*sys.argv[1:4])
