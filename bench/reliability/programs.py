"""The command lines, each run in a process of its own with limits: forked, so that thousands of runs take minutes."""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

CURSOR = re.compile(r"\r|\x1b\[\d*[A-Z]")  # what progress bars write
SAID = re.compile(r"(dvae-\w+|warning|interrupted): \S")
MAX_MEMORY = 2**30  # bytes more than before
Program = Callable[[], int]


class Run(NamedTuple):
    """How a run of a program ended. status: exit status, -signal, or None for one that did not end in time."""

    status: int | None
    out: str
    error: str
    seconds: float
    peak: float  # MiB

    def wrong(self) -> str:
        """What a user should not see, or nothing: a hang, a traceback, a failure without a line, too much memory."""
        lines = CURSOR.sub("\n", self.error).strip().splitlines()
        if self.status is None:
            return f"no end within {self.seconds:.0f} s"
        if "Traceback" in self.error or "Error:" in self.error.replace("error: ", ""):
            return f"traceback: {lines[-1] if lines else ''}"
        if self.status not in (0, 1, 2):
            return f"exit status {self.status}: {lines[-1] if lines else ''}"
        if self.status and not SAID.search(self.error):
            return f"exit status {self.status} without a line that says why: {lines[-1] if lines else ''}"
        return ""


def program(name: str) -> Program:
    """The entry point of a command line by its name."""
    found = next(iter(entry_points(group="console_scripts", name=name)))  # an editable install may list it twice
    loaded: Program = found.load()
    return loaded


class Started(NamedTuple):
    """A run that goes on: its process, where it writes, when it began."""

    child: int
    folder: Path
    began: float


def start(name: str, arguments: Sequence[Any], folder: Path, before: Callable[[], None] | None = None) -> Started:
    """Begin a program in a fork of this process. before: called in the fork first, for what it shall not have."""
    entry = program(name)
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        _become(entry, name, arguments, folder, before)
    return Started(child, folder, began)


def finish(started: Started, seconds: float = 30.0) -> Run:
    """Wait for the end, at most so long."""
    status, peak = _wait(started.child, seconds)
    out, error = ((started.folder / name).read_text(errors="replace") for name in ("stdout.txt", "stderr.txt"))
    return Run(status, out, error, time.perf_counter() - started.began, peak)


def run(
    name: str,
    arguments: Sequence[Any],
    folder: Path,
    seconds: float = 30.0,
    before: Callable[[], None] | None = None,
) -> Run:
    """Run a program to its end."""
    return finish(start(name, arguments, folder, before), seconds)


def _wait(child: int, seconds: float) -> tuple[int | None, float]:
    """Exit status and peak memory; killed when the time is over."""
    end = time.monotonic() + seconds
    while True:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage.ru_maxrss / 1024
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.wait4(child, 0)
            return None, 0.0
        time.sleep(0.002)


def _become(
    entry: Program,
    name: str,
    arguments: Sequence[Any],
    folder: Path,
    before: Callable[[], None] | None,
) -> None:
    """The life of the fork; does not return."""
    status = 99
    try:
        for descriptor, path in ((1, folder / "stdout.txt"), (2, folder / "stderr.txt")):
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(opened, descriptor)
            os.close(opened)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MAX_MEMORY, used + MAX_MEMORY))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = [name, *map(str, arguments)]
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        if before:
            before()
        status = entry()
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status if isinstance(status, int) else 0)
