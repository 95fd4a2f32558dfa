#!/usr/bin/env python3
"""Compiles the packages that several tests share: make_packages.py BUILD FOLDER MODEL.h5=NAME[,OPTION...] ..."""
import pathlib
import subprocess
import sys


def main():
    build, folder = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    folder.mkdir(parents=True, exist_ok=True)
    for pair in sys.argv[3:]:
        model, made = pair.rsplit("=", 1)
        name, *options = made.split(",")
        subprocess.run([build / "bin" / "sluice", "compile", model, "-o", folder / name, "--name", name, *options],
                       check=True)


if __name__ == "__main__":
    main()
