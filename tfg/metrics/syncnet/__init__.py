"""Lip sync by the official SyncNet v2 (Chung and Zisserman 2016, joonson/syncnet_python): its network, sound, crops and curve.

The weights do not ship with tfg; without them the scores are unavailable, never zero.
"""

from tfg.metrics.syncnet.metric import DIRECT_NAMES, SyncNetScore
from tfg.metrics.syncnet.network import SyncNet

__all__ = ["DIRECT_NAMES", "SyncNet", "SyncNetScore"]
