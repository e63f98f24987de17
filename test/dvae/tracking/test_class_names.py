from __future__ import annotations

import pytest

from dvae.tracking.class_names import ClassList, ClassNames


def test_names_have_one_number_while_they_are_in_use() -> None:
    classes = ClassNames()
    person, chair, again = classes.numbers(["person", "chair", "person"])
    assert person == again != chair
    assert classes.names([chair, person]) == ["chair", "person"]
    classes.forget_others([person])
    assert classes.numbers(["person"]) == [person]
    assert classes.numbers(["chair"])[0] not in (person, chair)  # nobody who knows the old one is misled
    with pytest.raises(KeyError):
        classes.names([chair])


def test_classes_in_a_text() -> None:
    classes = ClassList(" person,Dog ,, 0")
    assert [name in classes for name in ("person", "PERSON", "dog", "0", "", "chair", "1")] == [
        True, True, True, True, False, False, False,
    ]  # fmt: skip
    assert "" in ClassList("*")
    assert not ClassList(" , ")
    assert "" not in ClassList("")
