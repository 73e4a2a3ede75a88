"""What a head depends on is the same with any number of threads, whatever the environment asks for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FIT = """
import hashlib
import tfg
import numpy as np
from test_features_cameras import fit_cameras, moving_head, observe, person
from tfg.backbones.gaussian.mesh import face_mesh

rng = np.random.default_rng(0)
shape = person(rng)
found = fit_cameras(observe(moving_head(), shape, rng), 256)
digest = hashlib.sha256(found.cameras.rotation.tobytes() + np.float64(found.focal).tobytes())
digest.update(face_mesh(shape)[0].tobytes())
print(digest.hexdigest())
"""


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="numpy's OpenBLAS uses no more threads than there are cores")
def test_cameras_do_not_depend_on_threads() -> None:
    """numpy's solutions round by the number of OpenBLAS's threads: a focal length in its 13th digit makes another head."""
    tests = Path(__file__).parent
    asked: list[dict[str, str]] = [
        {"OMP_NUM_THREADS": "1"},
        {"OMP_NUM_THREADS": "2"},
        {"OPENBLAS_NUM_THREADS": "2"},
        {},
    ]
    digests = set()
    for threads in asked:
        kept = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
        environment = {**kept, "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}", **threads}
        done = subprocess.run([sys.executable, "-c", FIT], env=environment, capture_output=True, text=True, check=True)
        digests.add(done.stdout)
    assert len(digests) == 1
