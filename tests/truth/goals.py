"""The goals of the benchmark, and which rows miss them."""

from jobs import SINGLE_THREADED

GROWN_BELOW = {"trap": 0.01, "ring": 0.03, "poll": 0.04}
THREADS_BELOW = {"trap": 0.03}
HELD_BELOW = 0.03
UNATTRIBUTED_BELOW = 0.02
AHEAD_OF_AUSTIN = 10
TRUTH_BELOW = 0.01


def label(row):
    return f"{row['target']} {row['clock']} {row['python']}"


def misses(rows, value, below):
    """Rows over the limit, worst first, with their figure."""
    bad = [(value(row), row) for row in rows if value(row) is not None and value(row) > below]
    return [f"{label(row)} {100 * found:.2f} %" for found, row in sorted(bad, key=lambda pair: -pair[0])]


def clock_of(row):
    return row["clock"].partition("@")[0]


def sawtooth_held(row):
    """The worse of: the leaking line against itself, the scratch line against what all lines hold."""
    lines = {name: (true, said) for name, _, _, _, true, said in row["lines"]}
    whole = sum(true for true, _ in lines.values())
    (leak, leak_said), (scratch, scratch_said) = lines["leak"], lines["scratch"]
    return max(abs(leak_said - leak) / leak, abs(scratch_said - scratch) / whole)


def judged(rows, peers):
    """Yields (goal, rows it was judged by, what missed it)."""
    for clock, below in GROWN_BELOW.items():
        of_clock = [row for row in rows if clock_of(row) == clock and row["target"] in SINGLE_THREADED]
        goal = f"growth error of one thread, {clock}: at most {100 * below:.0f} %"
        yield goal, of_clock, misses(of_clock, lambda row: row["grown_error"], below)
    for clock, below in THREADS_BELOW.items():
        of_clock = [row for row in rows if clock_of(row) == clock and row["target"] == "threads"]
        goal = f"growth error of threads, {clock}: at most {100 * below:.0f} %"
        yield goal, of_clock, misses(of_clock, lambda row: row["grown_error"], below)
    sawtooth = [row for row in rows if row["target"] == "sawtooth"]
    goal = f"sawtooth: held at end within {100 * HELD_BELOW:.0f} %"
    yield goal, sawtooth, misses(sawtooth, sawtooth_held, HELD_BELOW)
    yield "the books balance", rows, [f"{label(row)}: {row['imbalance']}" for row in rows if row["imbalance"]]
    goal = f"unattributed below {100 * UNATTRIBUTED_BELOW:.0f} %"
    yield goal, rows, misses(rows, lambda row: row["unattributed"], UNATTRIBUTED_BELOW)
    goal = f"the truth agrees with the kernel's total within {100 * TRUTH_BELOW:.0f} %"
    yield goal, rows, misses(rows, lambda row: row["truth_off"], TRUTH_BELOW)
    yield ahead_of_austin(rows, peers)


def ahead_of_austin(rows, peers):
    goal = f"interleaved: at least {AHEAD_OF_AUSTIN} times ahead of austin -m"
    austin = [peer for peer in peers if peer["peer"] == "austin -m" and peer["target"] == "interleaved"]
    theirs = [peer["grown_error"] for peer in austin if peer.get("grown_error") is not None]
    ours = [row for row in rows if row["target"] == "interleaved"]
    if not theirs:
        return goal, [], []
    limit = theirs[0] / AHEAD_OF_AUSTIN
    return f"{goal} ({100 * theirs[0]:.2f} %)", ours, misses(ours, lambda row: row["grown_error"], limit)


def show(rows, peers):
    print("\nGoals")
    for goal, by, missed in judged(rows, peers):
        verdict = (
            "not run" if not by else f"MISSED by {len(missed)} of {len(by)}" if missed else f"met ({len(by)} rows)"
        )
        print(f"  {goal:<66}{verdict}")
        for line in missed:
            print(f"      {line}")
