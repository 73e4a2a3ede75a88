"""tfg: how much video does a personal talking head need, and which seconds?"""

import os

__version__ = "0.1.0"

# Before numpy and torch are imported. What numpy's products and solutions round to depends on the number of its threads, and heads do
# on that: one, on every machine, whatever the user's environment says. Matrices here are small: a fit of poses takes half as long.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
# Threads of torch and of the C engines that wait by spinning halve a busy machine, and their spinning counts as work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
