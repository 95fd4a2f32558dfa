#!/usr/bin/env python3
"""Opens a small report in headless Chromium: every figure is there, no script fails, nothing is fetched.

Needs Debian's chromium, chromium-driver and python3-selenium.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
PLOT = HERE.parents[1] / "src" / "sluice" / "cli" / "latency_plot.py"
sys.path.insert(0, str(HERE))
import report  # noqa: E402

from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.options import Options  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
FIGURES = {"Figure 1, hw_emu", "Figure 1, noop", "Figure 2a", "Figure 2b", "Relative residual, 3 to 40",
           "Relative residual, 40 to 120", "Half-width, median", "Turn-on", "The same at 22 GeV",
           "Rate against threshold", "pT in each number format", "Left: shift",
           "Relative residuals in each number format"}


def start_browser(folder):
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    # Without the sandbox, which needs rights that containers withhold: the page is our own.
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND",
                     f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def inspect(browser, path):
    """What the page at `path` does: {images, requests, errors, overflow_px}."""
    browser.get("about:blank")
    for kind in ("performance", "browser"):
        browser.get_log(kind)
    browser.get(path.as_uri())
    images = browser.execute_async_script("""
        const done = arguments[0];
        const waits = [...document.images].map(i => i.decode().catch(() => 0));
        Promise.all(waits).then(() => done([...document.images].map(i => [i.alt, i.naturalWidth])));""")
    requests = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] not in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            continue
        url = message["params"].get("request", message["params"])["url"]
        # The browser's own start page may still be loading; what it fetches belongs to its own document.
        of_page = message["params"].get("documentURL", path.as_uri()) == path.as_uri()
        if of_page and url != path.as_uri() and not url.startswith("data:"):
            requests.append(url)
    errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    overflow = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    return {"images": images, "requests": requests, "errors": errors, "overflow_px": overflow}


def write_columns(folder):
    rng = np.random.default_rng(1)
    recorded = np.load(HERE / "model" / "vectors.npz")
    y = recorded["y"].reshape(-1)
    for name, pt in (("flat", rng.uniform(3, 200, 4000)), ("logflat", 2 * 60 ** rng.random(20_000))):
        output = np.round(1024 * (np.log2(pt) - 5 + rng.normal(0, 0.15, pt.size))) / 1024
        np.savez(folder / f"{name}.npz", pt=pt, l1_pt=pt * rng.normal(1.1, 0.3, pt.size), y=output,
                 density_power=np.array([1 if name == "logflat" else 0]))
        np.save(folder / f"{name}.npy", output)
    np.savez(folder / "formats.npz", x=recorded["x"], pt=np.exp2(y + 5) * rng.normal(1, 0.1, y.size))
    np.save(folder / "formats.npy", y)


def run_study(folder, output, *arguments):
    subprocess.run([sys.executable, HERE / "study.py", *arguments, "--output", folder / output], cwd=folder, check=True)
    return json.loads((folder / output / "study.json").read_text())


def write_latency(folder):
    """Made-up times, and the figures that the product's own program draws of them."""
    folder.mkdir()
    rng = np.random.default_rng(2)
    for mode in ("hw_emu", "noop"):
        samples = {f"{span}_us": rng.gamma(3, 10, 200).tolist() for span in ("injection", "inference", "extraction")}
        run = {"program": "xrt", "emulated": True, "device": {"emulation": mode}, "kernel": "k", "batch_events": 1,
               "samples": samples}
        (folder / "samples.json").write_text(json.dumps(run))
        subprocess.run([sys.executable, PLOT, folder / "samples.json", "--output", folder / f"latency_{mode}.svg"],
                       check=True)
    row = {"injection_us": 1, "inference_us": 2, "extraction_us": 1, "total_us": 4, "total_p99_us": 5}
    over = {"over_xrt": {"ratio": 1, "low": 0.9, "high": 1.1}}
    return {"calls": 200, "modes": {mode: {"xrt": row, "sluice": row | over} for mode in ("hw_emu", "noop")}}


def write_report(folder):
    """A report like that of the demonstration, with made-up kernel and times."""
    write_columns(folder)
    study = run_study(folder, "study", "--columns", "flat.npz", "--card", "flat.npy", "--trigger", "logflat.npz")
    study.update(run_study(folder, "formats", "--quantisation", "formats.npz", "--card", "formats.npy"))
    latency = write_latency(folder / "latency")
    port = {"event_bytes": 2, "format": "s16.10"}
    sample = {"events": 4000, "spectrum": "flat", "pt_range_gev": [3, 200], "seed": 1, "simulation_seconds": 0.1,
              "features_seconds": 0.1, "inference_seconds": 0.1}
    content = {"manifest": {"latency_cycles": 21, "clock_mhz": 200, "source": {"file": "m.h5"}, "input": port,
                            "initiation_interval_cycles": 1, "output": port},
               "estimate": {"total": {"lut": 1, "ff": 1}}, "study": study, "latency": latency,
               "card": [{"mode": "hw_emu", "host": "host", "events": 10, "differing": 0}],
               "verify": {"engines": [{"engine": "rtl", "events": 10, "differing": 0}]},
               "samples": {"resolution": sample}}
    report.write_html(content, folder)
    return folder / "report.html"


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.browser = start_browser(cls.folder)
        cls.addClassCleanup(cls.browser.quit)

    def test_every_figure_is_inside_and_nothing_is_fetched(self):
        found = inspect(self.browser, write_report(self.folder))
        self.assertEqual(found["requests"], [])
        self.assertEqual(found["errors"], [])
        captions = [alt for alt, _ in found["images"]]
        for figure in FIGURES:
            self.assertEqual(sum(caption.startswith(figure) for caption in captions), 1, figure)
        self.assertEqual(len(captions), len(FIGURES))
        self.assertEqual([alt for alt, width in found["images"] if width <= 0], [])
        self.assertLessEqual(found["overflow_px"], 0, "the page is wider than a phone")

    def test_the_inspection_sees_what_is_wrong(self):
        page = self.folder / "wrong.html"
        page.write_text('<!DOCTYPE html><meta name="viewport" content="width=device-width">'
                        '<link rel="icon" href="data:,"><img alt="a" src="data:image/svg+xml;base64,AAAA">'
                        '<img alt="b" src="http://sluice.invalid/x.png"><div style="width:2000px">x</div>'
                        '<script>missing_function()</script>')
        found = inspect(self.browser, page)
        self.assertEqual(found["images"], [["a", 0], ["b", 0]])
        self.assertEqual(found["requests"], ["http://sluice.invalid/x.png"])
        self.assertTrue(any("missing_function" in message for message in found["errors"]), found["errors"])
        self.assertGreater(found["overflow_px"], 0)


if __name__ == "__main__":
    unittest.main()
