"""The smallest pictures that rank segments as 512 px do. `python -m experiments.atlas_size [--dry-run] [key=value ...]`.

p09, the one person whose face fills 512 px: InsTaG, eight segments of five seconds on an even grid, one seed, at 128, 256 and 512 px.
Segments overlap (15 s to train on). `python -m analysis.table_atlas_size` has the rank correlations between the sizes.

Budget (written on 2026-11-22 before it ran): 24 heads; 1.5, 4 and 12 minutes each: 2.3 hours of one core.

Expected (written on 2026-11-22 before it ran): Spearman of face PSNR 0.9 between 128 and 512 px and 0.95 between 256 and 512 px, which
poses decide; of mouth r 0.6 and 0.8, of the share of the truth's sync 0.4 and 0.6, since segments that overlap by two thirds differ in
lips by little more than another seed's. 128 px is then good enough where 0.6 lies inside the interval and 0 does not.
"""

from __future__ import annotations

import sys

from experiments.atlas import FIXED, PEOPLE
from experiments.grid import Cell, Grid

PERSON = "p09"
SIZES = (512, 256, 128)
SEGMENTS = 8

GRID = Grid(
    name="atlas_size",
    cells=tuple(
        Cell(
            labels={"size": size, "start": start},
            overrides=(
                *(text for text in FIXED if not text.startswith("clip.size=")),
                *PEOPLE[PERSON].overrides,
                "backbone=instag",
                f"start={start:g}",
                "seconds=5",
                f"clip.size={size}",
            ),
        )
        for start in PEOPLE[PERSON].starts(5.0, SEGMENTS)
        for size in SIZES
    ),
)

if __name__ == "__main__":
    from experiments.launch import main  # here, so that a table can import GRID as plain data

    sys.exit(main(GRID, sys.argv[1:]))
