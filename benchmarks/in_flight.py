#!/usr/bin/env python3
"""Throughput of the emulated card with several calls in flight, and what bounds it.

usage: in_flight.py --build BUILD --package DIR --output FOLDER [--batch 64] [--calls 2000] [--depths 1 2 4 8]
                    [--modes hw_emu sw_emu]

For each mode and depth: events/s of the emulation (wall time), kernel cycles in which a run was under way, and the
events/s that these give at the kernel's clock; messages to the card per call, their mean round trip if nothing else
took time, and the card's own share of it. Writes FOLDER/in_flight.json. Times are those of an emulation, never of a
card; cycles and messages are exact.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

WARMUP_CALLS = 100


def measure(sluice, package, output, mode, depth, batch, calls):
    stats = output / f"stats_{mode}_{depth}.json"
    command = [sluice, "card", "--mode", mode, "--", sluice, "bench", package, "--device", "xrt:0", "--raw", "--batch",
               batch, "--calls", calls, "--warmup", WARMUP_CALLS, "--depth", depth, "--json"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          env={**os.environ, "SLUICE_CARD_STATS": str(stats)})
    if done.returncode != 0:
        raise SystemExit(f"in_flight: {mode}, depth {depth}: {done.stderr}")
    bench, card = json.loads(done.stdout), json.loads(stats.read_text())
    runs = card["runs"]
    row = {"mode": mode, "depth": depth, "emulated": True, "events_per_s": bench["events_per_s"],
           "call_us": 1e6 * batch / bench["events_per_s"], "messages_per_call": card["messages"] / runs,
           "answering_us_per_call": 1e6 * card["answering_seconds"] / runs}
    row["us_per_message"] = row["call_us"] / row["messages_per_call"]
    if mode == "hw_emu":
        row["busy_cycles_per_call"] = card["busy_cycles"] / runs
        row["events_per_s_at_kernel_clock"] = 1e6 * bench["clock_mhz"] * batch / row["busy_cycles_per_call"]
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--package", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--depths", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--modes", nargs="+", default=["hw_emu", "sw_emu"])
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    sluice = arguments.build.resolve() / "bin" / "sluice"
    rows = []
    for mode in arguments.modes:
        for depth in arguments.depths:
            row = measure(sluice, arguments.package, arguments.output, mode, depth, arguments.batch, arguments.calls)
            rows.append(row)
            text = (f"{mode:<7}{depth} in flight: {row['events_per_s']:>10,.0f} events/s (emulation), "
                    f"{row['messages_per_call']:.2f} messages of {row['us_per_message']:.1f} us per call, of which the "
                    f"card answers {row['answering_us_per_call']:.1f} us")
            if mode == "hw_emu":
                text += (f"; {row['busy_cycles_per_call']:.1f} kernel cycles per call = "
                         f"{row['events_per_s_at_kernel_clock']:,.0f} events/s at the kernel's clock")
            print(text, flush=True)
    (arguments.output / "in_flight.json").write_text(json.dumps({"batch_events": arguments.batch, "rows": rows}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
