import numpy as np
from sluice.pynq import Overlay, allocate

events = np.load("x.npy")

ov = Overlay("muon_pt/muon_pt.xclbin")
nn = ov.muon_pt_1

inp = allocate(events.shape, dtype="i2", target=ov.bank0)
out = allocate((len(events), 1), dtype="i2", target=ov.bank0)

inp[:] = np.clip(np.rint(events * 2**10), -(2**15), 2**15 - 1)
inp.sync_to_device()
nn.call(inp, out, len(events))
out.sync_from_device()

np.save("y.npy", out / 2**10)
