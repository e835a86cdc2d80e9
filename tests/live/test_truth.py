"""Growth by line against truth by construction."""

import json
import statistics

import pytest
from harness import TARGETS, Job, Target, environment, memsample, report, total_by_line

LARGE = 20_000_000


def run_target(folder, python, name, *, site=None, clock="auto"):
    """(truth, report) of one of the targets that write their own truth."""
    truth = folder / "truth.json"
    command = [python, TARGETS / f"{name}.py", truth]
    job = Job(folder, command, ["--clock", clock], env=environment(site))
    assert job.done.returncode == 0, job.done.stderr.decode()
    return json.loads(truth.read_text()), job.report


def off(value, expected):
    return abs(value - expected) / expected


def errors(folder, python, name, site, clock):
    """({line: relative error}, error of all lines together, report), the truth itself checked against the kernel."""
    truth, seen = run_target(folder, python, name, site=site, clock=clock)
    for line, measured in truth["measured"].items():
        expected = truth["grown"][line] if line != "all" else sum(truth["grown"].values())
        assert off(measured, expected) < 0.03, f"the truth itself is wrong at {line}"
    said = total_by_line(seen)
    lines = {line: off(said.get(line, 0), grown) for line, grown in truth["grown"].items() if grown > LARGE}
    wrong = sum(abs(said.get(line, 0) - grown) for line, grown in truth["grown"].items())
    whole = wrong / sum(truth["grown"].values())
    print(f"{name}, {seen['clock']}: {100 * whole:.2f} % error, largest of a line {100 * max(lines.values()):.1f} %")
    return lines, whole, seen


def assert_accurate(folder, python, name, *, site=None, clock="auto", lines_below, whole_below, lines_least):
    """One run within the limits, or else the median of three: other work on the machine may hold one of them up."""
    runs = []
    while len(runs) < 3:
        runs.append(errors(folder, python, name, site, clock))
        assert len(runs[-1][0]) >= lines_least
        lines = {line: statistics.median(run[0][line] for run in runs) for line in runs[0][0]}
        whole = statistics.median(run[1] for run in runs)
        if len(runs) != 2 and max(lines.values()) < lines_below and whole < whole_below:
            return runs[-1][2]
    pytest.fail(f"{whole:.1%} in all, by line {lines}, medians of three runs")


def test_known_amounts(tmp_path, every_python):
    # Some 150 samples a line: the last one of each may stand for memory of the next. In all 0.3 to 3.1 % were measured.
    assert_accurate(tmp_path, every_python, "known", lines_below=0.10, whole_below=0.04, lines_least=8)


def test_known_amounts_with_numpy(tmp_path, each_minor):
    if not each_minor.site:
        pytest.skip(f"NumPy for Python {each_minor.minor} is not in .cache/test (scripts/test puts it there)")
    limits = {"lines_below": 0.05, "whole_below": 0.03, "lines_least": 11}
    assert_accurate(tmp_path, each_minor, "known", clock="poll", site=each_minor.site, **limits)


def test_what_is_kept_is_held_at_the_end(tmp_path, each_minor):
    whole = []
    while len(whole) != 1 and len(whole) != 3 or statistics.median(whole) >= 0.03:
        assert len(whole) < 3, whole  # as assert_accurate(): other work may hold one run up
        truth, seen = run_target(tmp_path, each_minor, "interleaved")
        grown, held = total_by_line(seen), total_by_line(seen, "total_held_at_end_bytes")
        for line in truth["grown"]:
            assert off(held.get(line, 0), grown[line]) < 0.02, (line, held.get(line, 0), grown[line])
        whole.append(off(sum(held[line] for line in truth["grown"]), sum(truth["grown"].values())))
        # Not the empty process after finalization.
        assert seen["totals"]["end_rss_bytes"] > sum(truth["grown"].values())


def ring_works():
    """Whether the kernel lets this user have page-fault events."""
    done = memsample("run", "--clock", "ring", "-q", "--recording", "/dev/null/none", "--", "true")
    return b"refuses page-fault events" not in done.stderr


def test_interleaved_lines(tmp_path, each_minor):
    if not ring_works():
        pytest.skip("the kernel refuses page-fault events here")
    # About 700 samples in a run of a second: three lines are then 4 % off, as dice would have it.
    limits = {"lines_below": 0.30, "whole_below": 0.10, "lines_least": 3}
    assert_accurate(tmp_path, each_minor, "interleaved", clock="ring", **limits)


