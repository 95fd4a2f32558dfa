#!/usr/bin/env python3
"""The commands of README.md, "From a model file to a card", in one go and as they stand there."""
import os
import re
import shlex

import numpy as np

import support
from support import MUON, SOURCE, Case, run


def commands():
    section = re.search(r"(?ms)^## From a model file to a card\n(.*?)^## ", (SOURCE / "README.md").read_text())[1]
    block = re.search(r"(?ms)^```\n(.*?)^```$", section)[1]
    return [line for line in block.splitlines() if line.strip()]


class Readme(Case):
    def test_commands(self):
        """In a folder that holds what the text takes for granted: examples/, x.npy and a host program."""
        (self.folder / "examples").symlink_to(SOURCE / "examples")
        with np.load(MUON / "vectors.npz") as recorded:
            x, y = recorded["x"], recorded["y"]
        self.save("x.npy", x)
        (self.folder / "host").symlink_to(support.program("host_xrt"))
        path = f"{support.program('sluice').parent}:{os.environ['PATH']}"
        seen = []
        for command in commands():
            with self.subTest(command):
                words = shlex.split(command, comments=True)
                self.assertEqual(words[0], "sluice")
                seen.append(words[1])
                if words[1] == "card":  # the host reads mantissas
                    self.save("x.npy", np.rint(x.astype(np.float64) * 2**10).astype(np.int16))
                self.succeed(run("/bin/sh", "-ec", command, cwd=self.folder, timeout=240, PATH=path))
                if words[1] == "run":
                    self.assertEqual(np.abs(np.load(self.folder / "y.npy") - y).max(), 0)
                if words[1] == "card":
                    self.assertEqual(len(np.load(self.folder / "y.npy")), len(x))
        self.assertEqual(seen, ["compile", "inspect", "estimate", "verify", "run", "card", "doctor"])


if __name__ == "__main__":
    support.main()
