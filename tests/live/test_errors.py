"""Bad input and bad luck: one clear sentence, the right exit status, nothing lost."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest
from harness import MEMSAMPLE, TARGETS, Job, Target, environment, memsample, report, stuck
from interpreters import all_pythons

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
NOBODY = 65534


def assert_one_sentence(done, *words, status=None):
    """Failed, and said why in exactly one line that names the thing."""
    text = done.stderr.decode() if isinstance(done.stderr, bytes) else done.stderr
    assert done.returncode == status if status is not None else done.returncode > 0, (done.returncode, text)
    lines = text.splitlines()
    assert len(lines) == 1, text
    assert len(lines[0]) > 20, text
    for word in words:
        assert str(word).lower() in lines[0].lower(), text


@pytest.fixture
def busy(any_python, waiter):
    with Target([any_python, TARGETS / "busy.py", waiter], env=environment()) as target:
        yield target


def assert_goes_on(target):
    assert stuck(target.pid) == {}
    status, output, errors = target.finish()
    assert status == 0 and " wrong 0 eintr 0" in output and errors == ""


def on_tmpfs(mount, options, command):
    """Runs a shell command in a mount namespace of its own in which `mount` is a small disk."""
    script = (
        # In a chroot, whose / is no mount point, this fails; then the mount is taken away at the end all the same.
        f"mount --make-rprivate / 2>/dev/null; "
        f'mount -t tmpfs -o {options} none "{mount}" || exit 99; ( {command} ); '
        f'status=$?; umount "{mount}"; exit $status'
    )
    command = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, timeout=60)
    if done.returncode == 99 or done.stderr.startswith(b"unshare:"):
        pytest.skip("mounts are not allowed here")
    return done


def outputs(folder):
    return ["-o", folder / "page.html", "--recording", folder / "page.memsample"]


def test_no_such_pid(tmp_path):
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert_one_sentence(memsample("--pid", ended.pid, *outputs(tmp_path)), ended.pid)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pid", ["0", "-5", "12x", "", "99999999999999999999"])
def test_pid_that_is_none(tmp_path, pid):
    done = memsample(f"--pid={pid}", *outputs(tmp_path))
    assert done.returncode > 0 and 1 <= len(done.stderr.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


def test_not_python(tmp_path):
    process = subprocess.Popen(["sleep", "60"])
    try:
        done = memsample("--pid", process.pid, *outputs(tmp_path), timeout=20)
        assert_one_sentence(done, process.pid, "python")
        assert stuck(process.pid) == {}
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("minor", ["3.6", "3.7"])
def test_python_that_is_not_supported(tmp_path, minor, waiter):
    found = [python for python in all_pythons() if python.minor == minor]
    if not found:
        pytest.skip(f"no CPython {minor} on this machine")
    with Target([found[0], TARGETS / "busy.py", waiter], env=environment()) as target:
        done = memsample("--pid", target.pid, *outputs(tmp_path), timeout=20)
        assert_one_sentence(done, minor, "support")
        assert_goes_on(target)


@ROOT_ONLY
def test_permission_refused(tmp_path, busy):
    tmp_path.chmod(0o777)
    for folder in tmp_path.parents:
        if folder != pathlib.Path("/tmp") and folder.stat().st_uid == 0 and "pytest" in folder.name:
            folder.chmod(0o755)
    # A copy: the checkout may lie in a folder that an ordinary user cannot enter.
    program = shutil.copy(MEMSAMPLE, tmp_path / "memsample")
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", program]
    if subprocess.run([*command, "--version"], capture_output=True).returncode:
        pytest.skip("an ordinary user can run no program here")
    command += ["--pid", str(busy.pid), *outputs(tmp_path)]
    done = subprocess.run(command, capture_output=True, timeout=20, cwd="/")
    assert_one_sentence(done, busy.pid)
    text = done.stderr.decode()
    assert "root" in text or "sudo" in text or "user" in text, text
    assert_goes_on(busy)


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_already_traced(tmp_path, busy):
    tracer = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-e", "trace=none", "-p", str(busy.pid)])
    try:
        deadline = time.monotonic() + 10
        while f"TracerPid:\t{tracer.pid}" not in pathlib.Path(f"/proc/{busy.pid}/status").read_text():
            assert time.monotonic() < deadline and tracer.poll() is None
            time.sleep(0.02)
        done = memsample("--pid", busy.pid, *outputs(tmp_path), timeout=20)
        assert_one_sentence(done, busy.pid, "trace")
    finally:
        tracer.terminate()
        tracer.wait()
    assert busy.process.poll() is None


def test_program_not_found(tmp_path):
    done = memsample("run", *outputs(tmp_path), "--", "no-such-program-here")
    assert_one_sentence(done, "no-such-program-here", status=127)
    assert list(tmp_path.iterdir()) == []


def test_program_is_not_executable(tmp_path):
    script = tmp_path / "notes.txt"
    script.write_text("just text\n")
    done = memsample("run", *outputs(tmp_path), "--", script)
    assert_one_sentence(done, "notes.txt", status=126)
    assert list(tmp_path.iterdir()) == [script]


def test_run_without_a_program(tmp_path):
    done = memsample("run", cwd=tmp_path)
    assert done.returncode > 0 and done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [["--tick", "0"], ["--tick", "x"], ["--step", "1Q"], ["--budget", "-1"]])
@pytest.mark.parametrize("where", ["run", "pid"])
def test_bad_option_values(tmp_path, options, where):
    start = ["run", *options, *outputs(tmp_path), "--", "true"] if where == "run" else ["--pid", "1", *options]
    done = memsample(*start, cwd=tmp_path)
    assert done.returncode > 0
    assert options[0] in done.stderr.decode()
    assert list(tmp_path.iterdir()) == []


def test_unknown_clock(tmp_path):
    done = memsample("run", "--clock", "sundial", *outputs(tmp_path), "--", "true")
    assert done.returncode > 0 and "sundial" in done.stderr.decode()


@pytest.mark.parametrize("command", [["true"], ["false"], ["sh", "-c", "exit 9"], ["sh", "-c", "kill -TERM $$"]])
def test_target_ends_at_once(tmp_path, command):
    """Not Python, and gone in the first milliseconds: its own exit status, and no crash."""
    before = subprocess.run(command)
    expected = before.returncode if before.returncode >= 0 else 128 - before.returncode
    done = memsample("run", *outputs(tmp_path), "--", *command)
    assert done.returncode in (expected, before.returncode), done.stderr.decode()


def test_short_python(tmp_path, each_minor):
    for code in ("pass", "import os; os._exit(5)"):
        job = Job(tmp_path, [each_minor, "-S", "-c", code])
        assert job.done.returncode == (5 if "exit" in code else 0), job.done.stderr.decode()


def test_target_execs_another_python(tmp_path, any_python):
    """The second program's growth is seen, and its exit status passed on."""
    second = "kept = [bytearray(1_000_000) for _ in range(200)]; raise SystemExit(6)"
    first = f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {second!r}])"
    job = Job(tmp_path, [any_python, "-c", first])
    assert job.done.returncode == 6, job.done.stderr.decode()
    report = job.report
    assert report["totals"]["peak_rss_bytes"] > 200_000_000
    assert sum(row["grown_bytes"] for row in report["lines"] if row["file"] == "<string>") > 180_000_000


