#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a table of DRR in docs/results.md: agents beside what they begin with and the floors of `evaluate --floors`.

    python3 bench/drr_results.py TABLE [--seeds 1 2 3 4 5] [--write] [--work DIR] [--program PATH] [--data DIR]

Finished runs in --work are kept, so the command can be stopped and repeated. Weights are chosen on validation; the test
part is looked at once a run.
"""
import json
import sys

from results import call, interval, make_parser, validations, write_into_document

METRICS = ["hr@10", "ndcg@10"]

NCF = {
    "input": "ml-1m-ncf",
    "convert": ["--format", "ncf"],
    "settings": ["split.kind=given", "split.validation_from=last", "split.candidates=given", "eval.ties=optimistic",
                 "train.valid_metric=hr@370"],
    "start": ["ials", []],
    "rows": [
        ("DRR-ave (TD3)", "drr", []),
        ("DRR-ave (TD3), by the slope of Q, 2 seeds", "drr", ["drr.actor_gradient=slope", "drr.q_weight=0.1"], 2),
        ("the ranking loss alone, 3 seeds", "drr", ["drr.q_weight=0"], 3),
        ("the critic alone, 3 seeds", "drr", ["drr.ranking_weight=0"], 3),
        ("DRR-ave from scratch, 2 seeds", "drr",
         ["drr.pretrain=none", "drr.embeddings=fine_tuned", "drr.actions=trained", "drr.init_stdev=0.1",
          "drr.state_gradient=both", "drr.updates_per_step=0.005", "drr.capacity=500000", "drr.episodes=2048",
          "drr.epochs=10", "drr.state_learning_rate=3e-3", "drr.actor_learning_rate=1e-3", "drr.actor_start=0",
          "drr.hidden=[64]"], 2),
    ],
}

# Leave one out of 99 that are drawn.
SMALL = {
    "input": "ml-100k",
    "convert": [],
    "settings": ["split.kind=leave_last_out", "split.candidates=sampled", "split.negatives=99",
                 "eval.ties=optimistic", "train.valid_metric=hr@160"],
    "start": ["ials", []],
    "rows": [
        ("DRR-ave (TD3)", "drr", ["drr.epochs=10"]),
        ("the ranking loss alone, 3 seeds", "drr", ["drr.epochs=10", "drr.q_weight=0"], 3),
        ("the critic alone, 3 seeds", "drr", ["drr.epochs=10", "drr.ranking_weight=0"], 3),
    ],
}

# The schedule of the notebook that DRR's best-known code is: 440,000 updates of 512 with eight numbers a vector, in its
# world, measured by its protocol. The last weights count, there is no validation part.
SEED = {
    "input": "ml-1m",
    "convert": ["--min-rating", "4"],
    "settings": ["split.kind=random_rows", "split.rows=target", "split.validation_ratio=0", "split.test_ratio=0.2",
                 "split.negatives=99", "split.negatives_from=not_test", "split.negatives_distinct=false",
                 "split.mask_seen=no"],
    "start": ["ials", ["ials.dim=8", "ials.unobserved_weight=0.3"]],
    "rows": [],
}
_SCHEDULE = ["drr.dim=8", "drr.hidden=[16]", "drr.memory=5", "drr.discount=0.8", "drr.batch_size=512",
             "drr.epochs=44", "drr.updates_per_epoch=10000", "drr.updates_per_step=1", "drr.capacity=1000000",
             "drr.window=0", "drr.negatives=1", "drr.negatives_repeat=true", "drr.negatives_from=complement",
             "drr.clear_memory=false", "drr.min_positives=20", 'drr.pretrain_settings=["unobserved_weight=0.3"]',
             "drr.ranking_weight=0", "drr.learning_rate=1e-5", "drr.actor_learning_rate=1e-5",
             "drr.state_learning_rate=1e-5"]
SEED["rows"] = [
    ("DRR-ave (TD3), 1 seed", "drr", _SCHEDULE, 1),
    ("DRR-ave (DDPG), by the slope of Q, 1 seed", "drr",
     [*_SCHEDULE, "drr.agent=ddpg", "drr.actor_gradient=slope"], 1),
]

TABLES = {"drr-ml-1m-ncf": NCF, "drr-ml-100k": SMALL, "drr-seed": SEED}


class Table:
    def __init__(self, name, options):
        self.plan = TABLES[name]
        self.options = options
        self.work = options.work / name
        self.work.mkdir(parents=True, exist_ok=True)
        self.seeds = options.seeds or [1, 2, 3, 4, 5]

    def call(self, *arguments):
        return call(self.options.program, *arguments)

    def train(self, label, model, settings, seed):
        slug = "".join(c if c.isalnum() else "-" for c in label.lower()).strip("-")
        run = self.work / f"{slug}-{seed}"
        arguments = ["train", "--model", model, "--data", self.store, "--out", run, "--seed", seed, "--resume",
                     "--quiet"]
        for setting in [*self.plan["settings"], *settings, f"eval.metrics=[{','.join(METRICS)}]"]:
            arguments += ["--set", setting]
        self.call(*arguments)
        floors = json.loads(self.call("evaluate", run, "--floors", "--json"))["floors"]["rows"]
        rows = {row["name"]: row["metrics"] for row in floors}
        rows["own"] = floors[0]["metrics"]
        seconds = json.loads((run / "run.json").read_text(encoding="utf-8"))["seconds"]
        print(f"seed {seed} {label}: " + " ".join(f"{m} {rows['own'][m]:.4f}" for m in METRICS), file=sys.stderr,
              flush=True)
        return run, rows, seconds

    def row(self, label, measured, seconds, p=""):
        cells = []
        for metric in METRICS:
            mean, half = interval([rows["own"][metric] for rows in measured])
            cells.append(f"{mean:.4f}" + (f" \u00b1 {half:.4f}" if len(measured) > 1 else ""))
        gaps = [rows["own"]["hr@10"] - rows["shuffled user"]["hr@10"] for rows in measured]
        mean_user = [rows["mean user"]["hr@10"] for rows in measured]
        return (f"| {label} | {' | '.join(cells)} | {sum(mean_user) / len(mean_user):.4f} "
                f"| {sum(gaps) / len(gaps):+.4f} | {p} | {sorted(seconds)[len(seconds) // 2]:.0f} s |")

    def against(self, runs, starts):
        """The differences from the start of each seed, and the largest of their p."""
        pairs = [json.loads(self.call("compare", run, start, "--metric", "hr@10", "--json"))["comparisons"][0]
                 for run, start in zip(runs, starts)]
        difference = sum(pair["difference"] for pair in pairs) / len(pairs)
        p = max(pair["p"] for pair in pairs)
        return f"{difference:+.4f}, p {'< 0.001' if p < 0.001 else f'{p:.3f}'}"

    def stability(self, runs):
        """The least validation value in the last half of training, beside the best one until then."""
        least = 1.0
        for run in runs:
            values = validations(run, "train")
            for at in range(len(values) // 2, len(values)):
                least = min(least, values[at] / max(values[:at + 1]))
        return least

    def make(self):
        self.store = self.work / "data"
        if not self.store.exists():
            self.call("data", "convert", self.options.data / self.plan["input"], *self.plan["convert"], "--out",
                      self.store)
        model, settings = self.plan["start"]
        starts = [self.train("where it begins", model, settings, seed) for seed in self.seeds]
        popular = starts[0][1]["popularity"]
        lines = ["| | HR@10 | NDCG@10 | HR@10 of the mean user | HR@10, own minus shuffled user "
                 "| HR@10 minus the start's, paired | training |", "|---|---|---|---|---|---|---|",
                 f"| ItemPop | {popular['hr@10']:.4f} | {popular['ndcg@10']:.4f} | | | | |",
                 self.row("where it begins: " + model, [s[1] for s in starts], [s[2] for s in starts])]
        for label, model, settings, *count in self.plan["rows"]:
            made = [self.train(label, model, settings, seed) for seed in self.seeds[:count[0] if count else None]]
            lines.append(self.row(label, [m[1] for m in made], [m[2] for m in made],
                                  self.against([m[0] for m in made], [s[0] for s in starts])))
            if validations(made[0][0], "train"):
                print(f"{label}: least validation over best so far, last half: "
                      f"{self.stability([m[0] for m in made]):.3f}", file=sys.stderr, flush=True)
        return lines


def main():
    parser = make_parser(__doc__, "results")
    parser.add_argument("table", choices=TABLES)
    options = parser.parse_args()
    lines = Table(options.table, options).make()
    print("\n".join(lines))
    if options.write:
        write_into_document(options.table, lines)


if __name__ == "__main__":
    main()
