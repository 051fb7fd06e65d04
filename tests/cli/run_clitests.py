#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the *.clitest files: what the program prints, where, and with which exit code.

A file is a sequence of blocks. A block begins with a line `--- KIND [ARGUMENT]` and lasts until the next one;
text before the first block is a comment.

  --- file NAME     writes the block to NAME in the test's own folder (no final newline: `--- file NAME bare`)
  --- bytes NAME    the same, with the escapes of a Python bytes literal, line ends left out
  --- run [WHAT]    a bash script in that folder; `recforce` is on the PATH, so is `python3`. WHAT is for people
  --- stdout        what the script before must print; without the block its stdout is not looked at
  --- stderr        the same for stderr
  --- exit N        its exit code (0 without the block); the last block of a run, if there
  --- skip-unless S skips the rest of the file, saying why, where the bash script S fails

One empty line at the end of a block is layout. In expected text, `...` alone on a line stands for any lines, `<*>` for anything inside a line, `<tmp>` for the
test's folder and `<float>` for a number. Numbers with a decimal point may differ by 0.0006 or 0.2 %; all else
must be equal. `--overwrite` renews expected text that differs.
"""
import argparse
import ast
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

NUMBER = re.compile(r"(?<![\w.])[-+]?\d+\.\d+(?:[eE][-+]?\d+)?(?![\w.])")
PLACEHOLDER = re.compile(r"<\*>|<float>")
TIME_LIMIT_S = 120


class Block:
    def __init__(self, kind, argument, line):
        self.kind, self.argument, self.line, self.lines = kind, argument, line, []

    def text(self):
        return "".join(line + "\n" for line in self.lines)


def parse(path):
    header, blocks = [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("--- "):
            kind, _, argument = line[4:].partition(" ")
            if kind not in ("file", "bytes", "run", "stdout", "stderr", "exit", "skip-unless"):
                sys.exit(f"{path}:{number}: unknown block '{kind}'")
            blocks.append(Block(kind, argument.strip(), number))
        elif blocks:
            blocks[-1].lines.append(line)
        else:
            header.append(line)
    for block in blocks:
        if block.lines and block.lines[-1] == "":
            block.lines.pop()
    return header, blocks


def render(header, blocks):
    lines = list(header)
    for block in blocks:
        lines.append(f"--- {block.kind} {block.argument}".rstrip())
        lines.extend(block.lines)
        lines.append("")
    while lines and lines[-1] == "":
        lines.pop()
    return "\n".join(lines) + "\n"


def close(expected, found):
    return abs(expected - found) <= max(6e-4, 2e-3 * abs(expected))


def line_matches(expected, found):
    """Whole line; numbers with a decimal point within tolerance."""
    parts, numbers, place = [], [], 0
    tokens = sorted([*NUMBER.finditer(expected), *PLACEHOLDER.finditer(expected)], key=lambda token: token.start())
    for token in tokens:
        parts.append(re.escape(expected[place:token.start()]))
        place = token.end()
        if token.group() == "<*>":
            parts.append(".*")
        elif token.group() == "<float>":
            parts.append(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
        else:
            parts.append(r"([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)")
            numbers.append(float(token.group()))
    parts.append(re.escape(expected[place:]))
    match = re.fullmatch("".join(parts), found)
    return bool(match) and all(close(number, float(text)) for number, text in zip(numbers, match.groups()))


def text_matches(expected, found):
    if not expected:
        return not found
    if expected[0] == "...":
        return any(text_matches(expected[1:], found[skip:]) for skip in range(len(found) + 1))
    return bool(found) and line_matches(expected[0], found[0]) and text_matches(expected[1:], found[1:])


def execute(script, folder, environment):
    try:
        return subprocess.run(["bash", "-c", "set -u\n" + script], cwd=folder, env=environment, capture_output=True,
                              timeout=TIME_LIMIT_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None


def check(block, found_bytes, folder, overwrite):
    """What differs between a block's expected text and what was printed, or ""."""
    found = found_bytes.decode("utf-8", "backslashreplace").replace(str(folder), "<tmp>").splitlines()
    if text_matches(block.lines, found):
        return ""
    if overwrite:
        block.lines = found
        return ""
    return (f"line {block.line}: {block.kind} differs\n  expected\n" + "".join(f"    {line}\n" for line in block.lines) +
            "  found\n" + "".join(f"    {line}\n" for line in found))


def run_blocks(blocks, folder, environment, overwrite):
    """Problems of one file, and why the rest of it was skipped."""
    problems, index = [], 0
    while index < len(blocks):
        block = blocks[index]
        index += 1
        if block.kind in ("file", "bytes"):
            name, _, bare = block.argument.partition(" ")
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if block.kind == "bytes":
                target.write_bytes(ast.literal_eval('b"""' + "".join(block.lines) + '"""'))
            else:
                target.write_text(block.text()[:-1] if bare else block.text(), encoding="utf-8")
            continue
        if block.kind == "skip-unless":
            done = execute(block.argument, folder, environment)
            if done is None or done.returncode != 0:
                return problems, "skipped from line " + str(block.line) + ": " + " ".join(block.lines)
            continue
        if block.kind != "run":
            problems.append(f"line {block.line}: '{block.kind}' without a run before it")
            continue
        done = execute(block.text(), folder, environment)
        if done is None:
            problems.append(f"line {block.line}: no end after {TIME_LIMIT_S} s")
            break
        expected_exit, exit_block = 0, None
        while index < len(blocks) and blocks[index].kind in ("stdout", "stderr", "exit"):
            after = blocks[index]
            index += 1
            if after.kind == "exit":
                expected_exit, exit_block = int(after.argument), after
            else:
                problem = check(after, getattr(done, after.kind), folder, overwrite)
                if problem:
                    problems.append(problem)
        if done.returncode != expected_exit:
            if overwrite and exit_block:
                exit_block.argument = str(done.returncode)
            else:
                problems.append(f"line {block.line}: exit code {done.returncode}; expected {expected_exit}\n" +
                                done.stderr.decode("utf-8", "backslashreplace")[-2000:])
            if not overwrite:
                break  # what follows would fail for the same reason
    return problems, ""


def run_file(path, program, overwrite):
    header, blocks = parse(path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RECFORCE_")}
    environment["PATH"] = str(program.parent) + os.pathsep + environment.get("PATH", "")
    environment["LC_ALL"] = "C.UTF-8"
    with tempfile.TemporaryDirectory(prefix="clitest-") as folder:
        problems, skipped = run_blocks(blocks, pathlib.Path(folder), environment, overwrite)
    if overwrite and not problems:
        text = render(header, blocks)
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
    return problems, skipped


def main():
    parser = argparse.ArgumentParser(description="Runs the command-line tests.")
    parser.add_argument("paths", nargs="+", type=pathlib.Path, help="*.clitest files, or folders that hold them")
    parser.add_argument("--program", required=True, type=pathlib.Path, help="the recforce to test")
    parser.add_argument("--overwrite", action="store_true", help="renew expected text that differs")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    files = sorted(file for path in arguments.paths for file in ([path] if path.is_file() else path.glob("*.clitest")))
    if not files:
        sys.exit("no *.clitest file found")
    program = arguments.program.resolve()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = pool.map(lambda file: run_file(file, program, arguments.overwrite), files)
        for file, (problems, skipped) in zip(files, results):
            failed += bool(problems)
            print(f"{'FAILED' if problems else 'ok    '} {file.name}", flush=True)
            if skipped:
                print(f"skipped the rest of {file.name}: {skipped}")
            for problem in problems:
                print("  " + problem.replace("\n", "\n  "))
    print(f"{len(files) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
