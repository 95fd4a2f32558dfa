#!/usr/bin/env python3
"""Help, version and doctor."""
import re

import support
from support import Case, sluice

COMMANDS = ["compile", "run", "verify", "inspect", "compare", "estimate", "bench", "card", "doctor"]


class Help(Case):
    def test_of_the_program(self):
        help_text = self.succeed(sluice("--help")).out
        listed = re.findall(r"^  ([a-z]+)  ", help_text.split("Subcommands:")[1], re.MULTILINE)
        self.assertEqual(listed, COMMANDS)
        self.assertRegex(help_text, r"(?m)^Example: sluice \S")

    def test_of_each_command(self):
        for command in COMMANDS:
            with self.subTest(command):
                finished = self.succeed(sluice(command, "--help"))
                self.assertIn(f"Usage: sluice {command}", finished.out)
                self.assertRegex(finished.out, rf"(?m)^Example: sluice .*\b{command}\b")
                self.assertEqual(finished.err, "")

    def test_examples_use_options_that_exist(self):
        for command in COMMANDS:
            help_text = sluice(command, "--help").out + sluice("--help").out  # --json belongs to all
            example = re.search(r"(?m)^Example: .*", help_text)[0]
            own = example[example.index(f" {command}") + 1:]
            own = own[:own.index(" -- ")] if " -- " in own else own
            for option in re.findall(r"(?<= )--?[a-z-]+", own):
                with self.subTest(command=command, option=option):
                    self.assertRegex(help_text, rf"(?m)^  ([^ ]*,)?{option}\b")

    def test_version(self):
        version = (support.SOURCE / "CMakeLists.txt").read_text()
        version = re.search(r"project\(\w+ VERSION (\S+)", version, re.IGNORECASE)[1]
        self.assertEqual(self.succeed(sluice("--version")).out, version + "\n")
        self.assertEqual(sluice("doctor", "--json").json()["version"], version)


class Doctor(Case):
    def test_text_and_json_agree(self):
        finished = self.succeed(sluice("doctor", "--json"))
        self.assertEqual(finished.err, "")
        tools = finished.json()["tools"]
        lines = self.succeed(sluice("doctor")).out.splitlines()[1:]
        self.assertEqual(len(lines), len(tools))
        for line, tool in zip(lines, tools):
            self.assertEqual(sorted(tool), ["enables", "found", "name", "package", "path"])
            self.assertTrue(line.startswith("ok " if tool["found"] else "missing "), line)
            self.assertIn(tool["name"], line)
            self.assertIn(tool["enables"], line)
            self.assertEqual(bool(tool["path"]), tool["found"])


if __name__ == "__main__":
    support.main()
