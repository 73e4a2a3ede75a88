"""One run, or a sweep with -m: `tfg run` in a checkout. See README.md."""

import sys

from tfg.__main__ import main

if __name__ == "__main__":
    main(["run", *sys.argv[1:]])
