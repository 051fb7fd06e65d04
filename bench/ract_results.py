#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a table of docs/results.md: ways of fine-tuning, each from the same actor, with pooled paired differences.

    python3 bench/ract_results.py TABLE [--seeds 1 2 3 4 5] [--rows LABEL ...] [--write] [--work DIR] [--study PATH]

--study: the program of bench/ract_study.cpp (`./dev bench ract_step` builds it). What is finished is kept in --work. A
seed draws split and actor, so the differences of all its test users are pooled with those of the other seeds.
"""
import json
import math
import pathlib
import subprocess
import sys

from results import ROOT, call, interval, make_parser, write_into_document

LINE = "NDCG@100"

# The way of fine-tuning, its settings. The first is what RaCT is compared with besides the actor.
CONTROL = ("control: nll", "finetune=nll")
WAYS = [
    CONTROL,
    ("control: nll per click", "finetune=nll_per_click"),
    ("RaCT", ""),
    ("RaCT, the authors' scaling", "critic_scaling=none"),
    ("RaCT, batch statistics, frozen critic", "critic_scaling=batch finetune_critic=false"),
    ("control: nll, step 2e-5", "finetune=nll finetune_learning_rate=2e-5"),
    ("RaCT, step 2e-5", "finetune_learning_rate=2e-5"),
    ("RaCT, step 2e-5, recall@100", "finetune_learning_rate=2e-5 target=recall"),
    ("unseen, step 2e-5", "finetune=unseen finetune_learning_rate=2e-5"),
    ("unseen, step 2e-5, 20 to 50 % hidden", "finetune=unseen finetune_learning_rate=2e-5 finetune_dropout=0.2..0.5"),
    ("LambdaRank", "finetune=lambdarank"),
    ("WARP", "finetune=warp"),
]

ML_1M = {
    "input": "ml-1m",
    "convert": ["--min-rating", "4", "--min-user-interactions", "5"],
    "held_out": ["750", "750"],
    "shared": "batch_size=100 kl_anneal_steps=5000 actor_epochs=50 critic_epochs=30 critic_learning_rate=1e-3 "
              "finetune_epochs=30",
    "ways": WAYS,
}

TABLES = {"ract-ml-1m": ML_1M}


def pooled(pairs):
    """Mean, 95 % interval and p of the paired differences of all users of all seeds (normal: thousands of users)."""
    differences = [a - b for one, other in pairs for a, b in zip(one, other)]
    count = len(differences)
    mean = sum(differences) / count
    error = math.sqrt(sum((d - mean) ** 2 for d in differences) / (count - 1) / count)
    p = math.erfc(abs(mean) / error / math.sqrt(2.0)) if error > 0.0 else 1.0
    return mean, 1.96 * error, p


def show(pairs):
    mean, half, p = pooled(pairs)
    return f"{mean:+.4f} [{mean - half:+.4f}, {mean + half:+.4f}], p {'< 0.001' if p < 0.001 else f'{p:.3f}'}"


class Study:
    def __init__(self, name, options):
        self.plan = TABLES[name]
        self.options = options
        self.work = options.work / name
        self.work.mkdir(parents=True, exist_ok=True)
        self.ways = [way for way in self.plan["ways"] if not options.rows or way[0] in options.rows]
        self.lines = {}  # (label, seed)

    def run(self, store, seed):
        """All ways that are not finished. Each line is kept as soon as it is there."""
        kept = self.work / f"{seed}.jsonl"
        known = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] if kept.exists() else []
        done = {line["label"] for line in known}
        missing = [way for way in self.ways if way[0] not in done]
        if missing:
            arguments = [self.options.study, store, seed, *self.plan["held_out"], self.plan["shared"]]
            for label, settings in missing:
                arguments += [label, settings]
            with subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, text=True) as process:
                for text in process.stdout:
                    line = json.loads(text)
                    print(f"seed {seed} {line['label']}: validation {line['validation']:.4f}", file=sys.stderr, flush=True)
                    if line["label"] not in done:
                        with kept.open("a", encoding="utf-8") as file:
                            file.write(text)
                        known.append(line)
            if process.returncode != 0:
                sys.exit(f"ract_study: exit {process.returncode}")
        self.lines.update({(line["label"], seed): line for line in known})

    def row(self, label, seeds):
        mine = [self.lines[label, seed] for seed in seeds]
        actors = [self.lines["actor", seed] for seed in seeds]
        mean, half = interval([sum(line["test"]) / len(line["test"]) for line in mine])
        cells = [f"{mean:.4f} \u00b1 {half:.4f}"]
        if label == "actor":
            return f"| {label} | {cells[0]} | | | | |"
        gains = [line["validation"] - actor["validation"] for line, actor in zip(mine, actors)]
        cells.append(f"{sum(gains) / len(gains):+.4f}")
        cells.append(show([(line["test"], actor["test"]) for line, actor in zip(mine, actors)]))
        control = [self.lines[CONTROL[0], seed] for seed in seeds]
        cells.append("" if label == CONTROL[0] else show([(a["test"], b["test"]) for a, b in zip(mine, control)]))
        r = [line["finetune"].get("critic_r") for line in mine]
        cells.append("" if None in r else f"{sum(r) / len(r):.2f}")
        return f"| {label} | {' | '.join(cells)} |"

    def make(self):
        store = self.work / "data"
        if not store.exists():
            call(self.options.program, "data", "convert", self.options.data / self.plan["input"],
                 *self.plan["convert"], "--out", store)
        seeds = self.options.seeds or [1, 2, 3, 4, 5]
        for seed in seeds:
            self.run(store, seed)
        lines = [f"| | {LINE} | validation, minus the actor's | minus the actor's, paired | minus the control's, paired "
                 "| critic r |", "|---|---|---|---|---|---|", self.row("actor", seeds)]
        return lines + [self.row(label, seeds) for label, _ in self.ways]


def main():
    parser = make_parser(__doc__, "results")
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--rows", nargs="+", metavar="LABEL", help="only these rows")
    parser.add_argument("--study", type=pathlib.Path, default=ROOT / "build" / "bench" / "bin" / "ract_study")
    options = parser.parse_args()
    lines = Study(options.table, options).make()
    print("\n".join(lines))
    if options.write:
        write_into_document(options.table, lines)


if __name__ == "__main__":
    main()
