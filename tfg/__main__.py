"""Entry of the `tfg` command, of `python -m tfg` and of run.py."""

import os
import sys
from collections.abc import Sequence

# Before numpy and torch are imported: threads that wait by spinning halve a busy machine, and their spinning counts as work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # numpy's; 2^4 clock cycles, the least there is, against 2^26


def main(arguments: Sequence[str] | None = None) -> None:
    try:
        from tfg.cli import run

        sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))
    except KeyboardInterrupt:
        print("tfg: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
