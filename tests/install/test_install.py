"""The installed tree serves another project and needs neither source nor build folder.

usage: test_install.py SOURCE BUILD
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(sys.argv.pop(2)).resolve()
SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()
MODEL = SOURCE / "tests" / "data" / "qkeras_tiny.h5"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-install-"))
        cls.prefix = cls.folder / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        cls.environment = dict(os.environ, TMPDIR=str(cls.folder))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_another_project_finds_and_uses_it(self):
        run("cmake", "-S", SOURCE / "tests" / "install", "-B", self.folder / "consumer", "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={self.prefix}")
        run("cmake", "--build", self.folder / "consumer")
        output = run(self.folder / "consumer" / "consumer", MODEL, self.folder / "package",
                     env=dict(self.environment, SLUICE_CARD_FOLDER=str(self.prefix / "libexec" / "sluice")))
        self.assertGreater(len(output.split()), 0)
        for number in output.split():
            float(number)

    def test_the_installed_program_compiles_and_verifies(self):
        sluice = self.prefix / "bin" / "sluice"
        package = self.folder / "tiny"
        run(sluice, "compile", MODEL, "-o", package, "--no-simulator", env=self.environment)
        text = run(sluice, "verify", package, "--samples", 2000, "--json", env=self.environment)
        self.assertIn('"passed": true', text)

    def test_the_installed_python_package_works(self):
        found = [path.parent.parent for path in self.prefix.glob("lib/python3*/dist-packages/sluice/__init__.py")]
        if not found:
            self.skipTest("built without the Python package")
        program = ("import sys, numpy, sluice; model = sluice.compile(sys.argv[1], name='tiny'); "
                   "package = model.package(sys.argv[2], simulator=False); "
                   "x = numpy.ones((3, *model.input_shape)); "
                   "assert (sluice.Session(package).predict(x) == model.predict(x)).all()")
        run("/usr/bin/python3", "-B", "-c", program, MODEL, self.folder / "python",
            env=dict(self.environment, PYTHONPATH=str(found[0])))

    def test_nothing_installed_knows_the_build_machine(self):
        for path in self.prefix.rglob("*.cmake"):
            text = path.read_text()
            self.assertNotIn(str(BUILD), text, path)
            self.assertNotIn(str(SOURCE), text, path)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
