"""Runs inside gdb: stops the target at each tick of its timer, and compares gdb's frames with those of unwind-probe."""

import collections
import os
import subprocess

import gdb

ORDER = "rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split()
STOPS = int(os.environ["STOPS"])


def registers():
    frame = gdb.newest_frame()
    return " ".join(f"{int(frame.read_register(name)) & (1 << 64) - 1:x}" for name in ORDER)


def frames():
    """Addresses as memsample gives them: of callers one within the call. Inlined functions have no frame; nor have those
    that ended in a jump to the next one, which gdb guesses from debug information."""
    addresses, frame, exact = [], gdb.newest_frame(), True
    while frame is not None and frame.is_valid():
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            addresses.append(frame.pc() - (not exact))
            exact = frame.type() == gdb.SIGTRAMP_FRAME
        frame = frame.older()
    return addresses


def run():
    gdb.execute("handle SIGVTALRM stop print nopass", to_string=True)
    gdb.execute("run", to_string=True)
    probe = subprocess.Popen([os.environ["PROBE"], str(gdb.selected_inferior().pid)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    stops = equal_stops = compared = equal = 0
    ends, differences = collections.Counter(), []
    for _ in range(STOPS):
        gdb.execute("continue", to_string=True)
        theirs = frames()
        probe.stdin.write(registers() + "\n")
        probe.stdin.flush()
        end, *ours = probe.stdout.readline().split()
        ours = [int(address.rstrip("*"), 16) for address in ours]
        ends[end] += 1
        same = sum(a == b for a, b in zip(ours, theirs))
        stops += 1
        compared += max(len(ours), len(theirs))
        equal += same
        equal_stops += ours == theirs
        if ours != theirs:
            differences.append((ours, theirs, end, gdb.newest_frame().name()))
    gdb.execute("kill", to_string=True)
    print(f"{gdb.current_progspace().filename}: {stops} stops, {equal_stops} equal in every frame; "
          f"{compared} frames, {equal} equal ({100 * equal / compared:.2f} %); ends {dict(ends)}")
    for ours, theirs, end, name in differences[:5]:
        at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
        print(f"  in {name} at {ours[0]:#x}: differs at frame {at}: {len(ours)} frames ({end}), gdb {len(theirs)}; "
              f"{[hex(a) for a in ours[at:at + 2]]} {[hex(a) for a in theirs[at:at + 2]]}")


run()
