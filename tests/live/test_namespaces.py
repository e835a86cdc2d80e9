"""Targets in namespaces of their own, and memsample in one beside its target: as containers are seen from outside and inside."""

import os
import pathlib
import re
import subprocess

import pytest

from harness import MEMSAMPLE, TARGETS, Target, environment, report, stuck
from interpreters import usable

GROWER = TARGETS / "grower.py"
MIB = 1 << 20
# What containers that may trace have: root, and of its powers this one.
ONLY_PTRACE = ["setpriv", "--inh-caps=-all,+sys_ptrace", "--bounding-set=-all,+sys_ptrace"]


def allowed(*command):
    """The command's beginning, or a skip where the system does not allow it."""
    try:
        done = subprocess.run([*command, "true"], capture_output=True)
    except FileNotFoundError:
        pytest.skip(f"{command[0]} is missing")
    if done.returncode:
        pytest.skip(f"{' '.join(map(str, command))}: {done.stderr.decode().strip()}")
    return list(command)


def child_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def assert_both_threads(seen):
    """Both lines are there, and hardly anything has no Python."""
    grown = {row["function"]: row["total_grown_bytes"] for row in seen["functions"]}
    assert grown.get("take_in_main", 0) and grown.get("take_in_thread", 0) and grown["grow"] > 20 * MIB, grown
    assert sum(thread["grown_bytes"] > 10 * MIB for thread in seen["threads"]) == 2, seen["threads"]
    totals = seen["totals"]
    assert totals["native_bytes"] + totals["unattributed_bytes"] < 0.1 * totals["grown_bytes"], totals
    assert totals["baseline_bytes"] + totals["grown_bytes"] - totals["released_bytes"] == totals["end_rss_bytes"]


def attach(folder, pid, *, before=(), inner_pid=None):
    recording = folder / "a.memsample"
    command = [*before, MEMSAMPLE, "--pid", str(pid), "-d", "0.8", "-o", folder / "a.html", "--recording", recording]
    done = subprocess.run(list(map(str, command)), capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert not stuck(pid)
    seen = report(recording)
    assert seen["target"]["pid"] == pid and seen["target"].get("inner_pid") == inner_pid
    assert_both_threads(seen)
    return done.stderr.decode()


def test_pid_namespace_from_outside(tmp_path, each_minor):
    """Threads go by numbers there that mean others here."""
    command = [*allowed("unshare", "--pid", "--fork", "--kill-child"), each_minor, GROWER]
    with Target(command, env=environment()) as target:
        summary = attach(tmp_path, child_of(target.pid), inner_pid=1)
        status, output, _ = target.finish()
        assert status == 0 and output.startswith("threads 1 1 ")
    assert re.search(r"\(pid \d+, 1 to itself, Python ", summary)


def test_pid_namespace_from_inside(tmp_path, any_python):
    recording = tmp_path / "r.memsample"
    command = allowed("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    options = ["-q", "-o", tmp_path / "r.html", "--recording", recording]
    done = subprocess.run(
        list(map(str, [*command, MEMSAMPLE, "run", *options, "--", any_python, GROWER, "0.8"])),
        env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    seen = report(recording)
    # It is a process of that namespace, and so is memsample.
    assert seen["target"]["pid"] == int(re.search(rb"threads (\d+)", done.stdout).group(1)) < 10
    assert "inner_pid" not in seen["target"]
    assert_both_threads(seen)


def test_proc_of_another_namespace(any_python):
    """Numbers there mean other processes: nothing must be stopped or read by them."""
    command = allowed("unshare", "--pid", "--fork", "--kill-child")
    for arguments in (["run", "--", str(any_python), "-c", "print('ran')"], ["--pid", "1"], ["dump", "--pid", "1"]):
        done = subprocess.run([*command, MEMSAMPLE, *arguments], capture_output=True, timeout=30)
        assert done.returncode != 0 and b"mount -t proc proc /proc" in done.stderr, done
        assert done.stdout == b""


def test_user_namespace(tmp_path, any_python):
    """Another user namespace, as in rootless containers."""
    command = [*allowed("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"), any_python, GROWER]
    with Target(command, env=environment()) as target:
        attach(tmp_path, child_of(target.pid), inner_pid=1)
        assert target.finish()[0] == 0


def test_inside_a_user_namespace(tmp_path, any_python):
    """Root in its namespace and nobody outside: its own job can be traced all the same."""
    recording = tmp_path / "r.memsample"
    options = ["-q", "-o", tmp_path / "r.html", "--recording", recording]
    command = [*allowed("unshare", "--user", "--map-root-user"), MEMSAMPLE, "run", *options, "--", any_python, GROWER, "0.8"]
    done = subprocess.run(list(map(str, command)), env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    assert_both_threads(report(recording))


def test_only_cap_sys_ptrace(tmp_path, any_python):
    """What `docker run --cap-add SYS_PTRACE` and no other power leaves of root."""
    if os.geteuid() != 0:
        pytest.skip("not root")
    with Target([any_python, GROWER], env=environment()) as target:
        attach(tmp_path, target.pid, before=allowed(*ONLY_PTRACE))
        assert target.finish()[0] == 0


def test_another_user_with_cap_sys_ptrace(tmp_path_factory):
    """memsample as a user of its own that may trace: a monitoring agent, say."""
    if os.geteuid() != 0:
        pytest.skip("not root")
    found = [python for minor in ("3.11", "3.12", "3.13", "3.14", "3.9") for python in usable(minor) if python.path.startswith("/usr/")]
    if not found:
        pytest.skip("no CPython outside of home directories, where another user could read it")
    folder = tmp_path_factory.mktemp("agent")
    for path in (folder, *folder.parents):
        if path.name.startswith(("agent", "pytest-")):
            path.chmod(0o777)
    caps = ["--inh-caps=-all,+sys_ptrace", "--ambient-caps=-all,+sys_ptrace", "--bounding-set=-all,+sys_ptrace"]
    before = allowed("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *caps)
    with Target([found[0], GROWER], env=environment()) as target:
        attach(folder, target.pid, before=before)
        assert target.finish()[0] == 0
