"""A machine without XRT: engine and rtl work, and xrt says what to install.

In a mount namespace of its own the folder of libraries gets a layer in which XRT's are deleted.
"""
import os
import pathlib
import subprocess
import sys

import pytest

HIDE_XRT = """
set -e
mkdir -p "$1" && mount -t tmpfs tmpfs "$1" && mkdir "$1/upper" "$1/work"
for folder in /usr/lib/x86_64-linux-gnu /usr/lib/aarch64-linux-gnu; do
  [ -d $folder ] || continue
  mount -t overlay overlay -o "lowerdir=$folder,upperdir=$1/upper,workdir=$1/work" $folder
  rm -rf $folder/libxrt* $folder/libxilinxopencl*
done
shift
exec "$@"
"""
PROGRAM = """
import sys
import numpy as np
import sluice
from sluice import pynq
package = sluice.Package(sys.argv[1])
x = np.random.default_rng(1).normal(size=(32, 4))
engine, rtl = (sluice.Session(package, uri).predict(x) for uri in ("engine", "rtl"))
assert (engine == rtl).all()
assert [device.uri for device in pynq.Device.devices] == ["engine", "rtl"]
for use in (lambda: sluice.Session(package, "xrt:0"), lambda: pynq.Overlay(str(package.xclbin), device="xrt:0")):
    try:
        use()
    except sluice.DeviceError as error:
        assert error.code == "E-RUNTIME-008" and "apt-get install libxrt1" in error.hint, error
    else:
        sys.exit("a card without XRT")
"""
TESTS = ("test_model.py", "test_session.py", "test_pynq.py")


@pytest.fixture
def hidden(tmp_path):
    """A command line's beginning that hides XRT from what follows."""
    command = ["unshare", "-m", "sh", "-c", HIDE_XRT, "hide", str(tmp_path / "layer")]
    if subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        pytest.skip("XRT cannot be hidden here: it takes the right to mount")
    return command


def test_engine_and_rtl_work_without_xrt(hidden, packages):
    subprocess.run([*hidden, sys.executable, "-B", "-c", PROGRAM, packages / "tiny"], check=True)


def test_the_others_pass_without_xrt(hidden):
    folder = pathlib.Path(__file__).parent
    subprocess.run([*hidden, sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                    *(folder / name for name in TESTS)], check=True, env=dict(os.environ))
