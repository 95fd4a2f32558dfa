"""Number formats for float models, chosen from events."""
import shutil

import numpy as np
import pytest

import sluice
from sluice_fixtures import DATA

FLOAT = DATA / "keras_float.h5"


class Live:
    """What `calibrate` needs of a live Keras model."""

    def save(self, path):
        shutil.copy(FLOAT, path)


def events(count=200):
    return np.random.default_rng(7).normal(size=(count, 4))


def test_chosen_formats_compile_to_what_was_measured():
    x = events()
    coarse = sluice.calibrate(FLOAT, x, target_error=0.1)
    fine = sluice.calibrate(FLOAT, x, target_error=1e-5)
    assert coarse["error_max"] <= 0.1 and fine["error_max"] <= 1e-5
    bits = [sum(row["bits"] for row in found["formats"]) for found in (coarse, fine)]
    assert bits[0] < bits[1]
    outputs = [sluice.compile(FLOAT, config=found["config"]).predict(x) for found in (coarse, fine)]
    assert np.abs(outputs[0] - outputs[1]).max() == pytest.approx(coarse["error_max"], abs=2e-5)


def test_a_live_model_and_a_root_mean_square():
    found = sluice.calibrate(Live(), events(), target_error=0.01, error="rms")
    assert found["error_rms"] <= 0.01
    assert found == sluice.calibrate(FLOAT, events().tolist(), target_error=0.01, error="rms")


def test_formats_that_are_given_stay():
    config = {"LayerName": {"hidden": {"Precision": {"weight": "ap_fixed<11,3,RND,SAT>"}}}}
    found = sluice.calibrate(FLOAT, events(), config=config)
    assert found["config"]["LayerName"]["hidden"]["Precision"]["weight"] == "ap_fixed<11,3,RND,SAT>"


def test_refusals():
    for arguments, message in ((dict(X=events()[:, :3]), r"\(200, 3\)"), (dict(X=events(), error="mean"), "max or rms"),
                               (dict(X=events(), target_error=0), "0 is no error")):
        with pytest.raises(sluice.UsageError, match=message):
            sluice.calibrate(FLOAT, **arguments)
    with pytest.raises(sluice.UsageError, match="neither a path nor a model"):
        sluice.calibrate(object(), events())
