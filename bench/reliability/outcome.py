"""What a check says, how its failures are kept so that they can be repeated, and what a process uses."""

from __future__ import annotations

import resource
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple


class Outcome(NamedTuple):
    """A row of the table: what was tried, how often, how many failed, and facts worth knowing."""

    part: str
    what: str
    tried: int
    failed: int
    facts: str
    seconds: float


@dataclass
class Effort:
    """How much is tried, from which seed, and where failures are saved."""

    seed: int
    quick: bool
    folder: Path
    failures: list[str] = field(default_factory=list)

    def count(self, whole: int, quick: int) -> int:
        """How many to try."""
        return quick if self.quick else whole

    def fail(self, label: str, text: str, **files: bytes | str) -> None:
        """Keep what is needed to repeat a failure, and say where; the first of each label are enough."""
        where = self.folder / label.replace("/", "_").replace(" ", "_")
        number = len(list(where.glob("*"))) if where.is_dir() else 0
        if number < 20:
            where = where / f"{number:02d}"
            where.mkdir(parents=True)
            (where / "what.txt").write_text(f"seed {self.seed}\n{text}\n")
            for name, data in files.items():
                path = where / name.replace("__", ".")
                path.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.failures.append(f"{label} (seed {self.seed}): {text.splitlines()[-1][:300]} [{where}]")


class Check(NamedTuple):
    """A row that is made by one call: it returns facts, and raises where the package is wrong."""

    part: str
    what: str
    work: Callable[[Path], str]


def checks(part: str, works: dict[str, Callable[[Path], str]]) -> list[Check]:
    """The rows of a part: what is tried -> how."""
    return [Check(part, what, work) for what, work in works.items()]


def run_check(effort: Effort, check: Check) -> Outcome:
    """The row of a check, which works in a folder of its own."""
    began = time.perf_counter()
    folder = effort.folder / "work" / "".join(c if c.isalnum() else "_" for c in check.what)[:60]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        facts, failed = check.work(folder) or "", 0
    except Exception as error:
        failed, facts = 1, f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
        effort.fail(f"{check.part} {check.what}", f"{traceback.format_exc()}\nfiles: {folder}\n{facts}")
    return Outcome(check.part, check.what, 1, failed, facts, time.perf_counter() - began)


def memory() -> float:
    """Resident MiB of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


@dataclass
class Meter:
    """Memory after a warm-up and at the end, and the CPU time of each piece of work."""

    warm: float = 0.0
    times: list[float] = field(default_factory=list)

    def time(self, work: Callable[[], Any]) -> Any:
        """The result of `work`, its CPU time noted."""
        began = time.thread_time()
        try:
            return work()
        finally:
            self.times.append(time.thread_time() - began)

    def growth(self) -> float:
        """MiB since `warm` was set."""
        return memory() - self.warm
