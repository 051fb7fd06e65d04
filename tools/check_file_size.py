#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that files hold one thing: warns over 400 lines of C++ or Python, fails over 800 (tests: 1,200).

A file that must be longer is named in EXEMPT with its reason. Usage: tools/check_file_size.py [ROOT]
"""
import pathlib
import subprocess
import sys

WARN = 400
FAIL = 800
FAIL_TEST = 1200
EXEMPT: dict[str, str] = {}  # path: reason


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    patterns = ["*.h", "*.cpp", "*.py", "dev", ".ci/*"]
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns],
                            cwd=root, check=True, capture_output=True).stdout.decode()
    failed = 0
    for name in filter(None, listed.split("\0")):
        path = root / name
        if not path.is_file() or name in EXEMPT:
            continue
        lines = len(path.read_text(encoding="utf-8").splitlines())
        limit = FAIL_TEST if name.endswith("_test.cpp") else FAIL
        if lines > limit:
            print(f"{name}: {lines} lines; at most {limit} are allowed")
            failed += 1
        elif lines > WARN and not name.endswith("_test.cpp"):
            print(f"{name}: {lines} lines: does it hold one thing? (warning over {WARN})")
    print(f"sizes: {failed} file(s) too long" if failed else "sizes ok")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