def test_interleaved_lines_by_polling(tmp_path, any_python):
    # Polling meets a line as often as it takes time: how far that is from its bytes depends on the lines (README, limits).
    limits = {"lines_below": 0.40, "whole_below": 0.20, "lines_least": 3}
    assert_accurate(tmp_path, any_python, "interleaved", clock="poll", **limits)


def test_known_amounts_by_polling(tmp_path, any_python):
    assert_accurate(tmp_path, any_python, "known", clock="poll", lines_below=0.05, whole_below=0.03, lines_least=8)


def test_a_leak_beside_scratch_memory(tmp_path, each_minor):
    """A page that went away is taken from the line that brought it."""
    if not ring_works():
        pytest.skip("the kernel refuses page-fault events here")
    code = (
        "import time\n"
        "leak = []\n"
        "for turn in range(30):\n"
        "    leak.append(bytearray(b'x') * 600_000)\n"
        "    scratch = bytearray(b'y') * 40_000_000\n"
        "    time.sleep(0.1)\n"
        "    del scratch\n"
        "time.sleep(0.1)\n"
    )
    script = tmp_path / "saw.py"
    script.write_text(code)
    runs = [Job(tmp_path, [each_minor, script], ["--clock", "ring"]).report for _ in range(3)]
    held = [total_by_line(run, "total_held_at_end_bytes") for run in runs]
    # Both are beyond what glibc's malloc ever keeps in its heap (32 MiB), or below what raises its threshold.
    # 600,001 bytes and headers, each in a mapping of its own: 147 pages. It is 1.5 % of the growth, so that few samples
    # meet it: scripts/truth tells how exact that is, here it must not be the scratch line's.
    leak = 30 * 147 * 4096
    assert off(statistics.median(lines.get(f"{script}:4", 0) for lines in held), leak) < 0.5, held
    assert statistics.median(lines.get(f"{script}:5", 0) for lines in held) < 0.5 * leak, held


def test_threads_grow_at_once(tmp_path, each_minor):
    seen = assert_accurate(tmp_path, each_minor, "threads", lines_below=0.20, whole_below=0.10, lines_least=4)
    names = {thread["name"]: thread["grown_bytes"] for thread in seen["threads"]}
    # A thread's name in the kernel is at most 15 characters long; Python 3.14 sets it.
    if "grow_native" in names:
        assert off(names["grow_native"], 120_000_000) < 0.20, names
    assert len(seen["threads"]) >= 5
    sleeping = [row for row in seen["functions"] if row["function"] == "sleep"]
    assert sum(row["total_grown_bytes"] for row in sleeping) < 1_000_000


def test_reserved_memory_is_not_resident(tmp_path, each_minor):
    job = Job(tmp_path, [each_minor, TARGETS / "reserved.py"])
    assert job.done.returncode == 0, job.done.stderr.decode()
    report = job.report
    assert report["totals"]["peak_rss_bytes"] < 100_000_000
    assert max(report["timeline"]["reserved_bytes"]) == pytest.approx(3_000_000_000, rel=0.05)
    assert max(report["timeline"]["rss_bytes"]) > 30_000_000


def test_attach_sees_what_grows_after_it(tmp_path, each_minor, waiter):
    with Target([each_minor, TARGETS / "busy.py", waiter], env=environment()) as target:
        done = memsample(
            "--pid", target.pid, "-q", "-d", "3", "-o", tmp_path / "p.html", "--recording", tmp_path / "p.memsample"
        )
        assert done.returncode == 0, done.stderr.decode()
        status, output, _ = target.finish()
    assert status == 0 and "wrong 0 eintr 0" in output
    seen = report(tmp_path / "p.memsample")
    assert seen["target"]["pid"] == target.pid
    assert seen["target"]["python_version"] == each_minor.version
    # Each round allocates 8 MB and some small objects and lets go of both; the allocator keeps some for the next.
    by_function = {row["function"]: row for row in seen["functions"]}
    assert by_function["one_round"]["total_grown_bytes"] > 5_000_000
    assert seen["totals"]["released_bytes"] > 1_000_000


def test_the_end_is_before_the_tear_down(tmp_path, each_minor):
    """What is held to the last line counts as held at the end, however fast it is freed then."""
    code = "import time; kept = bytearray(60_000_000); time.sleep(0.2)"
    for _ in range(5):
        assert Job(tmp_path, [each_minor, "-c", code]).report["totals"]["end_rss_bytes"] > 60_000_000
