"""Problems are said once, and then with their count."""

from __future__ import annotations

import pytest

from dvae_nodes.lifecycle.reporting import Reporter


def test_reports_come_once_and_then_with_their_count() -> None:
    log: list[str] = []
    reporter = Reporter(log.append)
    for _ in range(25):
        reporter.report("cause", "text")
    assert log == ["text", "text (seen 10 times)"]


def test_recent_problems_fade(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    reporter = Reporter(lambda _: None)
    reporter.report("one", "first")
    now = 105.0
    reporter.report("two", "second")
    assert [problem.text for problem in reporter.recent(6.0)] == ["first", "second"]
    assert [problem.cause for problem in reporter.recent(4.0)] == ["two"]
    reporter.clear()
    assert not reporter.recent(1e9)
    assert not reporter.counts
