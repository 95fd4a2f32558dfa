"""The Python of README.md and docs/reference/python.md runs as it stands, on the emulated card."""
import pathlib
import re
import shutil

import numpy as np
import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MODEL = SOURCE / "examples" / "muon_pt" / "model"
PAGES = ["README.md", "docs/reference/python.md"]


def snippets(page):
    return re.findall(r"^```python\n(.*?)^```$", (SOURCE / page).read_text(), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_the_snippets_run(page, on_card, tmp_path):
    shutil.copy(MODEL / "muon_pt.h5", tmp_path)
    np.save(tmp_path / "x.npy", np.load(MODEL / "vectors.npz")["x"][:100])
    found = snippets(page)
    assert found
    on_card("\n".join(found))
