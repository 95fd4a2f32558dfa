#!/usr/bin/env python3
"""The whole demonstration on few muons: demo_test.py BUILD."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = None


class Demo(unittest.TestCase):
    def test_walks_to_the_report(self):
        with tempfile.TemporaryDirectory() as name:
            output = pathlib.Path(name) / "demo"
            done = subprocess.run([sys.executable, HERE / "demo.py", "--build", BUILD, "--output", output, "--events",
                                   "2000", "--card-events", "500", "--calls", "50", "--study-events", "30000"],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            report = json.loads((output / "report.json").read_text())
            self.assertEqual([row["differing"] for row in report["verify"]["engines"] + report["card"]],
                             [0] * (len(report["verify"]["engines"]) + 4))
            self.assertEqual(report["study"]["resolution"]["card_and_cpu"]["identical"], 2000)
            self.assertEqual(report["study"]["quantisation"]["identical_exact_and_card"], 2000)
            page = (output / "report.html").read_text()
            pictures = [path for folder in ("study", "formats") for path in (output / folder).glob("*.svg")]
            self.assertEqual(page.count("<figure>"), len(pictures) + len(report["latency"]["modes"]))
            self.assertEqual(len(pictures), 11)
            for path in pictures:
                self.assertTrue(path.with_suffix(".png").exists(), path)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
