"""Where the page is: a port of this machine, taken before anything is loaded."""

from __future__ import annotations

import socket

from tfg.types import InputError

HOST = "127.0.0.1"


def listening_socket(port: int) -> socket.socket:
    """Bound to this machine alone; InputError where the port is in use. 0: any that is free."""
    if not 0 <= port <= 65535:
        raise InputError(f"--port {port}: must lie in [0, 65535]; 0 takes any that is free")
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
        bound.listen(1)
    except OSError as error:
        bound.close()
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"--port {port}: {reason}; give another, or 0 for any that is free") from None
    return bound
