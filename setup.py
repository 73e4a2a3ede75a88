"""The packages of a wheel: tfg as it lies here, and conf/, which becomes tfg/conf. Everything else is said in pyproject.toml."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["tfg", "tfg.*"]), "tfg.conf"], package_dir={"tfg.conf": "conf"})