def test_launched_through_a_shell(tmp_path, any_python):
    """sh execs its last command: a program that becomes Python."""
    target = str(TARGETS / "reserved.py")
    job = Job(tmp_path, ["sh", "-c", f"exec {any_python.path} {target}"])
    assert job.done.returncode == 0 and b"3000000000 30000000" in job.done.stdout
    assert any(row["file"] == target for row in job.report["lines"])


def test_folder_does_not_exist(tmp_path, any_python):
    done = memsample("run", "-o", tmp_path / "no/such/page.html", "--", any_python, "-c", "print('ran')", cwd=tmp_path)
    assert_one_sentence(done, "no/such")
    assert done.stdout == b"", "the job ran although its page could not be written"


@ROOT_ONLY
def test_folder_is_not_writable(tmp_path):
    mount = tmp_path / "read-only"
    mount.mkdir()
    done = on_tmpfs(mount, "ro", f'cd "{mount}" && "{MEMSAMPLE}" run -- echo ran')
    assert_one_sentence(done)
    assert done.stdout == b"", "the job ran although nothing could be recorded"


def test_existing_page_is_kept(tmp_path, any_python):
    (tmp_path / "page.html").write_text("mine")
    done = memsample("run", *outputs(tmp_path), "--", any_python, "-c", "print('ran')")
    assert_one_sentence(done, "page.html")
    assert done.stdout == b"", "the job ran although its page could not be written"
    assert (tmp_path / "page.html").read_text() == "mine"
    (tmp_path / "page.html").unlink()
    (tmp_path / "page.memsample").write_text("mine too")
    done = memsample("run", *outputs(tmp_path), "--", any_python, "-c", "pass")
    assert_one_sentence(done, "page.memsample")
    assert (tmp_path / "page.memsample").read_text() == "mine too"
    assert memsample("run", "-q", "--force", *outputs(tmp_path), "--", any_python, "-c", "pass").returncode == 0


