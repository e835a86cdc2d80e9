"""Which interpreters the live tests run on, and what they need around them."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import MEMSAMPLE, TARGETS  # noqa: E402
from interpreters import MINORS, usable  # noqa: E402


def params(one_each):
    for minor in MINORS:
        found = usable(minor)
        if not found:
            reason = f"no CPython {minor} on this machine (scripts/pythons --list)"
            yield pytest.param(None, id=minor, marks=pytest.mark.skip(reason=reason))
        for python in found[:1] if one_each else found:
            yield pytest.param(python, id="-".join([python.version, *python.build]))


def pytest_generate_tests(metafunc):
    if "every_python" in metafunc.fixturenames:
        metafunc.parametrize("every_python", list(params(one_each=False)))
    if "each_minor" in metafunc.fixturenames:
        metafunc.parametrize("each_minor", list(params(one_each=True)))


@pytest.fixture(scope="session")
def any_python():
    for minor in reversed(MINORS):
        for python in usable(minor):
            return python
    pytest.fail(f"no CPython {MINORS[0]} to {MINORS[-1]} on this machine")


@pytest.fixture(scope="session", autouse=True)
def built():
    if not os.access(MEMSAMPLE, os.X_OK):
        pytest.exit(f"{MEMSAMPLE} is not there: run scripts/build", returncode=1)


@pytest.fixture(scope="session")
def waiter(tmp_path_factory):
    """The C library whose thread sits in epoll_wait."""
    library = tmp_path_factory.mktemp("waiter") / "waiter.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, TARGETS / "waiter.c", "-lpthread"], check=True)
    return library
