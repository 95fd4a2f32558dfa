#!/usr/bin/python3
"""Area and Fmax of one network after place and route, Sluice's Verilog beside alkaid's, by open tools: Yosys and nextpnr.

usage: place_and_route.py BUILD NETWORK [--alkaid PYTHON] [--seeds N]

The device is the largest that Debian's nextpnr routes, an iCE40 HX8K of 7,680 logic cells: four-input LUTs, each with a
carry and a register, in a slower technology than UltraScale+. So the figures compare two netlists; they say nothing of
the frequency on a card. Both are clocked alike: a shift register feeds the inputs, and registers hold the outputs, whose
parity is the only output pin. Both have the same number of pipeline stages and two-operand adders. Fmax is the median
of several seeds of the placer.
"""
import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET_MHZ = 100

HARNESS = """
module harness (input clk, input bit_in, output reg parity);
  reg [{inputs}-1:0] x;
  wire [{outputs}-1:0] y;
  reg [{outputs}-1:0] held;
  always @(posedge clk) begin
    x <= {{x, bit_in}};
    held <= y;
    parity <= ^held;
  end
  {core}
endmodule
"""


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True).stdout


def port_bits(verilog, kind):
    """Widths of the vector ports of the first module, by name."""
    return {name: int(high) + 1 for high, name in re.findall(kind + r"\s+(?:wire\s+)?\[(\d+):0\]\s*(\w+)", verilog)}


def packed_inputs(network, container_bits):
    """The bits of Sluice's input vector, whose elements lie in containers, from those of the elements alone."""
    elements, width = map(int, re.search(r"= input shape \[(\d+)\] as [su](\d+)", network).groups())
    container = container_bits // elements
    parts = [f"{container - width}'d0, x[{width * (i + 1) - 1}:{width * i}]" for i in reversed(range(elements))]
    return elements * width, "{" + ", ".join(parts) + "}"


def routed(files, core, inputs, outputs, seeds, folder):
    harness = folder / "harness.v"
    harness.write_text(HARNESS.format(core=core, inputs=inputs, outputs=outputs))
    netlist = folder / "netlist.json"
    run("yosys", "-q", "-p", f"read_verilog -I{files[0].parent} {' '.join(map(str, [*files, harness]))}; "
        f"synth_ice40 -top harness -json {netlist}")
    cells, fmax = 0, []
    for seed in range(1, seeds + 1):
        report = folder / "report.json"
        run("nextpnr-ice40", "-q", "--hx8k", "--package", "ct256", "--json", netlist, "--freq", TARGET_MHZ, "--seed", seed,
            "--timing-allow-fail", "--report", report)
        result = json.loads(report.read_text())
        cells = result["utilization"]["ICESTORM_LC"]["used"]
        fmax.append(max(clock["achieved"] for clock in result["fmax"].values()))
    return {"cells": cells, "fmax_mhz": statistics.median(fmax), "fmax_mhz_all": fmax}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", type=Path)
    arguments.add_argument("network", type=Path, help="in text form")
    arguments.add_argument("--alkaid", type=Path, metavar="PYTHON", help="an interpreter that has alkaid")
    arguments.add_argument("--seeds", type=int, default=3)
    options = arguments.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        core = work / "core.v"
        made = json.loads(run(options.build / "benchmarks/synth_bench", options.network, "--adders", "two", "--few-registers",
                               "--verilog", core))
        text = core.read_text()
        inputs, x = packed_inputs(options.network.read_text(), port_bits(text, "input")["x"])
        results["Sluice"] = {"cycles": made["latency_cycles"]} | routed(
            [core], f"bench_core core (.clk(clk), .valid(1'b1), .x({x}), .y(y));", inputs, port_bits(text, "output")["y"],
            options.seeds, work)
        if options.alkaid:
            run(options.alkaid, ROOT / "tools/bench_synth_alkaid.py", options.network, made["latency_cycles"], work / "alkaid")
            files = sorted((work / "alkaid/binary/src").rglob("*.v"))
            top = next(path for path in files if path.stem == "bench").read_text()
            results["alkaid"] = {"cycles": made["latency_cycles"]} | routed(
                files, "bench core (.clk(clk), .model_inp(x), .model_out(y));",
                port_bits(top, "input")["model_inp"], port_bits(top, "output")["model_out"], options.seeds, work)
    for name, result in results.items():
        print(f"{name}: {result['cells']:,} logic cells, {result['fmax_mhz']:.1f} MHz (median of "
              f"{', '.join(f'{mhz:.1f}' for mhz in result['fmax_mhz_all'])}), {result['cycles']} cycles")


if __name__ == "__main__":
    sys.exit(main())
