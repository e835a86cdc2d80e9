"""The books balance, whatever the target does."""

import pytest
from harness import TARGETS, Job, environment


@pytest.fixture(scope="module", params=["known", "interleaved", "threads"])
def report(request, tmp_path_factory, any_python):
    folder = tmp_path_factory.mktemp("books")
    command = [any_python, TARGETS / f"{request.param}.py", folder / "truth.json"]
    job = Job(folder, command, env=environment(any_python.site))
    assert job.done.returncode == 0, job.done.stderr.decode()
    return job.report


def test_books(report):
    assert report["schema"] == "memsample-report/1"
    totals, timeline = report["totals"], report["timeline"]
    assert totals["baseline_bytes"] + totals["grown_bytes"] - totals["released_bytes"] == totals["end_rss_bytes"]
    points = len(timeline["time_ns"])
    assert points > 10 and timeline["time_ns"] == sorted(timeline["time_ns"])
    assert max(timeline["rss_bytes"]) == totals["peak_rss_bytes"]
    held = [series["held_bytes"] for series in timeline["held"]["functions"]]
    assert len(held) > 1
    assert all(len(series) == points and min(series) >= 0 for series in held)
    for point in range(points):
        assert sum(series[point] for series in held) == timeline["rss_bytes"][point], point
    # What lines hold when the peak is reached, and at the end, is what the process holds.
    for field, total in (("held_at_peak_bytes", "peak_rss_bytes"), ("held_at_end_bytes", "end_rss_bytes")):
        assert sum(row[field] for row in report["functions"]) == totals[total]


def test_split_of_resident_memory(report):
    timeline = report["timeline"]
    for point, rss in enumerate(timeline["rss_bytes"]):
        parts = sum(timeline[name][point] for name in ("anon_bytes", "file_bytes", "shmem_bytes"))
        assert parts == rss, point


def test_little_is_unattributed(report):
    totals = report["totals"]
    assert totals["unattributed_bytes"] < 0.03 * totals["grown_bytes"]


def test_clock_and_pauses_are_told(report):
    pause = report["pause"]
    assert report["clock"] in ("ring", "poll")
    assert pause["count"] > 0
    assert 0 < pause["p50_ns"] <= pause["p99_ns"] <= pause["max_ns"] <= pause["total_ns"]
    assert report["samples"]["stops"] > 0
    assert report["samples"]["torn"] <= 0.02 * report["samples"]["samples"] + 1
