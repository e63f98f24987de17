"""Problems are reported once per cause, with a count, so that a wrong input neither hides nor floods the log."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple


class Problem(NamedTuple):
    """One report. time: on the monotonic clock, in seconds."""

    time: float
    cause: str
    text: str


class Reporter:
    """Passes the first message of each cause to `write`, and again at each tenfold of its count."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self.counts: Counter[str] = Counter()
        self._newest: deque[Problem] = deque(maxlen=1000)

    def report(self, cause: str, text: str) -> None:
        """`cause` names the kind of problem; `text` says what was expected and what came."""
        count = self.counts[cause] + 1
        self._newest.append(Problem(time.monotonic(), cause, text))
        if count == 1:
            self._write(text)
        elif str(count).strip("0") == "1":
            self._write(f"{text} (seen {count} times)")
        self.counts[cause] = count  # who sees the count can read the text

    def recent(self, seconds: float) -> list[Problem]:
        """What was reported in the last `seconds` (of the last thousand reports), the newest last."""
        begin = time.monotonic() - seconds
        return [problem for problem in list(self._newest) if problem.time >= begin]

    def clear(self) -> None:
        """Forget all: what happens again is said again."""
        self.counts.clear()
        self._newest.clear()
