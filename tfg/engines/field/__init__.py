"""What rays see of a head field: way to rest, grid, nets and compositing in one pass, without gradients."""

from tfg.engines.field.base import FieldNets, WarpTable, in_front
from tfg.engines.field.looking import Look, prepare, runs

__all__ = ["FieldNets", "Look", "WarpTable", "in_front", "prepare", "runs"]
