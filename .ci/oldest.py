#!/usr/bin/env python3
"""Prints the lowest version of everything that the package needs, NAME==VERSION: what make test-oldest installs."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
needed = [*project["dependencies"], *project["optional-dependencies"]["ui"]]
print(*(re.fullmatch(r"([\w.-]+)>=([\w.]+),<.*", line).expand(r"\1==\2") for line in needed), sep="\n")
