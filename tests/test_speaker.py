"""Where a head speaks."""

import pytest
import torch

from tfg import speaker


@pytest.mark.parametrize("here", [True, False])
def test_a_head_of_the_c_engine_speaks_on_the_cpu(here: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: here)
    assert speaker.device_of("cpu") == "cpu"
    assert speaker.device_of("auto") == ("cuda" if here else "cpu")
