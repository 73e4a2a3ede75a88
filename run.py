"""One run, or a sweep with -m: `tfg run` in a checkout. See README.md."""

import sys

from tfg.__main__ import main

if __name__ == "__main__":
    try:
        main(["run", *sys.argv[1:]])
    except ModuleNotFoundError as error:
        if (error.name or "tfg").split(".")[0] == "tfg":
            raise
        print(
            f"tfg: {error.name} is not installed for {sys.executable}; "
            "run `make setup`, then `source .venv/bin/activate`, and the same command again",
            file=sys.stderr,
        )
        sys.exit(2)
