#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the documents tell the truth and that every file is in order.

  links      every relative link and #anchor in a Markdown file leads somewhere
  generated  docs/parameters.md and docs/errors.md equal what the program prints, and the README names every model
  licence    every source file starts with its SPDX line
  words      no open ends without an issue number, no paths of one person's machine, no advertising
  ascii      sources are ASCII, so that they look the same everywhere

Usage: tools/check_docs.py [--program build/release/bin/recforce] [--write] [ROOT]
Without --program the generated documents are left unchecked; --write renews them.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

GENERATED = {"docs/parameters.md": ["docs", "parameters"], "docs/errors.md": ["docs", "errors"]}
SOURCES = (".h", ".cpp", ".inc", ".py", ".cmake", ".sh")
SOURCE_NAMES = ("dev", "run", "CMakeLists.txt", ".clang-tidy")
SPDX = "SPDX-License-Identifier: Apache-2.0"
# Test data may hold any bytes; the licence has its own words.
UNREAD = re.compile(r"^(tests/fuzz/(corpus|crashes)/|LICENSE$)")
SELF = "tools/check_docs.py"
WORDS = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!.*#\d)"), "open end without an issue number"),
    (re.compile(r"(?<![\w.}])/(home|root|Users|work)/\w"), "path of one person's machine"),
    (re.compile(r"\b(blazing|seamless\w*|cutting[- ]edge|world[- ]class|state[- ]of[- ]the[- ]art|game[- ]chang\w+)\b",
                re.IGNORECASE), "advertising"),
]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")


def tracked_files(root: pathlib.Path) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            check=True, capture_output=True).stdout.decode()
    return [name for name in sorted(filter(None, listed.split("\0"))) if (root / name).is_file()]


def prose_lines(text: str):
    """Yields (number, line) of Markdown outside fenced code."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of the headings of a Markdown text."""
    found: set[str] = set()
    for _, line in prose_lines(text):
        heading = HEADING.match(line)
        if not heading:
            continue
        slug = re.sub(r"[^\w\- ]", "", heading.group(1).lower()).replace(" ", "-")
        number = 0
        unique = slug
        while unique in found:
            number += 1
            unique = f"{slug}-{number}"
        found.add(unique)
    return found


def check_links(root: pathlib.Path, name: str, text: str):
    for number, line in prose_lines(text):
        for target in LINK.findall(re.sub(r"`[^`]*`", "", line)):
            if re.match(r"^[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            place = (root / name).parent / path if path else root / name
            if not place.exists():
                yield f"{name}:{number}: link leads nowhere: '{target}'"
            elif anchor and place.suffix == ".md" and anchor not in anchors(place.read_text(encoding="utf-8")):
                yield f"{name}:{number}: no such heading: '{target}'"


def check_text(name: str, text: str):
    is_source = name.endswith(SOURCES) or pathlib.PurePath(name).name in SOURCE_NAMES
    lines = text.splitlines()
    if is_source and not any(SPDX in line for line in lines[:2]):
        yield f"{name}:1: the first lines lack '{SPDX}'"
    for number, line in enumerate(lines, 1):
        if is_source and not line.isascii():
            yield f"{name}:{number}: not ASCII; write escapes in sources"
        if name != SELF:
            for pattern, what in WORDS:
                if pattern.search(line):
                    yield f"{name}:{number}: {what}: '{pattern.search(line).group(0)}'"


def ask(program: pathlib.Path, arguments: list[str]) -> str:
    return subprocess.run([program, *arguments], check=True, capture_output=True).stdout.decode()


def check_generated(root: pathlib.Path, program: pathlib.Path, write: bool):
    for name, arguments in GENERATED.items():
        printed = ask(program, arguments)
        path = root / name
        if write:
            path.write_text(printed, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != printed:
            yield f"{name}:1: differs from what the program prints; renew it with tools/check_docs.py --write"
    readme = (root / "README.md").read_text(encoding="utf-8")
    listed = json.loads(ask(program, ["models", "--json"]))
    for model in listed["models"] if isinstance(listed, dict) else listed:
        if f"`{model['name']}`" not in readme:
            yield f"README.md:1: the model table lacks `{model['name']}`"


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks documents, licences and words.")
    parser.add_argument("root", nargs="?", default=".", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, help="the recforce program, to compare generated documents")
    parser.add_argument("--write", action="store_true", help="renew generated documents instead of comparing them")
    options = parser.parse_args()
    root = options.root.resolve()
    problems: list[str] = []
    if options.program:
        problems += check_generated(root, options.program.resolve(), options.write)
    for name in tracked_files(root):
        if UNREAD.match(name):
            continue
        try:
            text = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        problems += check_text(name, text)
        if name.endswith(".md"):
            problems += check_links(root, name, text)
    for problem in problems:
        print(problem)
    print(f"docs: {len(problems)} problem(s)" if problems else "docs ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
