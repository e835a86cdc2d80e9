"""The sampler on every interpreter that there is: it names the right lines, its books balance, and it harms nothing.

What is checked in depth is checked on fewer."""

import signal
import subprocess
import time

import pytest

from harness import MEMSAMPLE, TARGETS, Job, Target, environment, memsample, report, stuck, threads, total_by_line, within_three
from interpreters import one_of_each

GROWER = TARGETS / "grower.py"
MIB = 1 << 20
JOB = """import sys, time
time.sleep(0.2)  # what is there when Python is found is the baseline
kept = []
def first():
    kept.append(bytearray(b"a") * {0})
def second():
    kept.append([str(number) for number in range({1})])
first(); second()
print("done"); sys.exit(7)
"""


PYTHONS = [pytest.param(python, id=python.name) for python in one_of_each()]


def assert_books(seen):
    totals, timeline = seen["totals"], seen["timeline"]
    assert totals["baseline_bytes"] + totals["grown_bytes"] - totals["released_bytes"] == totals["end_rss_bytes"]
    held = [series["held_bytes"] for series in timeline["held"]["functions"]]
    for point, rss in enumerate(timeline["rss_bytes"]):
        assert sum(series[point] for series in held) == rss


def check_run(folder, python):
    script = folder / "job.py"
    script.write_text(JOB.format(64 * MIB, 10**6))
    job = Job(folder, [python, script], env=environment())
    assert (job.done.returncode, job.done.stdout) == (7, b"done\n"), job.done.stderr.decode()
    seen = job.report
    assert seen["target"]["python_version"].rstrip("t") == python.version and seen["target"]["exit_status"] == 7
    assert_books(seen)
    grown = total_by_line(seen)
    first, second = (grown[f"{script}:{line}"] for line in (5, 7))
    # A string and its place in the list take 72 bytes; without the GIL 88.
    assert first > 45 * MIB and second > 45 * MIB and 115 * MIB < first + second < 165 * MIB, (first, second)
    assert seen["totals"]["unattributed_bytes"] < 0.03 * seen["totals"]["grown_bytes"]


@pytest.mark.parametrize("python", PYTHONS)
def test_run(tmp_path, python):
    within_three(lambda: check_run(tmp_path, python))


@pytest.mark.parametrize("python", PYTHONS)
def test_attach(tmp_path, python):
    with Target([python, GROWER], env=environment()) as target:
        recording = tmp_path / "a.memsample"
        done = memsample("--pid", target.pid, "-q", "-d", "0.6", "-o", tmp_path / "a.html", "--recording", recording)
        assert done.returncode == 0, done.stderr.decode()
        assert not stuck(target.pid)
        status, output, errors = target.finish()
    assert status == 0 and output.startswith(f"threads {target.pid} ") and errors == ""
    seen = report(recording)
    assert_books(seen)
    # It sleeps often, and on a busy machine it may be met only then: its threads and functions are told apart all the same.
    grown = {row["function"]: row["total_grown_bytes"] for row in seen["functions"]}
    assert grown.get("take_in_main", 0) and grown.get("take_in_thread", 0) and grown["grow"] > 20 * MIB, grown
    assert sum(thread["grown_bytes"] > 10 * MIB for thread in seen["threads"]) == 2, seen["threads"]
    assert seen["samples"]["torn"] <= 0.02 * seen["samples"]["samples"] + 1


@pytest.mark.parametrize("python", PYTHONS)
def test_kill(tmp_path, python):
    """memsample is killed while it samples: the target goes on as if nothing had been."""
    options = ["-q", "-o", tmp_path / "k.html", "--recording", tmp_path / "k.memsample"]
    with Target([python, GROWER], env=environment()) as target:
        for _ in range(3):
            with subprocess.Popen([MEMSAMPLE, "--pid", str(target.pid), *options, "--force"]) as profiler:
                deadline = time.monotonic() + 10
                while not any(tracer for _, tracer in threads(target.pid).values()) and time.monotonic() < deadline:
                    time.sleep(0.005)
                time.sleep(0.05)
                profiler.send_signal(signal.SIGKILL)
            assert not stuck(target.pid)
        status, output, errors = target.finish()
    assert status == 0 and output.startswith("threads ") and errors == ""
