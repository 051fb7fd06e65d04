#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the cases of a ctest run: gtest cases, command-line cases and fuzz replays alike.

Reads BUILD/tests.xml (ctest --output-junit), prints a line for each suite, every skipped case with its reason and
what failing cases printed, and closes with `N passed, N failed`. Exits 1 when a case failed or none ran.
A suite that is no gtest program is counted by its own closing line `N passed, N failed[, N skipped]`, and lines
`skipped NAME: reason`; without such a line it is one case.

Usage: tools/test_summary.py BUILD
"""
import dataclasses
import pathlib
import re
import sys
import xml.etree.ElementTree

RUN = re.compile(r"^\[ RUN      \] (\S+)")
END = re.compile(r"^\[  (     OK|FAILED|SKIPPED) +\] ([^\s,]+).*\(\d+ ms\)")
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?")
SKIPPED = re.compile(r"^skipped (.+)$")
TAIL = 80  # lines shown of a failing suite that does not say which case failed


@dataclasses.dataclass
class Suite:
    name: str
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: list[str] = dataclasses.field(default_factory=list)
    details: list[str] = dataclasses.field(default_factory=list)


def read_gtest(suite: Suite, lines: list[str]) -> None:
    block: list[str] = []
    open_case = ""
    for line in lines:
        started, ended = RUN.match(line), END.match(line)
        if started:
            open_case, block = started.group(1), []
        block.append(line)
        if not ended or not open_case:
            continue
        result, open_case = ended.group(1).strip(), ""
        if result == "OK":
            suite.passed += 1
        elif result == "FAILED":
            suite.failed += 1
            suite.details += block
        else:
            reason = " ".join(text.strip() for text in block[1:-1] if not text.rstrip().endswith(": Skipped"))
            suite.skipped.append(f"{ended.group(2)}: {reason.strip() or 'no reason given'}")
    if open_case:
        suite.failed += 1
        suite.details += [*block[-TAIL:], f"{suite.name}: ended in the middle of {open_case}"]


def read_plain(suite: Suite, lines: list[str], passed: bool) -> None:
    counts = [found for found in map(COUNTS.match, lines) if found]
    if counts:
        suite.passed, suite.failed = int(counts[-1].group(1)), int(counts[-1].group(2))
    elif passed:
        suite.passed = 1
    suite.skipped += [found.group(1) for found in map(SKIPPED.match, lines) if found]
    if suite.failed:
        suite.details += lines[-TAIL:]


def read_suite(case: xml.etree.ElementTree.Element) -> Suite:
    suite = Suite(case.get("name", "?"), float(case.get("time", "0")))
    lines = (case.findtext("system-out") or "").splitlines()
    if case.find("skipped") is not None:
        suite.skipped.append(f"{suite.name}: {case.find('skipped').get('message', 'no reason given')}")
        return suite
    passed = case.find("failure") is None and case.get("status") == "run"
    if any(RUN.match(line) for line in lines):
        read_gtest(suite, lines)
    else:
        read_plain(suite, lines, passed)
    if not passed and suite.failed == 0:
        suite.failed = 1
        suite.details += [*lines[-TAIL:], f"{suite.name}: the program itself failed"]
    return suite


def main() -> int:
    root = xml.etree.ElementTree.parse(pathlib.Path(sys.argv[1]) / "tests.xml").getroot()
    suites = [read_suite(case) for case in root.iter("testcase")]
    for suite in suites:
        if suite.details:
            print(f"---- {suite.name}", *suite.details, sep="\n")
    width = max((len(suite.name) for suite in suites), default=0)
    for suite in suites:
        skipped = f", {len(suite.skipped)} skipped" if suite.skipped else ""
        print(f"{suite.name:<{width}}  {suite.passed:>4} passed, {suite.failed} failed{skipped}  {suite.seconds:.1f} s")
    for suite in suites:
        for reason in suite.skipped:
            print(f"skipped {reason}")
    passed, failed = sum(suite.passed for suite in suites), sum(suite.failed for suite in suites)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
