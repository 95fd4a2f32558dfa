"""What estimate, verify and profile give back."""
from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ._html import table

__all__ = ["Comparison", "Estimate", "Profile", "Verification"]


class Estimate(Mapping[str, Any]):
    """Area and latency: the `estimate` object of report.json, with the figures used most as attributes."""

    def __init__(self, figures: Mapping[str, Any]) -> None:
        self._figures = dict(figures)

    def __getitem__(self, key: str) -> Any:
        return self._figures[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    @property
    def lut(self) -> int:
        """Look-up tables in all."""
        return int(self["total"]["lut"])

    @property
    def ff(self) -> int:
        """Flip-flops in all."""
        return int(self["total"]["ff"])

    @property
    def dsp(self) -> int:
        """DSP slices in all."""
        return int(self["total"]["dsp"])

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from an event's input to its output."""
        return int(self["latency_cycles"])

    @property
    def latency_ns(self) -> float:
        """The same at the clock that was asked for."""
        return float(self["latency_ns"])

    def _rows(self) -> list[tuple[str, int, int, int, int]]:
        rows = [*self["layers"], {**self["total"], "name": "total"}]
        return [(row["name"], row["lut"], row["ff"], row["carry8"], row["dsp"]) for row in rows]

    def __repr__(self) -> str:
        lines = [f"{'layer':<28}{'LUT':>9}{'FF':>9}{'carry':>9}{'DSP':>7}"]
        lines += [f"{name:<28}{lut:>9}{ff:>9}{carry:>9}{dsp:>7}" for name, lut, ff, carry, dsp in self._rows()]
        lines.append(f"latency {self.latency_cycles} cycles = {self.latency_ns:.1f} ns at {self['clock_mhz']:g} MHz")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return table(("layer", "LUT", "FF", "carry", "DSP"), self._rows(),
                     f"{self.latency_cycles} cycles = {self.latency_ns:.1f} ns at {self['clock_mhz']:g} MHz")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One engine against the interpreter, on the same events, with ==."""

    engine: str
    asked: int
    events: int
    limited: str  #: why `events` are fewer than `asked`: they are costly to interpret or to simulate
    differing: int
    first_difference: str
    skipped: str


@dataclasses.dataclass(frozen=True)
class Verification:
    """All engines of a kernel. True when none differs."""

    passed: bool
    seed: int
    engines: list[Comparison]

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Verification:
        """From the object that `sluice verify --json` prints."""
        return cls(json["passed"], json["seed"], [Comparison(**row) for row in json["engines"]])

    def __bool__(self) -> bool:
        return self.passed

    def _repr_html_(self) -> str:
        rows = [(row.engine, row.events, row.differing, row.first_difference or row.skipped or row.limited)
                for row in self.engines]
        return table(("engine", "events", "differing", ""), rows, "passed" if self.passed else "NOT passed")


@dataclasses.dataclass(frozen=True)
class Profile:
    """Times of calls in microseconds, in the schema of docs/reference/latency.md.

    With `emulated` every time is that of an emulation, never of a card.
    """

    kernel: str
    device: Mapping[str, Any]
    batch_events: int
    injection_us: npt.NDArray[np.float64]
    inference_us: npt.NDArray[np.float64]
    extraction_us: npt.NDArray[np.float64]

    @property
    def emulated(self) -> bool:
        """True unless hardware computed."""
        return bool(self.device["emulated"])

    @property
    def total_us(self) -> npt.NDArray[np.float64]:
        """Sum of the three spans, per call."""
        return self.injection_us + self.inference_us + self.extraction_us

    def to_json(self) -> dict[str, Any]:
        """The object that other programs of the same protocol write."""
        return {"schema_version": 1, "program": "python", "emulated": self.emulated,
                "device": {key: self.device[key] for key in ("uri", "name", "emulation")},
                "kernel": self.kernel, "batch_events": self.batch_events, "calls": len(self.injection_us),
                "samples": {"injection_us": self.injection_us.tolist(), "inference_us": self.inference_us.tolist(),
                            "extraction_us": self.extraction_us.tolist()}}

    def _rows(self) -> list[tuple[str, str, str, str]]:
        spans = {"injection": self.injection_us, "inference": self.inference_us, "extraction": self.extraction_us,
                 "total": self.total_us}
        return [(name, *(f"{_nearest_rank(times, part):.1f}" for part in (0.5, 0.99, 1.0)))  # type: ignore[misc]
                for name, times in spans.items()]

    def _caveat(self) -> str:
        if not self.emulated:
            return ""
        return f" ({'CPU' if self.device['emulation'] == 'engine' else 'emulation'}, not card latency)"

    def __repr__(self) -> str:
        lines = [f"{self.kernel} on {self.device['uri']}, {len(self.injection_us)} calls of {self.batch_events} events"
                 + self._caveat(),
                 f"{'':<11}{'p50':>10}{'p99':>10}{'max':>10}   us"]
        lines += [f"{name:<11}{p50:>10}{p99:>10}{most:>10}" for name, p50, p99, most in self._rows()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        where = f"{self.kernel} on {self.device['uri']}" + self._caveat()
        return table(("span", "p50 us", "p99 us", "max us"), self._rows(), where)


def _nearest_rank(times: npt.NDArray[np.float64], part: float) -> float:
    """The smallest sample that at least so many do not exceed: always a measured time."""
    ordered = np.sort(times)
    return float(ordered[max(0, int(np.ceil(part * len(ordered))) - 1)])
