#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the table of docs/algorithms/gan_user_model.md: user models on the public files of Chen et al. beside laws of
choice without a state.

    python3 bench/user_model_tables.py [--seeds 1 2 3 4 5] [--write] [--work DIR] [--program PATH] [--data DIR]

Every row has the default settings but for what its name says. Finished runs in --work are kept. The test part is looked
at once, by `recforce evaluate`.
"""
import json

from results import ROOT, call, interval, make_parser, write_into_document

DOCUMENT = ROOT / "docs" / "algorithms" / "gan_user_model.md"
FILES = ("yelp", "rsc", "tb")
MEASURES = ("p@1", "p@2", "nll")
ROWS = (("user model", []), ("`repeats=false`", ["repeats=false"]), ("`state=none`", ["state=none"]))
BASELINES = ("item_logit", "popularity_logit", "uniform")


def evaluate(options, name, label, settings, seed):
    store = options.work / "data" / name
    if not store.exists():
        call(options.program, "data", "convert", options.data / "gan-user-model" / f"{name}.txt.gz", "--format",
             "displays", "--out", store)
    run = options.work / f"{name}-{''.join(c for c in label if c.isalnum())}-{seed}"
    sets = ["split.kind=displays", *(f"gan_user_model.{setting}" for setting in settings)]
    call(options.program, "train", "--model", "gan_user_model", "--data", store, "--out", run, "--seed", seed,
         "--resume", "--quiet", *(word for setting in sets for word in ("--set", setting)))
    models = json.loads(call(options.program, "evaluate", run, "--json"))["choice"]["models"]
    return {model["name"]: model["subsets"]["all"]["metrics"] for model in models}


def cell(values):
    mean, half = interval(values)
    return f"{mean:.3f}" if len(values) < 2 else f"{mean:.3f} \u00b1 {half:.3f}"


def table(options, name):
    lines = [f"| {name} | P@1 | P@2 | NLL |", "|---|---|---|---|"]
    for label, settings in ROWS:
        results = [evaluate(options, name, label, settings, seed) for seed in options.seeds]
        cells = [cell([result["gan_user_model"][measure] for result in results]) for measure in MEASURES]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    for baseline in BASELINES:  # the same beside every run
        lines.append(f"| {baseline} | {' | '.join(cell([results[0][baseline][measure]]) for measure in MEASURES)} |")
    return lines


def main():
    parser = make_parser(__doc__, "user_models")
    parser.set_defaults(seeds=[1, 2, 3, 4, 5])
    options = parser.parse_args()
    if not 1 <= len(options.seeds) <= 10:
        parser.error("--seeds: from one to ten")
    lines = []
    for name in FILES:
        lines += ["", *table(options, name)]
    print("\n".join(lines))
    if options.write:
        write_into_document("user_models", lines, DOCUMENT)


if __name__ == "__main__":
    main()