def test_default_names(tmp_path, any_python):
    """Named after the program, next to each other in the working directory; a second run overwrites nothing."""
    script = tmp_path / "job.py"
    script.write_text("kept = bytearray(50_000_000)\n")
    for count in (1, 2):
        done = memsample("run", "--", any_python, script, cwd=tmp_path)
        assert done.returncode == 0, done.stderr.decode()
        pages = sorted(tmp_path.glob("*job*.html"))
        assert len(pages) == count and len(list(tmp_path.glob("*job*.memsample"))) == count
        assert any(page.name in done.stderr.decode() for page in pages)


@pytest.fixture
def recording(tmp_path, any_python):
    job = Job(tmp_path, [any_python, TARGETS / "interleaved.py", tmp_path / "truth.json"])
    assert job.done.returncode == 0, job.done.stderr.decode()
    return job.recording


def test_recording_that_was_cut(tmp_path, recording):
    """Whatever the length: a report of what is there, or one sentence."""
    data = recording.read_bytes()
    whole = report(recording)["totals"]["duration_ns"]
    short = tmp_path / "short.memsample"
    readable = 0
    for share in (0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999):
        short.write_bytes(data[: int(len(data) * share)])
        done = memsample("report", short, "-f", "json", "-o", "-")
        if done.returncode == 0:
            readable += 1
            assert json.loads(done.stdout)["totals"]["duration_ns"] <= whole
        else:
            assert_one_sentence(done, "short.memsample")
    assert readable >= 1


def test_recording_that_is_corrupt(tmp_path, recording):
    data = recording.read_bytes()
    bad = tmp_path / "bad.memsample"
    for place in range(0, len(data), max(1, len(data) // 60)):
        bad.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        for form in ("json", "html", "text"):
            done = memsample("report", bad, "-f", form, "-o", "-")
            assert done.returncode in (0, 1, 2), (place, done.returncode, done.stderr)
            if done.returncode:
                assert_one_sentence(done, "bad.memsample")


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"just text\n" * 50, b"\x7fELF" + bytes(200)])
def test_file_that_is_no_recording(tmp_path, content):
    path = tmp_path / "other.bin"
    path.write_bytes(content)
    assert_one_sentence(memsample("report", path, "-f", "json", "-o", "-"), "other.bin")


def test_recording_that_is_not_there(tmp_path):
    assert_one_sentence(memsample("report", tmp_path / "missing.memsample"), "missing.memsample")
    assert_one_sentence(memsample("report", tmp_path), tmp_path.name)


