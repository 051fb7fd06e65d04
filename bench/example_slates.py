#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the worked example of docs/examples/slates.md: a log of clicks, a simulator of its users, a slate policy.

    python3 bench/example_slates.py [--write] [--work DIR] [--program PATH]

Everything is made by the program, the log included. Finished runs in --work are kept. --write puts the tables into the
document, between their markers, and the plots beside it; else the tables are printed.
"""
import argparse
import json
import pathlib
import subprocess
import sys

import svg_plots
from results import write_into_document

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "examples" / "slates.md"
WORLD = "world:tabular"
SUBSETS = {"all": "all", "with_history": "after a click"}
LEARNT = ["random", "popularity", "top_k:users", "myopic:users", "policy"]
NAMES = {"random": "random", "popularity": "popularity", "top_k:users": "best rewards of the model",
         "myopic:users": "best slate of the model", "policy": "cdqn", "top_k": "best rewards, truth known",
         "myopic": "best slate, truth known"}


class Example:
    def __init__(self, options):
        self.program = options.program.resolve()
        self.work = options.work
        self.work.mkdir(parents=True, exist_ok=True)

    def call(self, *arguments):
        print("recforce", *arguments, file=sys.stderr, flush=True)
        done = subprocess.run([self.program, *arguments], cwd=self.work, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"recforce {' '.join(arguments)}: exit {done.returncode}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.call(*arguments, "--json"))

    def make(self, place, *arguments):
        """Unless an earlier call has finished it."""
        if not (self.work / place).exists():
            self.call(*arguments)

    def train(self, run, model, *arguments):
        if not (self.work / run / "model").exists():
            self.call("train", "--model", model, "--out", run, "--resume" if (self.work / run).exists() else "--quiet",
                      *arguments)

    def simulate(self, environment, policies, *arguments):
        words = [word for policy in policies for word in ("--policy", policy)]
        return self.json("simulate", "--environment", environment, *words, "--users", "4000", *arguments)

    def run(self):
        self.make("log.tsv", "simulate", "--environment", WORLD, "--policy", "random", "--users", "3000", "--log",
                  "log.tsv")
        self.make("data", "data", "convert", "log.tsv", "--format", "displays", "--out", "data")
        self.train("users", "gan_user_model", "--data", "data")
        self.train("judge", "gan_user_model", "--data", "data", "--set", "split.swap=true")
        self.train("policy", "cdqn", "--environment", "users")
        return {
            "choices": self.json("evaluate", "users")["choice"]["models"],
            "replay": self.json("simulate", "--environment", "users", "--replay", "data"),
            "trained": self.simulate("users", LEARNT, "--allow-training-environment"),
            "judge": self.simulate("judge", LEARNT),
            "world": self.simulate(WORLD, LEARNT + ["top_k", "myopic"]),
            "epochs": [json.loads(line)["validation"]
                       for line in (self.work / "policy" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()],
        }


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] +
                     ["| " + " | ".join(row) + " |" for row in rows])


def trust_table(found):
    rows = []
    for name in ("all", "with_history"):
        for model in found["choices"]:
            subset = model["subsets"].get(name)
            if subset:
                m = subset["metrics"]
                rows.append([SUBSETS[name], model["name"], f"{m['p@1']:.4f}", f"{m['p@2']:.4f}",
                             f"{m['nll']:.4f}", f"{m['relative_perplexity']:.3f}", f"{subset['ece']:.4f}"])
    return table(["choices", "model", "p@1", "p@2", "NLL", "perplexity / uniform", "calibration error"], rows)


def replay_table(found):
    replay = found["replay"]
    rows = [["clicks / displays", f"{replay['logged_click_rate']:.4f}", f"{replay['simulated_click_rate']:.4f}", ""]]
    for name in ("rank", "items", "clicks_per_user"):
        rows.append([f"divergence of {name.replace('_', ' ')}", "", f"{replay['divergence'][name]['value']:.5f}",
                     f"{replay['divergence'][name]['chance']:.5f}"])
    return table(["", "logged", "simulated", "by chance"], rows)


def returns(results):
    return {p["policy"]: (p["discounted_return"], p["half_width95"]["discounted_return"]) for p in results["policies"]}


def policy_table(found):
    places = [returns(found[place]) for place in ("trained", "judge", "world")]
    optimum, chance = found["world"]["optimum"], places[2]["random"][0]
    rows = []
    for policy in LEARNT + ["top_k", "myopic"]:
        cells = [f"{place[policy][0]:.2f} \u00b1 {place[policy][1]:.2f}" if policy in place else "" for place in places]
        share = (places[2][policy][0] - chance) / (optimum - chance)
        optimism = f"{places[0][policy][0] - places[1][policy][0]:+.2f}" if policy in places[0] else ""
        rows.append([NAMES[policy], *cells, f"{100 * share:.0f} %", optimism])
    rows.append(["optimum", "", "", f"{optimum:.2f}", "100 %", ""])
    return table(["policy", "where it was trained", "other people's model", "the true world", "of random to optimum",
                  "trained minus other"], rows)


def plots(found):
    policies = LEARNT
    places = [returns(found[place]) for place in ("trained", "judge", "world")]
    models = [model for model in found["choices"] if model["name"] != "uniform"]
    subsets = [name for name in ("all", "with_history") if name in models[0]["subsets"]]

    def perplexity(model, subset):
        return model["subsets"][subset]["metrics"]["relative_perplexity"]

    def spread(model, subset):
        low, high = model["subsets"][subset]["ci95"]["relative_perplexity"]
        return (high - low) / 2

    random, myopic = (places[0][name][0] for name in ("random", "myopic:users"))
    bins = found["choices"][0]["reliability"]
    return {
        "calibration.svg": svg_plots.points("Clicks on a shown item: predicted and observed share",
                                            [(b["predicted"], b["observed"]) for b in bins]),
        "trust.svg": svg_plots.bars("Perplexity of choices over that of guessing",
                                    [SUBSETS[subset] for subset in subsets],
                                    [model["name"] for model in models],
                                    [[perplexity(model, subset) for subset in subsets] for model in models],
                                    [[spread(model, subset) for subset in subsets] for model in models],
                                    [(1.0, "guessing")]),
        "learning.svg": svg_plots.curve("Return of CDQN while it learns, in the simulator", found["epochs"], "epoch",
                                        [(random, "random"), (myopic, "best slate at once")]),
        "returns.svg": svg_plots.bars("Discounted return a user",
                                      ["training simulator", "other people's", "true world"],
                                      [NAMES[policy] for policy in policies],
                                      [[place[policy][0] for place in places] for policy in policies],
                                      [[place[policy][1] for place in places] for policy in policies],
                                      [(found["world"]["optimum"], "optimum of the true world")]),
    }


def write(tables, drawings):
    for name, content in tables.items():
        write_into_document(name, [content], DOCUMENT)
    for name, drawing in drawings.items():
        (DOCUMENT.parent / name).write_text(drawing, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "example_slates")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "release" / "bin" / "recforce")
    options = parser.parse_args()
    found = Example(options).run()
    tables = {"trust": trust_table(found), "replay": replay_table(found), "policies": policy_table(found)}
    if options.write:
        write(tables, plots(found))
    else:
        print("\n\n".join(tables.values()))


if __name__ == "__main__":
    main()
