#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tables and plots of docs/examples/top_k.md: the two simulations of the top-K off-policy correction.

    python3 bench/example_top_k.py [--write] [--work DIR] [--program PATH] [--recforce PATH]

Builds bench/example_top_k.cpp, which learns and prints JSON, unless --program names it; then makes logs of both
simulations and trains on them with the recforce that --recforce names. Finished runs in --work are kept. --write puts
the tables into the document, between their markers, and the plots beside it; else the tables are printed.
"""
import argparse
import json
import math
import pathlib
import random
import subprocess
import sys

import svg_plots
from results import write_into_document

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "examples" / "top_k.md"
BUILD = ROOT / "build" / "bench"
PLACES = [str(item) for item in range(1, 11)]
CAPS = ["2", "5", "e^3"]
VARIANTS = {
    "paper": "the paper's rule", "none": "no correction", "seed": "weight of a drawn action",
    "no_detach": "weight differentiated", "ratio_clip": "no gradient above the cap", "tf_agent": "alpha / beta",
    "printed": "the update as printed"}
SAMPLED = {"none": "no correction", "paper": "no cap", "cap e^3": "cap e^3", "cap 5": "cap 5"}

# Runs: the log, and settings of the model beside discount 0.
TRAINED = [
    ("one", ["top_k=1", "correction=none"]), ("one", ["top_k=1", "cap=0"]), ("one", ["top_k=1"]),
    ("one", ["top_k=1", "cap=0", "epochs=1"]), ("one", ["top_k=1", "cap=0", "correction=no_detach"]),
    ("two", ["top_k=1"]), ("two", ["top_k=2"]), ("two", ["top_k=2", "correction=tf_agent"])]


def build():
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "bench"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--target", "example_top_k"], check=True, stdout=subprocess.DEVNULL)
    return BUILD / "bin" / "example_top_k"


class Trained:
    """Runs of the program on logs of 2,000 users with 20 events each, in which the state says nothing."""

    LOGS = {"one": ([(11 - i) / 55 for i in range(1, 11)], list(range(1, 11))), "two": ([0.1] * 10, [10, 9] + [1] * 8)}

    def __init__(self, program, work):
        self.program, self.work = program.resolve(), work
        work.mkdir(parents=True, exist_ok=True)

    def call(self, *arguments):
        done = subprocess.run([self.program, *arguments], cwd=self.work, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"recforce {' '.join(arguments)}: exit {done.returncode}")
        return done.stdout

    def data(self, log):
        if not (self.work / log).exists():
            beta, reward = self.LOGS[log]
            draw = random.Random(1)
            lines = ["user_id,item_id,timestamp,value,p"]
            for user in range(2000):
                for time, item in enumerate(draw.choices(range(10), beta, k=20)):
                    lines.append(f"u{user},i{item + 1},{1000 * user + time},{reward[item]},{beta[item]:.6f}")
            (self.work / f"{log}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
            self.call("data", "convert", f"{log}.csv", "--propensity-col", "p", "--duplicates", "keep", "--out", log)
        return log

    def policy(self, log, settings):
        """The mean of pi over the states after one item, [10]."""
        run = "_".join([log, *settings])
        if not (self.work / run / "model").exists():
            words = [f"topk_reinforce.{setting}" for setting in ["discount=0", *settings]]
            self.call("train", "--model", "topk_reinforce", "--data", self.data(log), "--out", run, "--quiet",
                      *[word for setting in words for word in ("--set", setting)])
        mean = [0.0] * 10
        for last in range(10):
            found = json.loads(self.call("recommend", run, "--history", f"i{last + 1}", "-n", "10", "--seen", "allow",
                                         "--json"))
            scores = {int(row["item"][1:]) - 1: row["score"] for row in found["items"]}
            total = sum(math.exp(score) for score in scores.values())
            for item, score in scores.items():
                mean[item] += math.exp(score) / total / 10
        return mean

    def table(self):
        rows = []
        for log, settings in TRAINED:
            policy = self.policy(log, settings)
            reward = self.LOGS[log][1]
            shown = 1 if log == "one" else 2
            value = sum(r * (1 - (1 - p) ** shown) for r, p in zip(reward, policy))
            rows.append(["1" if log == "one" else "2", " ".join(f"`{word}`" for word in settings),
                         " ".join(f"{share:.2f}" for share in policy), f"{value:.2f}"])
        return table(["simulation", "settings", "pi of items 1 .. 10", "value"], rows)


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] +
                     ["| " + " | ".join(row) + " |" for row in rows])


def shares(policy, places):
    return ", ".join(f"{policy[place]:.4f}" for place in places)


def distance(run):
    if "closed" not in run:
        return ""
    return f"{max(abs(a - b) for a, b in zip(run['policy'], run['closed'])):.0e}"


def off_policy_table(found):
    runs = found["off_policy"]["runs"]
    rows = [["the log itself", "", f"{found['off_policy']['beta_value']:.2f}", ""]]
    for name, words in [("none", "no correction"), ("paper", "corrected, no cap")]:
        rows.append([words, shares(runs[name]["policy"], [6, 7, 8, 9]), f"{runs[name]['value']:.2f}",
                     distance(runs[name])])
    return table(["rule", "shares of items 7, 8, 9, 10", "value", "from the closed form"], rows)


def caps_table(found):
    rows = []
    for cap in CAPS:
        for name, words in [("cap", "the paper's: constant weight"), ("ratio_clip", "no gradient above it")]:
            run = found["off_policy"]["runs"][f"{name} {cap}"]
            best = [item for item in range(10) if run["closed"][item] > 0.0]
            rows.append([cap, words, shares(run["closed"], best), f"{best[0] + 1} .. 10", f"{run['closed_value']:.4f}",
                         f"{run['value']:.4f}"])
    return table(["cap", "rule", "closed form", "of items", "its value", "learnt"], rows)


def sampled_table(found):
    rows = []
    for row in found["sampled"]:
        values = row["values"]
        rows.append([SAMPLED[row["name"]], str(row["batch"]), f"{sum(values) / len(values):.2f}", f"{min(values):.2f}",
                     f"{max(values):.2f}"])
    return table(["rule", "actions a step", "mean value", "lowest", "highest"], rows)


def sweep_table(found):
    rows = []
    for run in found["top_k"]["sweep"]:
        policy = run["policy"]
        rows.append([str(run["k"]), f"{policy[0]:.4f}", f"{policy[1]:.4f}", f"{policy[2]:.4f}", f"{run['value']:.4f}",
                     f"{run['closed_value']:.4f}"])
    return table(["K", "reward 10", "reward 9", "each of the others", "value of K draws", "highest possible"], rows)


def ends(policy):
    """What a policy of the second simulation holds, in words."""
    low = max(policy[2:])
    if max(policy) > 0.99:
        return "all on the best item" if policy[0] > 0.99 else "all on an item worth 1"
    return f"{policy[0]:.3f}, {policy[1]:.3f}" + (f", {low:.3f} each" if low > 0.001 else "")


def ends_off_policy(policy):
    place = max(range(10), key=lambda item: policy[item])
    if policy[place] > 0.99:
        return f"all on item {place + 1}"
    return " ".join(f"{share:.2f}" for share in policy)


def variants_table(found):
    first, second = found["off_policy"]["runs"], found["top_k"]["runs"]
    rows = []
    for name, words in VARIANTS.items():
        one = first["ratio_clip e^3" if name == "ratio_clip" else name]
        two = second[name]
        rows.append([words, ends_off_policy(one["policy"]), f"{one['value']:.2f}", ends(two["policy"]),
                     f"{two['value']:.2f}"])
    return table(["rule", "simulation 1: shares of items 1 .. 10", "value", "simulation 2, K = 2: shares",
                  "value of a set"], rows)


def plots(found):
    first, second = found["off_policy"], found["top_k"]
    runs = first["runs"]
    steps = [f"{steps:,}" for steps in found["steps"]]
    sweep = second["sweep"]
    paths = {"paper": "corrected, no cap", "cap e^3": "corrected, cap e^3", "tf_agent": "alpha / beta",
             "none": "no correction", "no_detach": "weight differentiated"}
    sets = {"paper": "K = 2", "printed": "the update as printed", "none": "no correction, K = 2", "one": "K = 1",
            "no_detach": "weight differentiated"}
    return {
        "top_k_off_policy.svg": svg_plots.bars(
            "Simulation 1: what is shown, by item", PLACES, ["the log", "no correction", "corrected"],
            [first["beta"], runs["none"]["policy"], runs["paper"]["policy"]], x_name="item"),
        "top_k_caps.svg": svg_plots.bars(
            "Simulation 1: what a cap of the weights leaves", PLACES,
            ["no correction"] + [f"cap {cap}" for cap in CAPS],
            [runs["none"]["policy"]] + [runs[f"cap {cap}"]["policy"] for cap in CAPS], x_name="item"),
        "top_k_paths.svg": svg_plots.curves(
            "Simulation 1: value of the policy while it learns", steps, list(paths.values()),
            [runs[name]["path"] for name in paths], "steps"),
        "top_k_sets.svg": svg_plots.curves(
            "Simulation 2: value of a set of two while it is learnt", steps, list(sets.values()),
            [second["runs"][name]["path"] for name in sets], "steps"),
        "top_k_sweep.svg": svg_plots.curves(
            "Simulation 2: shares by K; lines: closed form, circles: learnt", [str(run["k"]) for run in sweep],
            ["reward 10", "reward 9", "each of the others"],
            [[run["closed"][item] for run in sweep] for item in range(3)], "K",
            marks=[[run["policy"][item] for run in sweep] for item in range(3)]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "example_top_k")
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--recforce", type=pathlib.Path, default=ROOT / "build" / "release" / "bin" / "recforce")
    options = parser.parse_args()
    found = json.loads(subprocess.run([options.program or build()], check=True, capture_output=True).stdout)
    tables = {"off_policy": off_policy_table(found), "caps": caps_table(found), "sampled": sampled_table(found),
              "sweep": sweep_table(found), "variants": variants_table(found),
              "trained": Trained(options.recforce, options.work).table()}
    if not options.write:
        print("\n\n".join(tables.values()))
        return
    for name, content in tables.items():
        write_into_document(name, [content], DOCUMENT)
    for name, drawing in plots(found).items():
        (DOCUMENT.parent / name).write_text(drawing, encoding="utf-8")


if __name__ == "__main__":
    main()
