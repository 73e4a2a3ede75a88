"""The photometric loss on a CUDA device, where the twin serves: the CPU's C engine and the twin in double precision."""

import pytest
import torch
from photometric_scenes import SEEN, descend, scene

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
VALUE, GRADIENTS = 1e-5, 1e-4  # of the value, of the largest gradient, in which sums cancel; as on the CPU


@pytest.mark.parametrize("size", [(20, 24), (40, 190), (1, 7), (512, 512)], ids=str)
@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize(("engine", "dtype"), [("cpu", torch.float32), ("torch", torch.float64)], ids=["c", "double"])
def test_all_terms_and_their_gradients_are_those_of_the_cpu(
    size: tuple[int, int], seen: dict[str, bool], engine: str, dtype: torch.dtype
) -> None:
    given = scene(*size, **seen)
    found, expected = descend(given, "auto", torch.float32, "cuda"), descend(given, engine, dtype)
    torch.testing.assert_close(found[0], expected[0], rtol=VALUE, atol=0)
    for made, true in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(made, true, rtol=GRADIENTS, atol=GRADIENTS * float(true.abs().max()))
