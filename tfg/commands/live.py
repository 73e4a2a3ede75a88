"""`tfg live`: a page on this machine in which a trained head answers to text, files and the microphone."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from tfg import heads
from tfg.live.address import HOST, listening_socket
from tfg.live.upload import Limits
from tfg.types import InputError

NEEDED = ("starlette", "uvicorn", "wsproto")  # the extra `live`


def run(options: argparse.Namespace) -> int:
    """The page's address on stdout; serves it until Ctrl-C, which is exit code 130."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise InputError(f"live needs the extra `live` ({', '.join(missing)} missing): pip install 'tfg[live]'")
    if options.seed < 0:
        raise InputError(f"--seed {options.seed}: must be a whole number, 0 or above")
    limits = Limits(most_bytes=round(options.most_mb * 1e6), most_seconds=options.most_seconds)
    bound = listening_socket(options.port)
    try:
        folder = heads.folder_of(Path(options.run_folder))
        config, _ = heads.read(folder)
        print(f"tfg: opening {folder.name}", file=sys.stderr)
        from tfg import speaker  # torch, which no mistake waits for
        from tfg.live.head import Head
        from tfg.live.server import Live, server
        from tfg.threads import threads

        opened = speaker.opened(folder, config)
        head = Head(opened, options.seed)
        port = bound.getsockname()[1]
        with threads(opened.threads):
            live = Live(head, head.drive, limits, head.warm_up())
            print(f"http://{HOST}:{port}/", flush=True)
            server(live.app(port)).run(sockets=[bound])
    except KeyboardInterrupt:
        print("tfg: the page is closed", file=sys.stderr)
        return 130
    finally:
        bound.close()
    return 0
