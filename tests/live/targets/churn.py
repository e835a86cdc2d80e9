"""Defines functions, runs and drops them, so that their code objects follow one another at the same addresses.

Function N is made_N in made-N.py, stands on the four lines after N % 100 * 10, and is called by caller-K.py with K = N % 7.
"""

import time

BYTES = 400_000
CALLERS = 7
CODE = "{blank}def made_{number}():\n    a = bytearray(BYTES)\n    b = bytearray(BYTES)\n    return len(a) + len(b)\n"


def define(code, file, name):
    names = {"BYTES": BYTES}
    exec(compile(code, file, "exec"), names)
    return names[name]


def main():
    callers = [define("def call(made):\n    made()\n", f"caller-{k}.py", "call") for k in range(CALLERS)]
    number, end = 0, time.monotonic() + 1.5
    while time.monotonic() < end:
        code = CODE.format(blank="\n" * (number % 100 * 10), number=number)
        callers[number % CALLERS](define(code, f"made-{number}.py", f"made_{number}"))
        number += 1


main()
