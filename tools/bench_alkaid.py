"""Runs alkaid, the optimiser that ours is compared with, in an environment of its own."""
import json
import os
import sys
from pathlib import Path

from bench_networks import ROOT, run, venv_python

REQUIREMENT = "alkaid==0.8.2"


def alkaid_python():
    """An interpreter that has alkaid, or nothing."""
    folder = Path(os.environ.get("SLUICE_ALKAID_VENV", Path.home() / ".cache/sluice/alkaid"))
    return venv_python(folder, "alkaid", REQUIREMENT, "Sluice is measured alone")


def build(python, network, stages, folder):
    """Verilog in folder/binary/src and folder/ternary/src, and what alkaid says of it; or nothing."""
    folder.mkdir(parents=True)
    finished = run([python, ROOT / "tools/bench_synth_alkaid.py", network, stages, folder],
                   env=os.environ | {"OMP_NUM_THREADS": "1"})
    if finished.returncode != 0:
        print(f"SKIP: alkaid: {finished.stderr.strip()[-200:]}", file=sys.stderr)
        return None
    return json.loads(finished.stdout.splitlines()[-1])
