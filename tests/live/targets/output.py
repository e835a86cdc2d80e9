"""Writes what it reads, and more, to both streams."""

import sys

total = 0
for line in sys.stdin:
    total += len(line)
    print(line.rstrip("\n")[::-1])
kept = [bytes(1000) for _ in range(50_000)]
for index in range(2000):
    print(f"line {index} of {len(kept)}")
    if index % 100 == 0:
        print(f"error {index}", file=sys.stderr)
sys.stdout.buffer.write(bytes(range(256)))
sys.stdout.flush()
print(f"{total} characters were read", file=sys.stderr)
