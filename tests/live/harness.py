"""Running memsample and its targets, and asking the kernel how a target is."""

import json
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEMSAMPLE = pathlib.Path(os.environ.get("MEMSAMPLE", ROOT / "build/memsample"))
TARGETS = pathlib.Path(__file__).resolve().parent / "targets"


def environment(site=None, **extra):
    """What targets run with: nothing that changes from run to run."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    for name in ("PYTHONPATH", "PYTHONMALLOC", "PYTHONUNBUFFERED", "PYTHONSTARTUP"):
        env.pop(name, None)
    if site:
        env["PYTHONPATH"] = str(site)
    env.update(extra)
    return env


def memsample(*arguments, timeout=60, **options):
    """Runs memsample to its end; bytes in, bytes out."""
    options.setdefault("stdin", subprocess.DEVNULL if "input" not in options else None)
    if options["stdin"] is None:
        del options["stdin"]
    return subprocess.run(
        [MEMSAMPLE, *map(str, arguments)],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=options.pop("stderr", subprocess.PIPE),
        timeout=timeout,
        **options,
    )


def report(recording):
    """The JSON report of a recording."""
    done = memsample("report", recording, "-f", "json", "-o", "-")
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


class Job:
    """One `memsample run`: the finished process and, on demand, the report."""

    def __init__(self, folder, command, options=(), **kwargs):
        self.recording = folder / "job.memsample"
        self.page = folder / "job.html"
        self.done = memsample(
            "run", "-q", "--force", *options, "-o", self.page, "--recording", self.recording, "--", *command, **kwargs
        )

    @property
    def report(self):
        assert self.recording.exists(), self.done.stderr.decode()
        return report(self.recording)


def within_three(check):
    """One run within the limits out of three: other work on the machine may hold memsample up in one of them."""
    for _ in range(2):
        try:
            return check()
        except AssertionError as error:
            print(f"once more: {error}")
    return check()


def total_by_line(report, field="total_grown_bytes"):
    """{"file:line": bytes}. A comprehension's own frame stands on the same line as its caller's: the larger counts."""
    lines = {}
    for row in report["lines"]:
        key = f"{row['file']}:{row['line']}"
        lines[key] = max(lines.get(key, 0), row[field])
    return lines


class Target:
    """A Python process that says "ready" and runs until its standard input is closed."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        self.pid = self.process.pid
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()

    def finish(self):
        """(exit status, the rest of standard output, standard error)."""
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output, errors

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def threads(pid):
    """{tid: (state letter, pid of its tracer)}."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            status = (task / "status").read_text()
        except OSError:  # the thread has ended
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        found[int(task.name)] = fields["State"][0], int(fields["TracerPid"])
    return found


def stuck(pid, seconds=2.0):
    """Threads that are stopped or traced and stay so; empty as soon as all run freely."""
    deadline = time.monotonic() + seconds
    while True:
        held = {tid: facts for tid, facts in threads(pid).items() if facts[0] in "Tt" or facts[1]}
        if not held or time.monotonic() > deadline:
            return held
        time.sleep(0.005)
