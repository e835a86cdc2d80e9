"""Memory that threads take in sub-interpreters: charged to their lines, and to those of the main one that called them."""

import pytest

from harness import TARGETS, Job, environment
from interpreters import all_pythons

MIB = 1 << 20


def pythons():
    found = {}
    for python in all_pythons():
        if tuple(map(int, python.minor.split("."))) >= (3, 8):
            found.setdefault((python.minor, *python.build[2:]), python)
    return [pytest.param(python, id="-".join([python.version, *python.build])) for python in found.values()]


@pytest.mark.parametrize("python", pythons())
def test_growth_in_sub_interpreters(tmp_path, python):
    job = Job(tmp_path, [python, TARGETS / "interpreters.py"], env=environment())
    if b"No module named" in job.done.stderr:
        pytest.skip(job.done.stderr.decode().strip().splitlines()[-1])
    assert job.done.returncode == 0 and job.done.stdout.startswith(b"done"), job.done.stderr.decode()
    report = job.report
    grown = {row["function"]: row["total_grown_bytes"] for row in report["functions"]}
    # Making an interpreter takes some MiB as well.
    assert 60 * MIB < grown["take"] < 84 * MIB, grown
    assert 20 * MIB < grown["small"] < 44 * MIB, grown
    assert 42 * MIB < grown["large"] < 68 * MIB, grown
    totals = report["totals"]
    assert totals["baseline_bytes"] + totals["grown_bytes"] - totals["released_bytes"] == totals["end_rss_bytes"]
