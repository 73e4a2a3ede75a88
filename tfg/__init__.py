"""tfg: how much video does a personal talking head need, and which seconds?"""

__version__ = "0.1.0"
