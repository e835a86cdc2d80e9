"""--native: the right function for growth that is known by construction, whatever is known of the binary."""

import json
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from harness import TARGETS, Job, Target, environment, memsample, stuck
from harness import report as harness_report
from interpreters import all_pythons

MIB = 1 << 20
LEAST = 40 * MIB  # of the 64 that each function grows by
RIGHT = 0.99  # of the bytes of a line: in the function that it is known to have called
TARGET = TARGETS / "native.py"


def include_folder():
    """Any headers do: the modules use the limited API."""
    for python in all_pythons():
        asked = [python.path, "-c", "import sysconfig; print(sysconfig.get_path('include'))"]
        folder = pathlib.Path(subprocess.run(asked, capture_output=True, text=True).stdout.strip() or "/nowhere")
        if (folder / "Python.h").exists() and "free-threaded" not in python.build and "debug" not in python.build:
            return folder
    pytest.skip("no CPython here has its headers")


def build(folder, *options):
    include = include_folder()
    common = ["-shared", "-fPIC", "-O2", "-fomit-frame-pointer", f"-I{include}", *options]
    subprocess.run(["cc", *common, TARGETS / "native_known.c", "-o", folder / "native_known.abi3.so", "-lpthread"], check=True)
    subprocess.run(["c++", *common, TARGETS / "native_cpp.cpp", "-o", folder / "native_cpp.abi3.so"], check=True)
    return folder


@pytest.fixture(scope="session")
def with_symbols(tmp_path_factory):
    return build(tmp_path_factory.mktemp("symbols"), "-g")


@pytest.fixture(scope="session")
def stripped(tmp_path_factory):
    return build(tmp_path_factory.mktemp("stripped"), "-s")


@pytest.fixture(scope="session")
def debug_apart(tmp_path_factory):
    """Debug information in files of its own, found by debug link."""
    folder = build(tmp_path_factory.mktemp("apart"), "-g")
    for name in ("native_known.abi3.so", "native_cpp.abi3.so"):
        subprocess.run(["objcopy", "--only-keep-debug", name, name + ".debug"], cwd=folder, check=True)
        subprocess.run(["strip", name], cwd=folder, check=True)
        subprocess.run(["objcopy", f"--add-gnu-debuglink={name}.debug", name], cwd=folder, check=True)
    return folder


def run(tmp_path, python, modules, clock):
    job = Job(tmp_path, [python, TARGET, modules], ["--native", "--clock", clock, "--budget", "50"], env=environment())
    assert job.done.returncode == 0, job.done.stderr.decode()
    return job.report


def grown(report, function, module=""):
    """By a native function with everything that it called."""
    rows = [row for row in report["functions"] if module in row.get("module", "/") and re.search(function, row["function"])]
    return sum(row["total_grown_bytes"] for row in rows)


def grown_by_python(report, function):
    return sum(row["total_grown_bytes"] for row in report["functions"] if row["function"] == function and "module" not in row)


def expect(report, python_function, native_function):
    """Nothing, or what is wrong. How much a line grew is judged by other tests: here, what it called meanwhile."""
    line = grown_by_python(report, python_function)
    native = grown(report, native_function)
    if report["clock"] == "trap":  # reports of the ring may come late on a busy machine, and tell of another line
        assert line >= LEAST, f"{python_function} grew {line / MIB:.1f} MiB"
    return f"{python_function}: {native / MIB:.2f} of {line / MIB:.2f} MiB in {native_function}" if native < RIGHT * line else ""


CASES = [
    ("small", r"^grow_small$"),
    ("thrown", r"^(void )?growth::grow_and_throw<"),
    ("there_and_back", r"^call_back$"),
]


@pytest.mark.parametrize("clock", ["trap", "ring"])
def test_right_function(tmp_path, every_python, with_symbols, clock):
    report = run(tmp_path, every_python, with_symbols, clock)
    wrong = [expect(report, *case) for case in CASES]
    quietly = grown(report, "^grow_quietly$"), grown_by_python(report, "quietly")
    alone = grown(report, "^work_alone$")
    mapped = grown(report, "^grow_mapped$")
    four = sum(grown_by_python(report, name) for name in ("mapped", "quietly", "there_and_back")) + alone
    wrong += [f"quietly: {quietly}"] if quietly[0] < RIGHT * quietly[1] else []
    wrong += [f"mapped: {mapped} of {four}"] if mapped < RIGHT * four else []
    wrong += [f"alone: {alone}"] if alone < LEAST and clock == "trap" else []
    assert not [one for one in wrong if one]
    # Threads without Python stay <native> for those who look at lines.
    assert report["totals"]["native_bytes"] >= alone
    if clock != "trap":
        return
    files = {row["function"]: (row["file"] or "", row["line"]) for row in report["lines"] if row.get("module")}
    assert files["grow_small"][0].endswith("native_known.c") and files["grow_small"][1] > 0
    inlined = [name for name in files if name.startswith("std::vector<char") and "resize" in name]
    assert inlined and files[inlined[0]][0].endswith("stl_vector.h"), sorted(files)
    native = report["native"]
    assert native["whole"] >= 0.98 * native["stacks"] and native["uncertain"] <= 0.01 * native["stacks"], native


