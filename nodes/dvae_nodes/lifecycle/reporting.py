"""Problems are reported once per cause, with a count, so that a wrong input neither hides nor floods the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


class Reporter:
    """Passes the first message of each cause to `write`, and again at each tenfold of its count."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self.counts: Counter[str] = Counter()

    def report(self, cause: str, text: str) -> None:
        """`cause` names the kind of problem; `text` says what was expected and what came."""
        count = self.counts[cause] + 1
        if count == 1:
            self._write(text)
        elif str(count).strip("0") == "1":
            self._write(f"{text} (seen {count} times)")
        self.counts[cause] = count  # who sees the count can read the text
