"""The kind of file that audio=lipsync has its weights in, `tfg/learned.py`. No torch."""

from __future__ import annotations

from tfg.learned import Kind

REMEDY = "install tfg again, or make it anew with `python -m experiments.pretrain_lipsync`"
ENCODER = Kind(entry="encoder", layout=1, title="encoder", remedy_of_another=REMEDY, remedy_of_damaged=REMEDY)
