"""Which vertex of MediaPipe's mesh stands for which iBUG-68 point.

Chosen on the canonical mesh (Apache-2.0, `canonical.py`): the jaw points at equal arc length from the temple (eye
height) to the chin, the nose bridge at equal steps, the lips at the iBUG fractions of the lip contour.
"""

from __future__ import annotations

# Image-left side first, as in iBUG: for a face that looks at the camera that is the person's right.
MESH_VERTICES = (
    *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),  # 0-16 jaw, temple to temple
    *(70, 63, 105, 66, 107),  # 17-21 brow at image left, outer to inner
    *(336, 296, 334, 293, 300),  # 22-26 brow at image right, inner to outer
    *(168, 197, 5, 1),  # 27-30 nose bridge, root to tip
    *(98, 97, 2, 326, 327),  # 31-35 nostrils
    *(33, 160, 158, 133, 153, 144),  # 36-41 eye at image left
    *(362, 385, 387, 263, 373, 380),  # 42-47 eye at image right
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # 48-59 outer lip contour
    *(78, 81, 13, 311, 308, 402, 14, 178),  # 60-67 inner lip contour
)
