"""Includes follow the arrows of ARCHITECTURE.md, and the tree is the one it shows.

usage: test_includes.py REPOSITORY
"""
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ".")
ROW = re.compile(r"^\| `([^`]+)` \|.*\| ([^|]*) \|$")
INCLUDE = re.compile(r'^\s*#\s*include\s+"(?:sluice/([a-z_]+)|(card))/')
SOURCES = {".cpp", ".hpp", ".h"}


def read_arrows():
    """Folder -> folders that it may include, as the table of ARCHITECTURE.md lists them."""
    arrows = {}
    for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines():
        match = ROW.match(line)
        if match:
            names = re.findall(r"`([^`]+)`", match.group(2))
            arrows[match.group(1)] = {name.rstrip("/") for name in names}
    return arrows


def reachable(arrows, folder):
    seen, todo = set(), [folder]
    while todo:
        for target in arrows.get(todo.pop(), ()):
            if target not in seen:
                seen.add(target)
                todo.append(target)
    return seen


def includes_of(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) or match.group(2)


class Arrows(unittest.TestCase):
    def setUp(self):
        self.arrows = read_arrows()

    def test_table_names_every_folder(self):
        listed = {name.rstrip("/").split("/")[-1] for name in self.arrows if name.startswith("src/sluice/")}
        found = {p.name for p in (ROOT / "src/sluice").iterdir() if p.is_dir()}
        self.assertEqual(listed, found)

    def test_there_is_no_cycle(self):
        for folder in self.arrows:
            self.assertNotIn(folder, reachable(self.arrows, folder), folder)

    def test_includes_follow_the_arrows(self):
        wrong, checked = [], 0
        for listed in self.arrows:
            allowed = {p.split("/")[-1] for p in reachable(self.arrows, listed)}
            allowed.add(listed.rstrip("/").split("/")[-1])
            for path in sorted((ROOT / listed).rglob("*")):
                # Test support may look at anything below it; a test includes what it compares with.
                is_test = path.stem.endswith("_test") or {"tests", "testing"} & set(path.parts)
                if path.suffix not in SOURCES or is_test:
                    continue
                for number, target in includes_of(path):
                    checked += 1
                    if target not in allowed:
                        wrong.append(f"{path.relative_to(ROOT)}:{number}: includes {target}")
        self.assertGreater(checked, 20)
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
