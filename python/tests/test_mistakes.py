"""The mistakes of docs/reference/python.md: each raises what the table says, word for word."""
import json
import os
import pathlib

import mistakes

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "python.md"


def documented():
    return [line for line in PAGE.read_text().splitlines() if line.startswith("|")]


def check(rows):
    table = mistakes.table(rows).splitlines()[2:]
    if os.environ.get("SLUICE_SHOW_MISTAKES"):
        print("\n".join(table))
    lines = documented()
    wrong = [line for line in table if line not in lines]
    assert not wrong, "\n".join(["not in docs/reference/python.md:", *wrong])


def test_in_process(tiny_package, monkeypatch):
    for name in ("SLUICE_DEVICE", "XILINX_XRT", "XCL_EMULATION_MODE"):
        monkeypatch.delenv(name, raising=False)
    assert len(mistakes.IN_PROCESS) + len(mistakes.ON_CARD) >= 25
    check(mistakes.rows_of(mistakes.IN_PROCESS, mistakes.Here(tiny_package.folder)))


def test_on_cards(on_card, packages):
    out = on_card(pathlib.Path(mistakes.__file__), packages / "tiny", cards=2)
    check({title: tuple(row) for title, row in json.loads(out.splitlines()[-1]).items()})
