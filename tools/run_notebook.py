#!/usr/bin/env python3
"""Runs notebooks from top to bottom and keeps what they show.

usage: run_notebook.py [--output FOLDER] NOTEBOOK...        without --output the notebooks themselves are rewritten

The current folder is the notebooks' own; SLUICE_SOURCE, where set, names the repository for them. Needs Debian's
python3-nbclient, -nbformat and -ipykernel. What changes from run to run without meaning (execution times, kernel
versions) is not kept.
"""
import argparse
import os
import pathlib
import re
import sys

import nbclient
import nbformat

os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # the kernel's debugger else warns at every start

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_TIMEOUT_S = 1800


def run(path, timeout_s=CELL_TIMEOUT_S):
    """The notebook with its outputs. Raises nbclient's CellExecutionError with the cell's traceback."""
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=timeout_s, kernel_name="python3",
                            resources={"metadata": {"path": os.getcwd()}}).execute()
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.metadata = {}
        cell.id = f"cell-{number}"
    return notebook


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, help="folder for the notebooks with their outputs")
    arguments = parser.parse_args()
    for path in arguments.notebooks:
        try:
            notebook = run(path)
        except nbclient.exceptions.CellExecutionError as error:
            sys.exit(re.sub(r"\x1b\[[0-9;]*m", "", f"{path}: {error}"))
        target = path if arguments.output is None else arguments.output / path.name
        nbformat.write(notebook, target)


if __name__ == "__main__":
    main()
