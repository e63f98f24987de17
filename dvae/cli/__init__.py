"""Command lines: parse, call the library, report. Only here does the package print."""
