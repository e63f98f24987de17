"""Names of classes as the numbers that the tracker keeps apart, remembered only while a track has one of them."""

from __future__ import annotations

from collections.abc import Iterable


class ClassNames:
    """A number for each name in use; a name that was forgotten gets another one when it comes again."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self._next = 0

    def numbers(self, names: Iterable[str]) -> list[int]:
        """A number for each name."""
        found = []
        for name in names:
            if name not in self._numbers:
                self._numbers[name], self._names[self._next] = self._next, name
                self._next += 1
            found.append(self._numbers[name])
        return found

    def names(self, numbers: Iterable[int]) -> list[str]:
        """The names of numbers in use."""
        return [self._names[number] for number in numbers]

    def forget_others(self, numbers: Iterable[int]) -> None:
        """Keep only the names of these numbers."""
        self._names = {number: self._names[number] for number in set(numbers)}
        self._numbers = {name: number for number, name in self._names.items()}


class ClassList:
    """Classes by name, in a text with commas between them: upper and lower case are alike, "*" stands for all."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._names = {name.strip().casefold() for name in text.split(",") if name.strip()}

    def __bool__(self) -> bool:
        return bool(self._names)

    def __contains__(self, name: object) -> bool:
        return "*" in self._names or str(name).casefold() in self._names
