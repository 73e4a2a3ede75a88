"""Entry of the `tfg` command, of `python -m tfg` and of run.py."""

import os
import select
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    try:
        from tfg.cli import run

        try:
            code = run(sys.argv[1:] if arguments is None else list(arguments))
        finally:
            sys.stdout.flush()  # here, not at the interpreter's end, where nothing can catch it
        sys.exit(code)
    except BrokenPipeError:
        if not _reader_is_gone():  # the pipe of another process
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still buffered
        sys.exit(141)
    except KeyboardInterrupt:
        print("tfg: interrupted", file=sys.stderr)
        sys.exit(130)


def _reader_is_gone() -> bool:
    """Of stdout: `tfg ... | head`."""
    watched = select.poll()
    watched.register(sys.stdout, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in watched.poll(0))


if __name__ == "__main__":
    main()
