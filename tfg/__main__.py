"""Entry of the `tfg` command, of `python -m tfg` and of run.py."""

import os
import sys
from collections.abc import Sequence

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported: spinning threads halve a busy machine


def main(arguments: Sequence[str] | None = None) -> None:
    from tfg.cli import run

    try:
        sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
