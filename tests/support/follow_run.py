"""`python follow_run.py SETTINGS RESULT.JSON...`: finished runs, then their sweep, told to a tracker as if they were made now."""

import json
import sys
from pathlib import Path

from tfg.trackers import mirror
from tfg.trackers.base import named, replay
from tfg.trackers.choose import check, track
from tfg.trackers.sweeps import track_sweep

settings, paths = json.loads(sys.argv[1]), [Path(path) for path in sys.argv[2:]]
check(settings)
for path in paths:
    mirrored = mirror.read(path)
    with track(settings, named(mirrored.result.config, path.parent)) as tracker:
        replay(tracker, mirrored)
        tracker.record(mirrored)
track_sweep(settings, "test", [path.parent for path in dict.fromkeys(paths)])
