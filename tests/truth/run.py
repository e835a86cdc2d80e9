"""Growth and holdings by line, as memsample says, against what is known by construction or from the kernel.

usage: scripts/truth [--clocks LIST] [--pythons LIST] [--targets LIST] [--repeat N] [--lines] [--peers] [--json FILE]

The error is the sum over lines of |attributed - true| over the sum of true: of bytes grown, and of bytes held at the
end. Bytes are resident bytes. "truth" is how far the sum of the truth itself is from the kernel's total in that run.
Misses are listed at the end and nothing fails by them.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile

import goals
import jobs
import peers
import score

MEDIANS = ["grown_error", "held_error", "unattributed", "stops", "pause_share", "seconds", "grown_in_all", "truth_off"]
HEAD = f"{'target':<13}{'clock':<13}{'python':<9}{'grown':>9}{'held':>9}{'unattr.':>9}  {'books':<6}{'stops':>8}"
HEAD += f"{'paused':>9}{'seconds':>9}{'truth':>9}"


def percent(value):
    return "-" if value is None else f"{100 * value:.2f} %"


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def middle(runs):
    """One row of several runs: the median of each figure; the lines are those of the run in the middle."""
    ordered = sorted(runs, key=lambda run: run["grown_error"] or 0)
    row = dict(ordered[len(runs) // 2])
    row.update({name: median([run[name] for run in runs]) for name in MEDIANS})
    row["imbalance"] = next((run["imbalance"] for run in runs if run["imbalance"]), "")
    row["errors"] = [run["grown_error"] for run in ordered]
    return row


def show_row(row, with_lines):
    used = row["clock"]
    if row["clock_used"] != used.partition("@")[0]:
        used += f"={row['clock_used']}"
    books = "no" if row["imbalance"] else "yes"
    print(
        f"{row['target']:<13}{used:<13}{row['python']:<9}{percent(row['grown_error']):>9}"
        f"{percent(row['held_error']):>9}{percent(row['unattributed']):>9}  {books:<6}{row['stops']:>8.0f}"
        f"{percent(row['pause_share']):>9}{row['seconds']:>9.1f}{percent(row['truth_off']):>9}",
        flush=True,
    )
    if with_lines:
        show_lines(row["lines"])


def show_lines(lines):
    print(f"    {'MB':<16}{'':<22}{'grown':>10}{'said':>10}{'held':>10}{'said':>10}")
    for name, line, *figures in lines:
        print(f"    {name:<16}{line:<22}" + "".join(f"{figure / 1e6:>10.2f}" for figure in figures))


def measure(runner, options, target, clock, python):
    """A row, or None with the reason printed."""
    row = {"target": target, "clock": clock, "python": python.version}
    try:
        runs = [score.score(*runner.watched(target, python, clock)) for _ in range(options.repeat)]
    except (jobs.Skip, jobs.Failed) as reason:
        kind = "skip" if isinstance(reason, jobs.Skip) else "FAILED"
        print(f"{target:<13}{clock:<13}{python.version:<9}  {kind}: {reason}", flush=True)
        return None
    row.update(middle(runs))
    show_row(row, options.lines)
    return row


def chosen_pythons(text):
    """Minor versions, or paths of interpreters."""
    found = []
    for name in text.split(","):
        usable = [jobs.python_at(name)] if "/" in name else jobs.usable(name)[:1]
        if not usable:
            print(f"skip Python {name}: not on this machine (scripts/pythons --list)")
        found.extend(usable)
    return found


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/truth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clocks", default="trap,ring,poll", help="name, or name@attach (default trap,ring,poll)")
    parser.add_argument("--pythons", default=",".join(jobs.MINORS), help="minor versions or paths (default all)")
    parser.add_argument("--targets", default="", help=f"of {', '.join(jobs.NEEDS)} (default all)")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="the median of N runs")
    parser.add_argument("--memsample", default=jobs.ROOT / "build/memsample", type=pathlib.Path, metavar="PATH")
    parser.add_argument("--lines", action="store_true", help="show the lines of each row")
    parser.add_argument("--peers", action="store_true", help="install other profilers and run them on the same targets")
    parser.add_argument("--peer-seconds", type=int, default=120, metavar="N", help="give a peer up after so long")
    parser.add_argument("--json", metavar="FILE", help="write all figures")
    return parser.parse_args()


def measure_all(runner, options, pythons):
    print(HEAD)
    rows = []
    for target in jobs.targets(options.targets):
        for python in pythons:
            for clock in options.clocks.split(","):
                rows.append(measure(runner, options, target, clock, python))
    return [row for row in rows if row]


PEER_HEAD = f"{'target':<13}{'profiler':<19}{'python':<9}{'grown':>9}{'held':>9}{'seconds':>9}  counts"


def show_peer(row):
    head = f"{row['target']:<13}{row['peer']:<19}{row['python']:<9}"
    if "failed" in row:
        print(f"{head}  FAILED: {row['failed']}", flush=True)
        return
    errors = f"{percent(row['grown_error']):>9}{percent(row['held_error']):>9}"
    print(f"{head}{errors}{row['seconds']:>9.1f}  {row['counts']}", flush=True)


def measure_peers(runner, options, rows):
    """The rows of the peers; ours stand above them."""
    print(f"\n{PEER_HEAD}")
    others = []
    for target in jobs.targets(options.targets):
        for row in rows:
            if row["target"] == target:
                show_peer({**row, "peer": f"memsample {row['clock']}", "counts": "rises of RSS"})
        others.extend(peers.measure_all(runner, [target], options, show_peer))
    return others


def main():
    options = arguments()
    if not os.access(options.memsample, os.X_OK):
        raise SystemExit(f"scripts/truth: {options.memsample} is not there: run scripts/build")
    pythons = chosen_pythons(options.pythons)
    print(f"{os.cpu_count()} cores, Linux {os.uname().release}, load {os.getloadavg()[0]:.1f} at the start\n")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        runner = jobs.Jobs(folder, options.memsample.absolute())
        rows = measure_all(runner, options, pythons)
        others = measure_peers(runner, options, rows) if options.peers else []
    goals.show(rows, others)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({"rows": rows, "peers": others}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
