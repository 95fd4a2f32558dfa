"""Builds one network in text form with alkaid, with two-operand and with ternary adders.

usage: bench_synth_alkaid.py NETWORK STAGES FOLDER     prints one JSON object; Verilog in FOLDER/binary, FOLDER/ternary
"""
import json
import math
import re
import sys
import time
from pathlib import Path

import numpy as np
from alkaid.codegen.rtl.rtl_model import RTLModel
from alkaid.trace import FVArrayInput, HWConfig, trace
from alkaid.trace.passes import add_surrogate, dead_code_elimin, fuse_ternary_adders

HARD_DC = 2  # adder levels above the least, alkaid's usual choice
ADD, SUBTRACT, TERNARY = 0, 1, 11  # its operation codes


def kif(text):
    """`s16.10` as alkaid's sign, integer and fractional bits."""
    sign, width, frac = re.fullmatch(r"([su])(\d+)\.(-?\d+)", text).groups()
    signed = sign == "s"
    return signed, int(width) - int(frac) - signed, int(frac)


def integers(text):
    return np.array(json.loads(text), dtype=np.float64)


def quantised(values, quantizers):
    """All elements by one quantiser, or each by its own; all round and saturate alike."""
    formats = np.array([kif(text) for text, _, _ in quantizers])
    kinds = {(overflow, rounding) for _, rounding, overflow in quantizers}
    if len(kinds) != 1:
        sys.exit("SKIP: elements that round or overflow differently")
    return values.quantize(*(formats.T if len(formats) > 1 else formats[0]), *kinds.pop())


def build(network):
    values, output = {}, None
    for line in network.splitlines():
        if found := re.match(r'layer "(.*?)" = input shape \[(.*?)\] as (\S+)', line):
            elements = math.prod(int(extent) for extent in found[2].split(","))
            x = FVArrayInput(elements, HWConfig(1, -1, -1), {"hard_dc": HARD_DC})
            values[found[1]] = x.quantize(*kif(found[3]))
        elif found := re.match(r'layer "(.*?)" = dense "(.*?)" inputs (\d+) units (\d+) weights (-?\d+) (\[.*?\])'
                               r'(?: bias (-?\d+) (\[.*?\]))?', line):
            weights = integers(found[6]).reshape(int(found[3]), int(found[4])) * 2.0 ** -int(found[5])
            y = values[found[2]] @ weights
            values[found[1]] = y + integers(found[8]) * 2.0 ** -int(found[7]) if found[8] else y
        elif found := re.match(r'layer "(.*?)" = quantize "(.*?)" as (.*)', line):
            values[found[1]] = quantised(values[found[2]], re.findall(r"([su]\d+\.-?\d+) (\w+) (\w+)", found[3]))
        elif found := re.match(r'layer "(.*?)" = affine "(.*?)" scale (-?\d+) (\[.*?\]) offset (-?\d+) (\[.*?\])', line):
            scale = integers(found[4]) * 2.0 ** -int(found[3])
            values[found[1]] = values[found[2]] * scale + integers(found[6]) * 2.0 ** -int(found[5])
        elif found := re.match(r'layer "(.*?)" = clamp "(.*?)" frac \d+ lower 0 ', line):
            values[found[1]] = values[found[2]].relu()
        elif found := re.match(r'layer "(.*?)" = reshape "(.*?)"', line):
            values[found[1]] = values[found[2]]
        elif found := re.match(r'output "(.*?)"', line):
            output = values[found[1]]
        elif not line.startswith("network"):
            sys.exit(f"SKIP: a layer that this comparison does not know: {line[:80]}")
    inputs = next(iter(values.values()))
    return inputs, output


def adder_depth(program):
    """Sums on the longest path, of two or of three operands."""
    depths = []
    for op in program.ops:
        own = 1 if op.opcode in (ADD, SUBTRACT, TERNARY) else 0
        depths.append(own + max((depths[operand] for operand in op.input_ids), default=0))
    return max(depths, default=0)


def main():
    network, stages, folder = Path(sys.argv[1]).read_text(), int(sys.argv[2]), Path(sys.argv[3])
    start = time.process_time()
    inputs, output = build(network)
    binary = trace(inputs, output)
    seconds = time.process_time() - start
    ternary = add_surrogate(dead_code_elimin(fuse_ternary_adders(binary)))
    binary = add_surrogate(binary)
    for name, fuse in (("binary", False), ("ternary", True)):
        RTLModel(binary, folder / name, "bench", n_stages=stages, ternary_fuse=fuse).write()
    sums = [op for op in ternary.ops if op.opcode in (ADD, SUBTRACT, TERNARY)]
    print(json.dumps({"input_bits": int(np.sum(inputs.kif)), "adders": len(sums), "adder_depth": adder_depth(ternary),
                      "optimise_s": seconds, "lut_model_binary": binary.cost, "lut_model_ternary": ternary.cost}))


if __name__ == "__main__":
    main()
