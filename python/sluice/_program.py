"""The command `sluice` of a wheel: its program lies in the package."""
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Becomes the program, with the arguments of this process."""
    os.execv(os.path.join(os.path.dirname(__file__), "sluice"), ["sluice", *sys.argv[1:]])
