"""Asks for 3 GB that it never touches, and holds 30 MB that it does, for a while."""

import mmap
import time

reserved = mmap.mmap(-1, 3_000_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
touched = bytearray(30_000_000)
time.sleep(1.0)
print(len(reserved), len(touched))