def test_report_does_not_overwrite(tmp_path, recording):
    page = tmp_path / "mine.html"
    page.write_text("mine")
    assert_one_sentence(memsample("report", recording, "-o", page), "mine.html")
    assert page.read_text() == "mine"


def test_unknown_format(recording):
    done = memsample("report", recording, "-f", "pdf", "-o", "-")
    assert done.returncode > 0 and "pdf" in done.stderr.decode()


def test_report_to_a_full_disk(recording):
    with open("/dev/full", "wb") as full:
        for form in ("json", "html", "text"):
            done = memsample("report", recording, "-f", form, "-o", "-", stdout=full)
            assert_one_sentence(done, "space")


@ROOT_ONLY
def test_disk_full_while_recording(tmp_path, any_python):
    """The job runs to its right end; the shortage is said; what was recorded before is readable."""
    mount = tmp_path / "small"
    mount.mkdir()
    # Recordings are small: so is the disk.
    done = on_tmpfs(
        mount,
        "size=8k",
        f'"{MEMSAMPLE}" run -q --step 64K -o "{tmp_path}/page.html" --recording "{mount}/r.memsample" -- '
        f'"{any_python.path}" "{TARGETS}/interleaved.py" "{tmp_path}/truth.json"; '
        f'status=$?; cp "{mount}/r.memsample" "{tmp_path}/"; (exit $status)',
    )
    assert (tmp_path / "truth.json").exists(), "the job did not run to its end"
    assert b"space" in done.stderr.lower() and len(done.stderr.splitlines()) == 1, done.stderr
    done = memsample("report", tmp_path / "r.memsample", "-f", "json", "-o", "-")
    if done.returncode:
        assert_one_sentence(done, "r.memsample")


def test_recording_survives_kill(tmp_path, any_python, waiter):
    """Flushed at least once a second, and readable up to there."""
    with Target([any_python, TARGETS / "busy.py", waiter], env=environment()) as target:
        watcher = subprocess.Popen([MEMSAMPLE, "--pid", str(target.pid), "-q", *outputs(tmp_path)])
        time.sleep(3.2)
        watcher.kill()
        watcher.wait()
        assert_goes_on(target)
    assert report(tmp_path / "page.memsample")["totals"]["duration_ns"] > 1_500_000_000


def test_hostile_names(tmp_path, each_minor):
    job = Job(tmp_path, [each_minor, TARGETS / "hostile_names.py"], env=environment())
    assert job.done.returncode == 0, job.done.stderr.decode()
    report = job.report  # parses: it is JSON in UTF-8
    files = {row["file"] for row in report["lines"] if row["file"]}
    functions = {row["function"] for row in report["functions"]}
    assert "</script><script>alert(1)</script>" in files
    assert "<img src=x onerror=alert(2)>" in functions
    assert any("quo\"te's" in name for name in files)
    assert sum(row["grown_bytes"] for row in report["lines"]) > 200_000_000
    page = job.page.read_bytes()
    page.decode()
    assert b"<script>alert(" not in page and b"<img src=x" not in page
    done = memsample("report", job.recording, "-f", "text", "-o", "-")
    assert done.returncode == 0
    done.stdout.decode()
    assert b"\x1b" not in done.stdout and b"\x07" not in done.stdout


def test_page_stays_small(tmp_path, any_python):
    job = Job(tmp_path, [any_python, TARGETS / "known.py", tmp_path / "truth.json"], env=environment())
    assert job.page.stat().st_size < 2_000_000


def test_help_and_version():
    assert memsample("--version").stdout.startswith(b"memsample ")
    for arguments in (["--help"], ["run", "--help"], ["report", "--help"]):
        done = memsample(*arguments)
        assert done.returncode == 0 and b"memsample" in done.stdout and done.stderr == b""


def test_no_arguments():
    done = memsample()
    assert done.returncode > 0 and b"memsample" in done.stderr
