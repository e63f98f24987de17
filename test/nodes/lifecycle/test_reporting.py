"""Problems are said once, and then with their count."""

from __future__ import annotations

from dvae_nodes.lifecycle.reporting import Reporter


def test_reports_come_once_and_then_with_their_count() -> None:
    log: list[str] = []
    reporter = Reporter(log.append)
    for _ in range(25):
        reporter.report("cause", "text")
    assert log == ["text", "text (seen 10 times)"]
