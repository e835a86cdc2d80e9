"""Defines functions, runs and drops them, so that their code objects follow one another at the same addresses.

Function N is made_N in made-N.py and stands on the four lines after N % 100 * 10.
"""

import time

BYTES = 400_000
CODE = "{blank}def made_{number}():\n    a = bytearray(BYTES)\n    b = bytearray(BYTES)\n    return len(a) + len(b)\n"


def main():
    number, end = 0, time.monotonic() + 1.5
    while time.monotonic() < end:
        names = {"BYTES": BYTES}
        code = CODE.format(blank="\n" * (number % 100 * 10), number=number)
        exec(compile(code, f"made-{number}.py", "exec"), names)
        names[f"made_{number}"]()
        number += 1


main()
