"""`tfg live`: a page on this machine in which a trained head answers to text, files and the microphone."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from tfg.types import InputError

NEEDED = ("starlette", "uvicorn", "wsproto")  # the extra `live`


def run(options: argparse.Namespace) -> int:
    """The page's address on stdout; serves it until Ctrl-C, which is exit code 130."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise InputError(f"live needs the extra `live` ({', '.join(missing)} missing): pip install 'tfg[live]'")
    from tfg.live.server import HOST, Live, listening_socket, server
    from tfg.live.upload import Limits

    limits = Limits(most_bytes=round(options.most_mb * 1e6), most_seconds=options.most_seconds)
    bound = listening_socket(options.port)
    try:
        from tfg.live.head import Head
        from tfg.threads import threads

        head = Head(Path(options.run_folder), options.seed)
        port = bound.getsockname()[1]
        with threads(head.threads):
            live = Live(head, head.drive, limits, head.warm_up())
            print(f"http://{HOST}:{port}/", flush=True)
            server(live.app(port)).run(sockets=[bound])
    except KeyboardInterrupt:
        print("tfg: the page is closed", file=sys.stderr)
        return 130
    finally:
        bound.close()
    return 0
