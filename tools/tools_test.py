#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the tools in this folder: each plants what a tool must find. Run: python3 tools/tools_test.py"""
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.sax.saxutils

TOOLS = pathlib.Path(__file__).resolve().parent
LINE = "// SPDX-License-Identifier: Apache-2.0\n"


class ToolTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run_tool(self, name, *arguments):
        done = subprocess.run([sys.executable, TOOLS / name, *arguments, self.root], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout.splitlines()


class LayersTest(ToolTest):
    def breaches(self, name, include):
        for header in ("src/nn/torch.h", "src/algos/ract/a.h", "src/algos/ease/b.h", "src/algos/register_all.h",
                       "src/train/run.h", "include/recforce/eval/metrics.h", "include/recforce/base/error.h"):
            self.write(header, LINE)
        self.write(name, LINE + f"#include {include}\n")
        status, lines = self.run_tool("check_layers.py")
        (self.root / name).unlink()
        self.assertEqual(status, 1 if len(lines) > 1 else 0)
        return lines[:-1]

    def test_allowed(self):
        self.assertEqual(self.breaches("src/train/run.cpp", '"recforce/eval/metrics.h"'), [])
        self.assertEqual(self.breaches("src/cli/main.cpp", '"algos/register_all.h"'), [])
        self.assertEqual(self.breaches("src/algos/ract/a.cpp", '"nn/torch.h"'), [])
        self.assertEqual(self.breaches("src/data/x.cpp", "<nlohmann/json.hpp>"), [])

    def test_a_room_below_includes_one_above(self):
        self.assertEqual(self.breaches("src/data/x.cpp", '"recforce/eval/metrics.h"'),
                         ["src/data/x.cpp:2: room 'data' may not include 'eval' (allowed: base, config)"])

    def test_the_program_has_one_door(self):
        self.assertEqual(self.breaches("src/cli/main.cpp", '"algos/ract/a.h"'),
                         ["src/cli/main.cpp:2: room 'cli' may not include 'algos' "
                          "(allowed: base, config, data, model, core, eval, ope, sim, train, report)"])

    def test_algorithms_stay_apart(self):
        self.assertEqual(self.breaches("src/algos/ract/a.cpp", '"algos/ease/b.h"'),
                         ["src/algos/ract/a.cpp:2: algorithm 'ract' includes algorithm 'ease'; "
                          "move the shared part to nn/ or algos/common/"])

    def test_torch_outside_the_funnel(self):
        self.assertEqual(len(self.breaches("src/algos/ract/a.cpp", "<torch/torch.h>")), 1)
        self.assertEqual(len(self.breaches("src/eval/a.cpp", "<ATen/ATen.h>")), 1)

    def test_headers(self):
        self.assertEqual(len(self.breaches("include/recforce/base/x.h", '"train/run.h"')), 2)
        self.assertEqual(len(self.breaches("src/data/x.h", "<nlohmann/json.hpp>")), 1)
        self.assertEqual(len(self.breaches("src/data/x.cpp", '"x.h"')), 1)

    def test_unknown_room(self):
        self.write("src/shed/a.cpp", LINE)
        self.assertEqual(self.run_tool("check_layers.py")[0], 1)


class DocsTest(ToolTest):
    def problems(self, name, text):
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)
        self.write(name, text)
        return self.run_tool("check_docs.py")[1][:-1]

    def test_links(self):
        self.assertEqual(self.problems("a.md", "# One two\n[x](a.md#one-two) [y](https://example.org)\n"), [])
        self.assertEqual(self.problems("b.md", "[x](c.md)\n"), ["b.md:1: link leads nowhere: 'c.md'"])
        self.assertEqual(self.problems("b.md", "[x](a.md#three)\n"), ["b.md:1: no such heading: 'a.md#three'"])

    def test_sources(self):
        self.assertEqual(self.problems("a.cpp", "int a;\n"),
                         ["a.cpp:1: the first lines lack 'SPDX-License-Identifier: Apache-2.0'"])
        self.assertEqual(self.problems("a.cpp", LINE + "// caf\u00e9\n"),
                         ["a.cpp:2: not ASCII; write escapes in sources"])

    def test_words(self):
        open_end = "// TO" + "DO: later\n"
        self.assertEqual(self.problems("a.cpp", LINE + open_end),
                         ["a.cpp:2: open end without an issue number: 'TO" + "DO'"])
        self.assertEqual(self.problems("a.cpp", LINE + open_end.replace("later", "#12")), [])


class SizeTest(ToolTest):
    def test_limits(self):
        subprocess.run(["git", "init", "-q"], cwd=self.root, check=True)
        self.write("a.cpp", "\n" * 800)
        self.write("a_test.cpp", "\n" * 1200)
        self.assertEqual(self.run_tool("check_file_size.py")[0], 0)
        self.write("a.cpp", "\n" * 801)
        self.assertEqual(self.run_tool("check_file_size.py"), (1, ["a.cpp: 801 lines; at most 800 are allowed",
                                                                   "sizes: 1 file(s) too long"]))


class SummaryTest(ToolTest):
    def summary(self, *cases):
        body = "".join(f'<testcase name="{name}" time="1.0" status="{status}">'
                       f'{"" if status == "run" else "<failure/>"}'
                       f"<system-out>{xml.sax.saxutils.escape(out)}</system-out></testcase>"
                       for name, status, out in cases)
        self.write("tests.xml", f"<testsuite>{body}</testsuite>")
        return self.run_tool("test_summary.py")

    def test_counts_of_all_kinds(self):
        gtest = ("[ RUN      ] A.Good\n[       OK ] A.Good (0 ms)\n"
                 "[ RUN      ] A.Skips\na_test.cpp:3: Skipped\nno data\n\n[  SKIPPED ] A.Skips (0 ms)\n")
        self.assertEqual(self.summary(("unit", "run", gtest), ("cli", "run", "skipped full_disk: not root\n"
                                                               "12 passed, 0 failed, 1 skipped\n"),
                                      ("fuzz_csv", "run", "")),
                         (0, ["unit         1 passed, 0 failed, 1 skipped  1.0 s",
                              "cli         12 passed, 0 failed, 1 skipped  1.0 s",
                              "fuzz_csv     1 passed, 0 failed  1.0 s",
                              "skipped A.Skips: no data", "skipped full_disk: not root", "14 passed, 0 failed"]))

    def test_failures_are_shown(self):
        failing = "[ RUN      ] A.Bad\na_test.cpp:3: Failure\n[  FAILED  ] A.Bad, where x = 1 (0 ms)\n"
        status, lines = self.summary(("unit", "fail", failing))
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"))
        self.assertIn("a_test.cpp:3: Failure", lines)

    def test_a_crash_is_a_failure(self):
        status, lines = self.summary(("unit", "fail", "[ RUN      ] A.Dies\n"))
        self.assertEqual((status, lines[-1]), (1, "0 passed, 1 failed"))
        self.assertEqual(self.summary(("unit", "fail", ""))[1][-1], "0 passed, 1 failed")

    def test_no_test_is_no_success(self):
        self.assertEqual(self.summary()[0], 1)


if __name__ == "__main__":
    unittest.main()
