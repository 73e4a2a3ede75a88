"""The morphable head of ICT-FaceKit (Li et al. 2020, MIT) in head space: its parts, identities and expressions.

Vertex ranges and landmarks are those that its README states. Where scalp and neck begin is this project's choice, in centimetres of
the neutral head: x to the subject's left, y up, z to the front, chin at (0, -7.6, 10.4), crown at y 14.5.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from tfg import assets
from tfg.clip.synthetic.mesh import make_person_mesh
from tfg.clip.synthetic.person import make_person
from tfg.landmarks import OUTER_EYE_CORNERS
from tfg.types import Floats, InputError

ASSET = "ict_facekit"
FACE, HEAD, SOCKET, EYE_SOCKETS, GUMS, TEETH, EYES = (
    slice(0, 9409),
    slice(9409, 11248),
    slice(11248, 13294),
    slice(13294, 14062),
    slice(14062, 17039),
    slice(17039, 21451),
    slice(21451, 24591),
)
EYEBALLS = (slice(21451, 23021), slice(23021, 24591))  # left, right
SHOWN = 24591  # vertices; films, occlusion meshes and lashes follow, which need transparency
# Multi-PIE's 68 points: https://github.com/ICT-VGL/ICT-FaceKit, README, "Facial Landmarks"
LANDMARKS = np.array(
    [
        *(1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443),
        *(268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147),
        *(4269, 3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081),
        *(0, 4275, 6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966),
    ]
)
EXPRESSIONS = (  # each the sum of the file's shapes that begin so, left and right
    "jawOpen",
    "mouthFunnel",
    "mouthPucker",
    "mouthSmile",
    "mouthStretch",
    "mouthPress",
    "mouthLowerDown",
    "mouthUpperUp",
    "browDown",
    "browInnerUp",
    "browOuterUp",
    "eyeBlink",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class IctModel:
    """Vertices in centimetres, as in the file; `placed` takes them to head space."""

    neutral: Floats  # (SHOWN, 3)
    identities: Floats  # (modes, SHOWN, 3) of unit standard deviation
    expressions: Floats  # (len(EXPRESSIONS), SHOWN, 3) at full strength
    triangles: NDArray[np.int64]  # (t, 3) clockwise seen from outside, in pixels with y down
    upright: NDArray[np.float64]  # (3, 3) the file's axes -> head space's, by the 68 points

    def placed(self, vertices: Floats, resting: Floats) -> Floats:
        """(SHOWN, 3) centimetres -> head units, by the landmarks of the resting face (SHOWN, 3)."""
        points = resting[LANDMARKS]
        left, right = OUTER_EYE_CORNERS
        unit = float(np.linalg.norm(points[left] - points[right]))
        return np.asarray((vertices - points.mean(axis=0)) @ self.upright.T / unit, np.float32)


def open_model() -> IctModel:
    """From the asset `ict_facekit`; InputError says how to get it, or that it is another file."""
    return _read(assets.find(ASSET))


@functools.cache
def _read(path: Path) -> IctModel:
    try:
        with np.load(path, allow_pickle=False) as file:
            neutral = file["neutral"][:SHOWN].astype(np.float32)
            identities = file["id_delta"][:, :SHOWN].astype(np.float32)
            names = [str(name) for name in file["expr_names"]]
            deltas, faces = file["expr_delta"], file["faces"]
            expressions = np.stack(
                [
                    sum(
                        deltas[row, :SHOWN].astype(np.float32)
                        for row, name in enumerate(names)
                        if name.startswith(wanted)
                    )
                    for wanted in EXPRESSIONS
                ]
            )
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: is no ICT-FaceKit model of tfg ({error}); get it anew, see `tfg assets`") from error
    quads = faces[(faces < SHOWN).all(axis=1)]
    whole = quads[quads[:, 3] >= 0]
    triangles = np.concatenate([quads[:, [0, 2, 1]], whole[:, [0, 3, 2]]]).astype(np.int64)
    return IctModel(
        neutral=neutral,
        identities=identities,
        expressions=expressions,
        triangles=triangles,
        upright=_upright(neutral[LANDMARKS].astype(np.float64)),
    )


def _upright(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation that lays 68 points (68, 3) best on those of the embedded generator's average face."""
    reference = make_person_mesh(make_person(0), 64).face_shape().astype(np.float64)
    found, _ = Rotation.align_vectors(reference - reference.mean(axis=0), points - points.mean(axis=0))
    return np.asarray(found.as_matrix())


def scalp(neutral: Floats, line: float, sides: float) -> Floats:
    """(SHOWN,) centimetres behind the hairline, negative on the face, ears, eyes and neck.

    `line`: by how much the hair begins higher on the forehead; `sides`: from 0, above the ears, to 1, down to their lobes.
    """
    x, y, z = neutral.T
    fore = np.interp(z, [-10, -3, 2, 5, 8, 13], [-6, -4 - 2 * sides, 4 - 5 * sides, 6 - 4 * sides, 9, 9.6])
    behind = y - (fore + line * np.clip((z - 2) / 5, 0, 1))
    ear = (np.abs(x) > 6.9) & (np.abs(z - 0.8) < 3.2) & (np.abs(y - 2.0) < 4.4)
    behind = np.where(ear, -1.0, behind)
    behind[SOCKET.start :] = -1.0
    return np.asarray(behind, np.float32)


def neck(neutral: Floats) -> NDArray[np.bool_]:
    """(SHOWN,) below the jaw: drawn, but no part of the head."""
    _, y, z = neutral.T
    below = y < np.interp(z, [-8, -2, 3, 6, 9], [-5.5, -6.0, -6.6, -7.6, -8.6])
    below[SOCKET.start :] = False
    return np.asarray(below)
