"""What the benches of the optimiser share: their networks, and how they run programs and name the machine."""
import os
import platform
import random
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
JETS = ROOT / "benchmarks/networks"
TIME_LIMIT_S = 1800


def random_matrix(size, bits, one_sided):
    draw = random.Random(size * 100 + bits)
    limit = 1 << (bits - 1)
    low, high = (limit + 1, 2 * limit - 1) if one_sided else (1 - limit, limit - 1)
    weights = ", ".join(str(draw.randint(low, high)) for _ in range(size * size))
    bias = ", ".join(["0"] * size)
    return (f'network "random"\nlayer "x" = input shape [{size}] as s8.0 TRN WRAP\n'
            f'layer "y" = dense "x" inputs {size} units {size} weights 0 [{weights}] bias 0 [{bias}]\noutput "y"\n')


def jets():
    return [(path.stem, path.read_text()) for path in sorted(JETS.glob("*.txt"))]


def run(words, time_limit_s=TIME_LIMIT_S, **options):
    try:
        return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=time_limit_s,
                              **options)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", f"more than {time_limit_s} s")


def venv_python(folder, module, requirement, otherwise):
    """The interpreter of a virtual environment that has a module of PyPI, made once per user; or nothing, which
    it says together with what then happens."""
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    if run([python, "-c", f"import {module}"]).returncode != 0:
        if run([python, "-m", "pip", "-q", "install", requirement]).returncode != 0:
            print(f"SKIP: {module}: PyPI cannot be reached; {otherwise}", file=sys.stderr)
            return None
    return python


def number(value, digits=0):
    return "" if value is None else f"{value:,.{digits}f}"


def machine():
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
