"""Other profilers on the same targets. Each adapter turns what one says into bytes by line."""

import json
import re
import shutil
import subprocess
import time

import jobs
import score

MB = 1024 * 1024
HERE = jobs.TARGETS.parent
REQUIREMENTS = HERE / "peers-requirements.txt"
VENV = jobs.ROOT / ".cache/truth/peers"
BIN = VENV / "bin"
# Where the requirements were resolved, then what else may do.
MINORS = ["3.12", "3.13", "3.11"]


def by_line(text):
    """{line: bytes} of collapsed stacks; a line counts for every stack that has it, once."""
    lines = {}
    for row in text.splitlines():
        found = re.fullmatch(r"P\d+;T[^;]+;(.*) (-?\d+)", row)
        if found and int(found.group(2)) > 0:
            for frame in set(found.group(1).split(";")):
                parts = frame.rsplit(":", 2)
                if len(parts) == 3:
                    key = f"{parts[0]}:{parts[2]}"
                    lines[key] = lines.get(key, 0) + int(found.group(2))
    return lines


def austin(runner, target, out):
    yield [BIN / "austin", "-i", "1ms", "-m", "-o", out, *target]
    yield {"grown": by_line(out.read_text(errors="replace"))}


def memory_profiler(runner, target, out):
    _, path, truth = target
    yield [BIN / "python", HERE / "wrappers/with_memory_profiler.py", path, truth, out]
    yield {"grown": json.loads(out.read_text())}


def memray(runner, target, out):
    _, path, truth = target
    yield [BIN / "python", HERE / "wrappers/with_memray.py", path, truth, out]
    yield json.loads(out.read_text())


def scalene(runner, target, out):
    _, path, truth = target
    yield [BIN / "python", "-m", "scalene", "run", "--memory", "-o", out, path, "---", truth]
    lines = {
        f"{file}:{row['lineno']}": row["n_malloc_mb"] * MB
        for file, seen in json.loads(out.read_text())["files"].items()
        for row in seen["lines"]
    }
    yield {"grown": lines}


# name: (adapter, what it counts)
PEERS = {
    "austin -m": (austin, "rises of RSS at 1 ms, for the stack seen at the end of each interval"),
    "memory_profiler": (memory_profiler, "changes of RSS over each line of decorated functions, net"),
    "memray": (memray, "bytes requested from malloc and mmap, touched or not"),
    "scalene": (scalene, "bytes requested from malloc, a sample every MiB"),
}


def prepare():
    """A virtual environment with the peers; the interpreter it is of."""
    base = next((python for minor in MINORS for python in jobs.usable(minor)[:1]), None)
    if not base:
        raise jobs.Skip("no Python 3.11 to 3.13 for the peers")
    installed = VENV / "installed.txt"
    if not installed.exists() or installed.read_bytes() != REQUIREMENTS.read_bytes():
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([base, "-m", "venv", VENV], check=True)
        pip = [BIN / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*pip, "--only-binary", ":all:", "-r", REQUIREMENTS], check=True)
        shutil.copy(REQUIREMENTS, installed)
    version = subprocess.run([BIN / "python", "--version"], capture_output=True, text=True, check=True).stdout.split()[
        1
    ]
    return jobs.Python(version, str(BIN / "python"), "peers", "unknown,unknown")


def run_peer(runner, name, peer, python, seconds):
    """What the peer says, and how long the run took."""
    adapter, _ = PEERS[peer]
    out = runner.folder / "peer.json"
    out.unlink(missing_ok=True)
    steps = adapter(runner, runner.command(name, python), out)
    started = time.monotonic()
    # Scalene leaves a file in the folder that it was started in.
    runner.finish(next(steps), env=runner.environment(name, python), cwd=runner.folder, seconds=seconds)
    took = time.monotonic() - started
    # It must have let the target run to its end.
    runner.truth()
    if not out.exists():
        raise jobs.Failed("it wrote nothing")
    said = next(steps)
    if not any(line.startswith(f"{name}.py:") for line in score.short(said["grown"])):
        raise jobs.Failed("it says nothing of the target's lines")
    return said, took


def figures(truth, said):
    """The errors of what a peer says; None for what it does not say."""
    return {
        f"{what}_error": score.error(score.short(said[what]), score.short(truth[what])) if what in said else None
        for what in ("grown", "held")
    }


def measure(runner, name, peer, python, truth, options):
    row = {"target": name, "peer": peer, "python": python.version, "counts": PEERS[peer][1]}
    try:
        runs = [run_peer(runner, name, peer, python, options.peer_seconds) for _ in range(options.repeat)]
        found = sorted(
            [{**figures(truth, said), "seconds": took, "said": score.short(said["grown"])} for said, took in runs],
            key=lambda run: run["grown_error"],
        )
        row.update(found[len(found) // 2])
    except (jobs.Skip, jobs.Failed) as reason:
        row["failed"] = str(reason)
    return row


def measure_all(runner, names, options, show):
    """The rows of all peers on these targets; `show` prints one."""
    try:
        python = prepare()
    except (jobs.Skip, OSError, subprocess.CalledProcessError) as reason:
        print(f"skip the peers: {reason}")
        return []
    rows = []
    for name in names:
        try:
            # Their own memory must not count: the truth is of a run without them.
            truth = runner.alone(name, python)
        except (jobs.Skip, jobs.Failed) as reason:
            print(f"{name:<13}skip: {reason}")
            continue
        for peer in PEERS:
            rows.append(measure(runner, name, peer, python, truth, options))
            show(rows[-1])
    return rows
