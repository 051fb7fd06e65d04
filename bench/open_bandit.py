#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the table of docs/howto/ope.md: two policies of the Open Bandit sample, each valued from the log of the other.

    python3 bench/open_bandit.py [--write] [--program PATH] [--data DIR]
"""
import json

from results import ROOT, call, make_parser, write_into_document

DOCUMENT = ROOT / "docs" / "howto" / "ope.md"
ESTIMATORS = ("ips", "snips", "cips", "dm", "dr", "sndr", "switch", "dros")


def direction(options, log, other):
    files = {name: options.data / "open-bandit" / name / "men" / "men.csv.gz" for name in (log, other)}
    found = json.loads(call(options.program, "ope", "--log", files[log], "--policy", f"log:{files[other]}",
                            "--estimators", ",".join(ESTIMATORS), "--json", "--allow-unsupported"))
    return found["policies"][0]


def main():
    options = make_parser(__doc__, "open_bandit").parse_args()
    columns = [("bts", direction(options, "random", "bts")), ("random", direction(options, "bts", "random"))]
    lines = ["|  | " + " | ".join(f"{name}, from the log of the other | error" for name, _ in columns) + " |",
             "|---|" + "---|---|" * len(columns)]

    def row(title, cell, error=lambda policy: ""):
        lines.append(f"| {title} | " + " | ".join(f"{cell(policy)} | {error(policy)}" for _, policy in columns) + " |")

    row("by its own log", lambda p: "{:.5f} [{:.5f}, {:.5f}]".format(p["on_policy"]["value"], *p["on_policy"]["interval"]))
    for at, name in enumerate(ESTIMATORS):
        row(f"`{name}`",
            lambda p: "{:.5f} [{:.5f}, {:.5f}]".format(p["estimates"][at]["value"], *p["estimates"][at]["interval"]),
            lambda p: f"{abs(p['estimates'][at]['value'] / p['on_policy']['value'] - 1) * 100:.0f} %")
    row("effective sample, of 10,000", lambda p: f"{p['effective_sample_size']:.0f}")
    row("mean weight", lambda p: f"{p['mean_weight']:.3f} \u00b1 {p['mean_weight_error']:.3f}")
    row("largest weight", lambda p: f"{p['max_weight']:.1f}")
    row("doubtful", lambda p: ", ".join(flag.split(":")[0] for flag in p["flags"]) or "nothing")
    print("\n".join(lines))
    if options.write:
        write_into_document("open_bandit", lines, DOCUMENT)


if __name__ == "__main__":
    main()
