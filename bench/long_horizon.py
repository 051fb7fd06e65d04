#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the tables of docs/examples/long_horizon.md: policies in worlds that punish greed, against the known optimum.

    python3 bench/long_horizon.py [--write] [--trainings 1] [--jobs 2] [--seeds 1 2 3] [--work DIR] [--program PATH]

Each seed is another world, and the seed of what is trained there. Finished runs in --work are kept, so the command can
be stopped and repeated. --write puts the tables into the document and their short form into docs/results.md, between
the markers.
"""
import concurrent.futures
import json
import math
import sys

from results import DOCUMENT as RESULTS
from results import ROOT, T95, call, interval, make_parser, write_into_document

DOCUMENT = ROOT / "docs" / "examples" / "long_horizon.md"
WORLDS = {"burnout": 20, "mood": 60, "tabular": 10}  # and how many items they have
SLATES = (1, 3)
HORIZON, DISCOUNT = 20, 0.9
TRIED, TRIED_BY_MPC, LOGGED = 4000, 300, 10000  # users
FIRST_TRIED = 10_000_000  # nobody has learnt from these or later ones
GIVEN = ["random", "popularity", "myopic", "greedy", "top_k"]
AGENTS = {**{f"`{name}`": {"agent": name} for name in ("dqn", "sac_discrete", "wolpertinger", "td3", "ddpg")},
          "`ddpg`, `slope`": {"agent": "ddpg", "actor_gradient": "slope"}}
LEARNT = ["cdqn", *(f"drr, {agent}" for agent in AGENTS), "topk_reinforce"]
ROWS = [*(f"`{name}`" for name in GIVEN), "`mpc`", *LEARNT]
# Chosen in the worlds of seeds 11 and 12.
DRR = {"state": "items", "memory": 1, "epochs": 8, "updates_per_epoch": 500, "updates_per_step": 0.02,
       "batch_size": 128, "polyak": 0.01, "epsilon": 0.2, "sigma": 1, "actor_learning_rate": 0.001, "actor_start": 500,
       "dueling": "true", "neighbours": 5, "entropy_share": 0.5, "discount": DISCOUNT}
CDQN = {"epochs": 6, "updates_per_epoch": 400, "batch_size": 64, "discount": DISCOUNT}


def settings(section, values):
    return [part for key, value in values.items() for part in ("--set", f"{section}.{key}={value}")]


class World:
    """What was learnt in one world with slates of one size, and what it is worth."""

    def __init__(self, options, name, slate, seed):
        self.options, self.name, self.slate, self.seed = options, name, slate, seed
        self.work = options.work / f"{name}-{slate}-{seed}"
        self.work.mkdir(parents=True, exist_ok=True)
        self.environment = ["--environment", f"world:{name}", *settings("environment", {
            "seed": seed, "slate": slate, "horizon": HORIZON})]

    def simulate(self, *arguments):
        return call(self.options.program, "simulate", *self.environment, "--discount", DISCOUNT, "--threads", 1,
                    "--quiet", *arguments)

    def run(self, label, training):
        return self.work / f"{''.join(c for c in label if c.isalnum() or c == '_')}-{training}"

    def train(self, label, training):
        run = self.run(label, training)
        if (run / "model").exists():
            return
        arguments = ["--seed", 10 * (training - 1) + self.seed, "--threads", 1, "--quiet", "--out", run,
                     *(["--resume"] if run.exists() else [])]
        if label == "topk_reinforce":
            self.train_from_log(arguments)
        elif label == "cdqn":
            self.train_here("cdqn", settings("cdqn", CDQN), arguments)
        else:
            chosen = {**AGENTS[label.removeprefix("drr, ")], "dim": WORLDS[self.name], **DRR}
            self.train_here("drr", settings("drr", chosen), arguments)

    def train_here(self, model, chosen, arguments):
        call(self.options.program, "train", "--model", model, *self.environment, *chosen, *arguments)

    def train_from_log(self, arguments):
        # An event is an item of a slate, and the discount is that of an event.
        chosen = {"epochs": 10, "discount": DISCOUNT ** (1 / self.slate), "top_k": self.slate, "serve_greedy": 1}
        call(self.options.program, "train", "--model", "topk_reinforce", "--data", self.log(),
             *settings("split", {"kind": "strong_generalization", "validation_users": 100, "test_users": 100}),
             *settings("topk_reinforce", chosen), *arguments)

    def log(self):
        """The dataset of what random slates brought."""
        data, log = self.work / "data", self.work / "log.jsonl"
        if not data.exists():
            self.simulate("--policy", "random", "--users", LOGGED, "--decisions", log)
            lift_rewards(log)
            call(self.options.program, "data", "convert", log, "--out", data, "--quiet")
            log.unlink()
        return data

    def values(self, trainings):
        """{label: one dict for each training}"""
        runs = [(label, t) for label in LEARNT for t in trainings]
        asked = [part for name in [*GIVEN, *(self.run(*run) for run in runs)] for part in ("--policy", name)]
        common = ["--first-user", FIRST_TRIED, "--json"]
        found = json.loads(self.simulate(*asked, "--users", TRIED, *common))
        tried = json.loads(self.simulate("--policy", "mpc", "--users", TRIED_BY_MPC, *common))
        self.optimum = found["optimum"]
        values = {row: [] for row in ROWS}
        for label, policy in zip([*(f"`{name}`" for name in GIVEN), *(label for label, _ in runs)], found["policies"]):
            values[label].append(self.answer(policy))
        values["`mpc`"].append(self.answer(tried["policies"][0]))
        for label, training in runs:
            summary = json.loads((self.run(label, training) / "run.json").read_text(encoding="utf-8"))
            values[label][trainings.index(training)]["seconds"] = summary["seconds"]
        return values

    def answer(self, policy):
        return {"return": policy["discounted_return"], "half": policy["half_width95"]["discounted_return"],
                "share": policy["discounted_return"] / self.optimum}


def lift_rewards(log):
    """Where clicks may cost something, what the worst one costs is added to all clicks: the learner refuses costs."""
    lines = log.read_text(encoding="utf-8").splitlines()
    least = min((min(json.loads(line).get("reward", [0])) for line in lines), default=0)
    if least >= 0:
        return
    with log.open("w", encoding="utf-8") as out:
        for line in lines:
            decision = json.loads(line)
            if "reward" in decision:
                decision["reward"] = [reward - least if reward != 0 else 0 for reward in decision["reward"]]
            out.write(json.dumps(decision, separators=(",", ":")) + "\n")


def summary(worlds, values, label):
    """Means over worlds. The interval: of what is trained over trainings, of the others over users."""
    each = [world[label] for world in values]
    by_training = [sum(answers[t]["return"] for answers in each) / len(each) for t in range(len(each[0]))]
    mean = sum(by_training) / len(by_training)
    if len(by_training) in T95:
        half = interval(by_training)[1]
    else:
        half = math.sqrt(sum(answers[0]["half"] ** 2 for answers in each)) / len(each)
    flat = [answer for answers in each for answer in answers]
    optimum = sum(world.optimum for world in worlds) / len(worlds)
    seconds = sorted(answer["seconds"] for answer in flat if "seconds" in answer)
    return {"mean": mean, "half": half, "regret": optimum - mean, "share": mean / optimum,
            "least": min(answer["share"] for answer in flat), "most": max(answer["share"] for answer in flat),
            "seconds": seconds[len(seconds) // 2] if seconds else None, "optimum": optimum}


def table(summaries):
    lines = ["| policy | return | regret | of the optimum | worst and best | training |", "|---|---|---|---|---|---|"]
    for label, s in summaries.items():
        seconds = "" if s["seconds"] is None else f"{s['seconds']:.1f} s"
        lines.append(f"| {label} | {s['mean']:.2f} \u00b1 {s['half']:.2f} | {s['regret']:.2f} | "
                     f"{100 * s['share']:.0f} % | {100 * s['least']:.0f} %, {100 * s['most']:.0f} % | {seconds} |")
    optimum = next(iter(summaries.values()))["optimum"]
    return [*lines, f"| optimum | {optimum:.2f} | 0 | 100 % |  |  |"]


def short_table(tables):
    head = [f"{name}, {slate}" for name, slate in tables]
    lines = ["| policy | " + " | ".join(head) + " |", "|---|" + "---|" * len(head)]
    for label in ROWS:
        cells = (f"{100 * summaries[label]['share']:.0f} %" for summaries in tables.values())
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return lines


def main():
    parser = make_parser(__doc__, "long_horizon")
    parser.add_argument("--trainings", type=int, default=1, help="of each learner in each world")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at once, on one thread each")
    options = parser.parse_args()
    trainings = list(range(1, options.trainings + 1))
    worlds = [World(options, name, slate, seed)
              for name in WORLDS for slate in SLATES for seed in options.seeds or [1, 2, 3]]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(World.log, worlds))
        steps = [(world, label, training) for training in trainings for label in LEARNT for world in worlds]
        for number, (world, label, training) in enumerate(pool.map(lambda step: World.train(*step) or step, steps)):
            print(f"{number + 1}/{len(steps)} {world.work.name} {label} {training}", file=sys.stderr, flush=True)
        values = dict(zip(worlds, pool.map(lambda world: world.values(trainings), worlds)))
    tables = {}
    for name in WORLDS:
        for slate in SLATES:
            mine = [world for world in worlds if (world.name, world.slate) == (name, slate)]
            tables[name, slate] = {label: summary(mine, [values[world] for world in mine], label) for label in ROWS}
    for (name, slate), summaries in tables.items():
        print("\n".join([f"\n{name}, slates of {slate}", *table(summaries)]))
        if options.write:
            write_into_document(f"{name}-{slate}", table(summaries), DOCUMENT)
    print("\n".join(["", *short_table(tables)]))
    if options.write:
        write_into_document("long-horizon", short_table(tables), RESULTS)


if __name__ == "__main__":
    main()