def test_right_function_when_stripped(tmp_path, any_python, stripped, with_symbols):
    report = run(tmp_path, any_python, stripped, "trap")
    wrong = [expect(report, *case) for case in CASES if case[0] in ("small", "there_and_back")]
    assert not [one for one in wrong if one]
    # A static function is called after its beginning, which its unwind information tells.
    names = [row["function"] for row in report["functions"] if "native_known" in row.get("module", "")]
    unknown = [name for name in names if re.fullmatch(r"<native_known\.abi3\.so\+0x[0-9a-f]+>", name)]
    assert unknown, names


def test_debug_information_apart(tmp_path, any_python, debug_apart):
    report = run(tmp_path, any_python, debug_apart, "trap")
    assert not [one for one in (expect(report, *case) for case in CASES) if one]
    assert grown(report, "^grow_quietly$") >= RIGHT * grown_by_python(report, "quietly") > 0
    files = {row["function"]: row["file"] for row in report["lines"] if row.get("module")}
    assert files["grow_quietly"].endswith("native_known.c")


def test_named_later(tmp_path, any_python, with_symbols):
    """A recording is named when it is reported: without the file there is no name, and a wrong file gives none either."""
    modules = tmp_path / "modules"
    shutil.copytree(with_symbols, modules)
    report = run(tmp_path, any_python, modules, "trap")
    assert grown(report, "^grow_mapped$") > 0
    away = modules / "native_known.abi3.so"
    away.rename(modules / "away")
    again = harness_report(tmp_path / "job.memsample")
    assert grown(again, "^grow_mapped$") == 0 and grown(again, r"^<native_known\.abi3\.so>$") > 0
    shutil.copy(modules / "native_cpp.abi3.so", away)  # another build-id under the same name
    again = harness_report(tmp_path / "job.memsample")
    assert grown(again, "^grow_mapped$") == 0 and grown(again, "growth::", "native_known") == 0
    (modules / "away").rename(away)
    assert grown(harness_report(tmp_path / "job.memsample"), "^grow_mapped$") == grown(report, "^grow_mapped$")


def test_tasks_and_native_frames(tmp_path, each_minor, with_symbols):
    """Who awaits a task has no place on the C stack: native frames stay with those that run."""
    job = Job(
        tmp_path,
        [each_minor, TARGETS / "native_tasks.py", with_symbols],
        ["--native", "--clock", "trap", "--budget", "50"],
        env=environment(),
    )
    assert job.done.returncode == 0, job.done.stderr.decode()
    report = job.report
    mapped = grown(report, "^grow_mapped$")
    assert mapped >= 50 * MIB
    for function in ("leaf", "middle", "task the-task (middle)"):
        assert grown_by_python(report, function) >= RIGHT * mapped, function
    assert report["native"]["uncertain"] <= 0.01 * report["native"]["stacks"], report["native"]


def test_memory_kinds(tmp_path, any_python, with_symbols):
    report = run(tmp_path, any_python, with_symbols, "trap")
    rows = {row["function"]: row for row in report["functions"] if "module" not in row}
    for function, kind in [("small", "heap"), ("mapped", "anonymous"), ("thrown", "anonymous")]:
        kinds = rows[function]["kinds"]
        known = sum(size for name, size in kinds.items() if name not in ("huge_pages", "unknown"))
        assert kinds.get(kind, 0) >= 0.97 * known and known >= LEAST, (function, kinds)
    assert {row["kind"] for row in report["memory"]["kinds"]} >= {"heap", "anonymous"}


def test_python_figures_stay(tmp_path, any_python, with_symbols):
    """What a Python line is said to have grown does not depend on --native."""
    report = run(tmp_path, any_python, with_symbols, "trap")
    lines = [row for row in report["lines"] if "module" not in row]
    assert sum(row["grown_bytes"] for row in lines) == report["totals"]["grown_bytes"]
    assert sum(row["held_at_end_bytes"] for row in lines) == report["totals"]["end_rss_bytes"]
    assert report["totals"]["tracer_rss_bytes"] < 80 * MIB


def test_dump_native(tmp_path, every_python, waiter):
    with Target([every_python, TARGETS / "busy.py", waiter], env=environment()) as target:
        time.sleep(0.3)
        done = memsample("dump", "--native", "--json", "--pid", target.pid)
        assert done.returncode == 0, done.stderr.decode()
        met = json.loads(done.stdout)["threads"]
        waits = [thread for thread in met for frame in thread["frames"] if re.match("_*epoll_wait", frame["function"])]
        assert waits and all(frame.get("module") for frame in waits[0]["frames"][:1])
        assert not stuck(target.pid)
