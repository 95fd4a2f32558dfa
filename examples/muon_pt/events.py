"""Reads muons from files that a user already has. Nothing is simulated here.

| file | holds |
|---|---|
| .npz, .h5 | `x` [n, 27] (the network's inputs) and `pt` [n]; optional `eta`, `l1_pt`, `y`, `density_power` |
| .npz, .h5 | or one array per column of the table below |
| .csv | one muon per row, columns by name, others ignored |
| .npy | `x` alone; `pt` comes from a second .npy |

Columns: `genParticle.pt` (GeV), optional `genParticle.eta` and `l1Muon.pt`, `n_Primitive`, then for j = 1..4
`{j}dtPrimitive.id_r`, `.id_eta`, `.id_phi`, `.phiB` (integer, 1/512 rad), `.quality` (raw code), and
`delta_phi12` to `delta_phi34` (rad). A missing primitive is 0 in every column. Rows of fewer than two
primitives are left out and counted.
"""
import csv
import dataclasses
import itertools
import pathlib

import numpy as np

FEATURES = 27
GOOD_QUALITY = 4
CHUNK_ROWS = 50_000
STEP = 2.0**-10  # of the network's input, ap_fixed<16,6>
LARGEST = 32.0 - STEP
SLOTS = range(1, 5)
COLUMNS = (["n_Primitive"]
           + [f"{slot}dtPrimitive.{name}" for name in ("id_r", "id_eta", "id_phi", "phiB", "quality")
              for slot in SLOTS]
           + [f"delta_phi{pair}" for pair in ("12", "13", "14", "23", "24", "34")])
BEND, QUALITY, DELTA_PHI = slice(13, 17), slice(17, 21), slice(21, 27)
SCALE = 2.0 ** np.array([0] * 9 + [-2] * 4 + [3, 4, 5, 5] + [0] * 4 + [6, 6, 6, 7, 7, 9])
OPTIONAL = {"genParticle.eta": "eta", "l1Muon.pt": "l1_pt"}


class InputError(ValueError):
    """A file that cannot be read as muons; says why."""


@dataclasses.dataclass
class Events:
    x: np.ndarray            # float32 [n, 27]; None where the file holds outputs only
    pt: np.ndarray           # float64, GeV
    columns: dict            # of eta, l1_pt, y those that the file has, float64
    density_power: object    # dN/dpT ~ pT^-k of the generation, None where unknown
    left_out: int = 0        # rows of fewer than two primitives


def scale_features(table):
    """The network's inputs from columns in the units of the table [n, 27]."""
    table = np.array(table, np.float64)
    table[:, QUALITY] = table[:, QUALITY] >= GOOD_QUALITY
    table[:, BEND] /= 512
    table[:, DELTA_PHI] = np.abs(table[:, DELTA_PHI])
    on_grid = np.floor(table * SCALE / STEP + 0.5) * STEP
    return np.clip(on_grid, -32.0, LARGEST).astype(np.float32)


def from_columns(columns, origin):
    """Events from a mapping of column names to arrays."""
    missing = [name for name in ["genParticle.pt", *COLUMNS] if name not in columns]
    if missing:
        raise InputError(f"{origin}: column {missing[0]} is missing"
                         + (f", and {len(missing) - 1} more" if len(missing) > 1 else ""))
    table = np.stack([np.asarray(columns[name], np.float64) for name in COLUMNS], axis=1)
    used = table[:, 0] >= 2
    return Events(scale_features(table[used]), np.asarray(columns["genParticle.pt"], np.float64)[used],
                  {target: np.asarray(columns[name], np.float64)[used]
                   for name, target in OPTIONAL.items() if name in columns},
                  None, int((~used).sum()))


def read_csv(path):
    """In parts of CHUNK_ROWS rows: the text of a large table never lies in memory as a whole."""
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if header is None:
            raise InputError(f"{path}: is empty")
        position = {name: index for index, name in enumerate(header)}
        wanted = [name for name in ["genParticle.pt", *OPTIONAL, *COLUMNS] if name in position]
        parts, line = [], 2
        while rows := list(itertools.islice(reader, CHUNK_ROWS)):
            try:
                values = np.array([[float(row[position[name]]) for name in wanted] for row in rows])
            except (ValueError, IndexError) as error:
                raise InputError(f"{path}: lines {line} to {line + len(rows) - 1}: {error}") from None
            parts.append(from_columns(dict(zip(wanted, values.T)), path))
            line += len(rows)
    if not parts:
        raise InputError(f"{path}: holds no rows")
    return Events(np.concatenate([part.x for part in parts]), np.concatenate([part.pt for part in parts]),
                  {name: np.concatenate([part.columns[name] for part in parts])
                   for name in parts[0].columns}, None, sum(part.left_out for part in parts))


def from_arrays(arrays, origin):
    """Events from the arrays of an .npz or .h5 file."""
    if "pt" not in arrays:
        return from_columns(arrays, origin)
    if "x" not in arrays and "y" not in arrays:
        raise InputError(f"{origin}: holds pt, but neither x [n, {FEATURES}] nor y [n]")
    power = arrays.get("density_power")
    return Events(None if "x" not in arrays else np.asarray(arrays["x"], np.float32),
                  np.asarray(arrays["pt"], np.float64).reshape(-1),
                  {name: np.asarray(arrays[name], np.float64).reshape(-1)
                   for name in ("eta", "l1_pt", "y") if name in arrays},
                  None if power is None else float(np.asarray(power).reshape(-1)[0]))


def read_h5(path):
    import h5py
    with h5py.File(path, "r") as file:
        return {name: item[()] for name, item in file.items() if isinstance(item, h5py.Dataset)}


def check(events, origin):
    if len(events.pt) == 0:
        raise InputError(f"{origin}: no muon is left")
    if events.x is not None and events.x.shape != (len(events.pt), FEATURES):
        raise InputError(f"{origin}: x has shape {events.x.shape}, expected ({len(events.pt)}, {FEATURES})")
    for name, values in events.columns.items():
        if values.shape != events.pt.shape:
            raise InputError(f"{origin}: {name} has {values.size} entries for {len(events.pt)} muons")
    if not (np.isfinite(events.pt) & (events.pt > 0)).all():
        raise InputError(f"{origin}: a true pT is not a positive number")
    if events.x is not None and not np.isfinite(events.x).all():
        raise InputError(f"{origin}: an input of the network is not a number")
    return events


def read(path, pt_path=None):
    """Muons of a .csv, .npz, .h5 or .npy file; `pt_path` goes with .npy. Raises InputError."""
    path = pathlib.Path(path)
    readers = {".csv": lambda: read_csv(path), ".npz": lambda: from_arrays(dict(np.load(path)), path),
               ".h5": lambda: from_arrays(read_h5(path), path), ".hdf5": lambda: from_arrays(read_h5(path), path),
               ".npy": lambda: from_arrays({"x": np.load(path), "pt": np.load(pt_path)}, path)}
    if path.suffix not in readers:
        raise InputError(f"{path}: known are {', '.join(readers)}")
    if path.suffix == ".npy" and pt_path is None:
        raise InputError(f"{path}: holds x alone; give the true pT in a second .npy (--pt)")
    return check(readers[path.suffix](), path)
