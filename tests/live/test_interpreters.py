"""Memory that threads take in sub-interpreters: charged to their lines, and to those of the main one that called them."""

import pytest

from harness import TARGETS, Job, environment, within_three
from interpreters import one_of_each

MIB = 1 << 20


PYTHONS = [pytest.param(python, id=python.name) for python in one_of_each()]


@pytest.mark.parametrize("python", PYTHONS)
def check_growth(folder, python):
    job = Job(folder, [python, TARGETS / "interpreters.py"], env=environment())
    if b"No module named" in job.done.stderr:
        pytest.skip(job.done.stderr.decode().strip().splitlines()[-1])
    assert job.done.returncode == 0 and job.done.stdout.startswith(b"done"), job.done.stderr.decode()
    report = job.report
    totals = report["totals"]
    assert totals["baseline_bytes"] + totals["grown_bytes"] - totals["released_bytes"] == totals["end_rss_bytes"]
    grown = {row["function"]: row["total_grown_bytes"] for row in report["functions"]}
    # Making an interpreter takes some MiB as well.
    assert 56 * MIB < grown["take"] < 84 * MIB, grown
    assert 18 * MIB < grown["small"] < 44 * MIB and 40 * MIB < grown["large"] < 70 * MIB, grown


@pytest.mark.parametrize("python", PYTHONS)
def test_growth_in_sub_interpreters(tmp_path, python):
    within_three(lambda: check_growth(tmp_path, python))
