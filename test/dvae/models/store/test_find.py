from __future__ import annotations

import pytest

from dvae.models.store.find import find_model


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"motion_srnn.*speech_enhancer.*got 'nothing'"):
        find_model("nothing")
