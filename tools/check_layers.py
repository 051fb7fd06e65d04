#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that every #include under src/ and include/recforce/ respects the order of the rooms.

The rooms and what each may include are the table ALLOWED, which docs/architecture.md explains. Further rules:
torch headers come in through one funnel header, algorithms do not include each other, the program sees the
algorithms through one door, public headers include only public headers, and heavy headers stay in .cpp files.
Prints `file:line: what is wrong` for each breach and exits 1 if there is any.

Usage: tools/check_layers.py [ROOT]
"""
import pathlib
import re
import sys

ALLOWED = {
    "base": [],
    "config": ["base"],
    "data": ["base", "config"],
    "model": ["base"],
    "core": ["base", "config", "data", "model"],
    "eval": ["base", "config", "data", "model", "core"],
    "sim": ["base", "config", "data", "core"],
    "ope": ["base", "config", "data", "model", "core", "eval"],
    "train": ["base", "config", "data", "model", "core", "eval", "sim"],
    "nn": ["base", "config", "data", "model"],
    "algos": ["base", "config", "data", "model", "core", "sim", "nn"],
    "report": ["base", "config", "data", "model", "core", "eval", "train"],
    "cli": ["base", "config", "data", "model", "core", "eval", "ope", "sim", "train", "report"],
}
FUNNEL = "src/nn/torch.h"
TORCH_ROOMS = {"nn", "algos"}
# The one header of `algos` that others may see: it is torch-free and only fills a registry.
DOORS = {("cli", "algos/register_all.h")}
SHARED_BY_ALGORITHMS = "common"

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TORCH = re.compile(r"^(torch|ATen|c10|caffe2)/")
HEAVY = re.compile(r"^(nlohmann|yaml-cpp|CLI|spdlog|fmt)/|^regex$")


class Checker:
    def __init__(self, root: pathlib.Path):
        self.root = root
        self.breaches: list[str] = []

    def run(self) -> list[str]:
        for folder in ("src", "include/recforce"):
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in {".h", ".cpp", ".inc"}:
                    self.check_file(path)
        return self.breaches

    def check_file(self, path: pathlib.Path) -> None:
        name = path.relative_to(self.root).as_posix()
        parts = name.split("/")
        public = parts[0] == "include"
        inside = parts[2:] if public else parts[1:]
        if inside[0] not in ALLOWED:
            self.breaches.append(f"{name}:1: room '{inside[0]}' is not in the table of tools/check_layers.py")
            return
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if found:
                for problem in self.problems(name, inside, public, found.group(1) == '"', found.group(2)):
                    self.breaches.append(f"{name}:{number}: {problem}")

    def problems(self, name: str, inside: list[str], public: bool, quoted: bool, target: str):
        """Yields what is wrong with one include of file `name`; `inside` is its path from the room down."""
        room = inside[0]
        if TORCH.match(target):
            if name != FUNNEL:
                yield f'torch header outside the funnel: <{target}>; include "nn/torch.h" (rooms nn and algos only)'
            return
        if HEAVY.match(target) and not name.endswith(".cpp"):
            yield f"heavy header in a header: <{target}>; include it in a .cpp file"
        if not quoted or target.startswith("support/") and name.endswith("_test.cpp"):
            return
        is_public_target = target.startswith("recforce/")
        local = target.removeprefix("recforce/")
        home = self.root / ("include/recforce" if is_public_target else "src")
        other = local.split("/")[0]
        if other not in ALLOWED or not (home / local).is_file():
            yield f"no such header of ours: \"{target}\"; write \"recforce/<room>/x.h\" or \"<room>/x.h\""
            return
        if public and not is_public_target:
            yield f'a public header includes the private "{target}"'
        if local == "nn/torch.h" and room not in TORCH_ROOMS:
            yield f"room '{room}' is torch-free"
        if other == room:
            yield from self.between_algorithms(inside, local)
        elif other not in ALLOWED[room] and (room, local) not in DOORS:
            allowed = ", ".join(ALLOWED[room]) or "nothing"
            yield f"room '{room}' may not include '{other}' (allowed: {allowed})"

    @staticmethod
    def between_algorithms(inside: list[str], target: str):
        target_parts = target.split("/")
        if inside[0] != "algos" or len(inside) < 3 or len(target_parts) < 3:
            return
        mine, other = inside[1], target_parts[1]
        if mine == SHARED_BY_ALGORITHMS and other != mine:
            yield f"algos/{SHARED_BY_ALGORITHMS} includes algorithm '{other}'"
        elif other not in (mine, SHARED_BY_ALGORITHMS):
            yield (f"algorithm '{mine}' includes algorithm '{other}'; "
                   f"move the shared part to nn/ or algos/{SHARED_BY_ALGORITHMS}/")


def main() -> int:
    breaches = Checker(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()).run()
    for breach in breaches:
        print(breach)
    print(f"layers: {len(breaches)} breach(es)" if breaches else "layers ok")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
