"""The package's types: mypy --strict, and the stub of the extension module against the module."""
import ast
import inspect
import os
import pathlib
import re
import subprocess
import sys

import pytest

import sluice
from sluice import _core

FOLDER = pathlib.Path(sluice.__file__).parent


def stub_members():
    """Qualified name to argument names, or None for a property, as the stub says."""
    members = {}

    def arguments(function):
        return [argument.arg for argument in function.args.args]

    for node in ast.parse((FOLDER / "_core.pyi").read_text()).body:
        if isinstance(node, ast.FunctionDef):
            members[node.name] = arguments(node)
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                is_property = any(getattr(decorator, "id", "") == "property" for decorator in inner.decorator_list)
                members[f"{node.name}.{inner.name}"] = None if is_property else arguments(inner)
    return members


def module_members():
    """The same as the module says."""
    members = {}

    def arguments(documentation):
        signature = re.match(r"\w+\((.*)\) -> ", documentation.splitlines()[0])[1]
        return re.findall(r"(?:^|, )(\w+):", signature)

    for name, value in vars(_core).items():
        if inspect.isclass(value):
            for inner, member in vars(value).items():
                if isinstance(member, property):
                    members[f"{name}.{inner}"] = None
                elif not inner.startswith("_") or (inner == "__init__" and member.__doc__.startswith("__init__(self: sl")):
                    members[f"{name}.{inner}"] = arguments(member.__doc__)
        elif callable(value):
            members[name] = arguments(value.__doc__)
    return members


def test_the_stub_is_the_module():
    found = {name: row for name, row in module_members().items()}
    assert len(found) > 40
    for name, row in stub_members().items():
        assert name in found, f"{name} is only in the stub"
        due = found.pop(name)
        if row is not None and due is not None and row[:1] == ["self"]:
            row, due = row[1:], due[1:]
        assert row == due, name
    assert not found, "only in the module"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("mypy"))


def test_mypy_strict(cache):
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, "-p", "sluice"],
                          cwd=FOLDER.parent, capture_output=True, text=True,
                          env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"})
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_users_types_are_known(tmp_path, cache):
    (tmp_path / "user.py").write_text(
        "import numpy as np, sluice\n"
        "session = sluice.Session('p', 'engine')\n"
        "reveal_type(session.predict(np.zeros((1, 4))))\n"
        "session.predict(np.zeros((1, 4)), row=True)\n")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, "user.py"],
                          cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "MYPYPATH": str(FOLDER.parent)})
    assert 'Revealed type is "numpy.ndarray[Any, numpy.dtype[Any]]"' in done.stdout
    assert 'Unexpected keyword argument "row"' in done.stdout


def test_every_public_thing_has_a_docstring():
    missing = []
    for module in (sluice, sluice.errors, sluice.utils, sluice.converters, pytest.importorskip("sluice.pynq")):
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                members = {name: thing}
                if inspect.isclass(thing):
                    members |= {f"{name}.{key}": value for key, value in vars(thing).items()
                                if not key.startswith("_") and (callable(value) or isinstance(value, property))}
                missing += [key for key, value in members.items() if not inspect.getdoc(value)]
    assert missing == []
