#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a table of docs/results.md: converts a public log, trains every model, evaluates, compares, prints Markdown.

    python3 bench/results.py TABLE [--seeds 1 2 3] [--rows LABEL ...] [--write] [--work DIR] [--program PATH] [--data DIR]

TABLE is one of bench/results_tables.py. Finished runs in --work are kept, so the command can be stopped and repeated.
The test part is looked at once, by `recforce evaluate`; selection uses validation alone. --write puts the table into
docs/results.md, between its markers.
"""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys

from results_tables import TABLES

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "results.md"
# Student's t, two-sided, by number of seeds
T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}


def call(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: exit {done.returncode}")
    return done.stdout


def interval(values):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, float("nan")
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    return mean, T95[len(values)] * deviation / math.sqrt(len(values))


def validations(run, phase=None):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [v["validation"] for v in lines if v.get("validation") is not None and phase in (None, v["phase"])]


def last_metric(run, phase, name):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return [v["metrics"][name] for v in lines if v["phase"] == phase][-1]


class Table:
    def __init__(self, name, options):
        self.name = name
        self.plan = TABLES[name]
        self.options = options
        self.work = options.work / name
        self.work.mkdir(parents=True, exist_ok=True)
        self.seeds = options.seeds or self.plan["seeds"]
        self.rows = [row for row in self.plan["rows"] if not options.rows or row["label"] in options.rows]
        self.values = {row["label"]: {m: [] for m in self.plan["metrics"]} for row in self.rows}
        self.seconds = {row["label"]: [] for row in self.rows}
        self.half = {}
        self.runs = {}  # (label, seed) -> run folder

    def call(self, *arguments):
        return call(self.options.program, *arguments)

    def convert(self):
        store = self.work / "data"
        if not store.exists():
            self.call("data", "convert", self.options.data / self.plan["input"], *self.plan["convert"], "--out", store)
        return store

    # A split that is drawn anew with each seed makes every row depend on it; else only models that draw do.
    def seeds_of(self, row):
        if not self.plan["split_by_seed"] and not row["draws"]:
            return self.seeds[:1]
        return self.seeds[:row["seeds"]]

    def run(self, store, row, seed):
        label = row["label"]
        slug = "".join(c if c.isalnum() else "-" for c in label.lower()).strip("-")
        run = self.work / f"{slug}-{seed}"
        settings = [*self.plan["settings"], *row["settings"], f"eval.metrics=[{','.join(self.plan['measured'])}]"]
        if self.plan["split_by_seed"]:
            settings.append(f"split.seed={seed}")
        settings = [s.replace("{data}", str(self.options.data)) for s in settings]
        arguments = ["train", "--model", row["model"], "--data", store, "--out", run, "--seed", seed, "--resume", "--quiet"]
        for setting in settings:
            arguments += ["--set", setting]
        self.call(*arguments)
        result = json.loads(self.call("evaluate", run, "--json"))
        self.runs[label, seed] = run
        self.seconds[label].append(json.loads((run / "run.json").read_text(encoding="utf-8"))["seconds"])
        for metric in self.plan["metrics"]:
            self.values[label][metric].append(result["metrics"][metric])
            if (label, metric) not in self.half:
                self.half[label, metric] = result["half_width95"].get(metric, float("nan"))
        print(f"seed {seed} {label}: " + " ".join(f"{m} {result['metrics'][m]:.4f}" for m in self.plan["metrics"]),
              file=sys.stderr, flush=True)

    def main_table(self):
        key = self.plan["metrics"][0]
        means = {label: interval(by_metric[key])[0] for label, by_metric in self.values.items()}
        best = max(means, key=means.get)
        first = self.seeds[0]
        # Rows whose training part is another have no paired difference: `recforce compare` refuses them.
        splits = {row["label"]: [s for s in row["settings"] if s.startswith("split.")] for row in self.rows}
        against = [label for label in splits if label != best and splits[label] == splits[best]]
        tests = {}
        if against:
            compared = json.loads(self.call("compare", self.runs[best, first], *(self.runs[o, first] for o in against),
                                            "--metric", key, "--json"))
            tests = self.differences(against, compared)
        head = [m.upper() for m in self.plan["metrics"]]
        lines = [f"| model | {' | '.join(head)} | {key}: best minus this | Holm's p | training |",
                 f"|---|{'---|' * len(head)}---|---|---|"]
        for row in self.rows:
            label = row["label"]
            cells = []
            for metric in self.plan["metrics"]:
                mean, half = interval(self.values[label][metric])
                text = f"{mean:.4f}" if math.isnan(half) else f"{mean:.4f} \u00b1 {half:.4f}"
                cells.append(f"**{text}**" if metric == key and label == best else text)
            seconds = sorted(self.seconds[label])[len(self.seconds[label]) // 2]
            lines.append(f"| {label} | {' | '.join(cells)} | {tests.get(label, ' | ')} | {seconds:.1f} s |")
        return lines

    @staticmethod
    def differences(labels, compared):
        cells = {}
        for label, row in zip(labels, compared["comparisons"]):
            low, high = row["ci95"]
            p = row.get("p_holm", row["p"])
            cells[label] = f"{row['difference']:+.4f} [{low:+.4f}, {high:+.4f}] | " + (
                f"{p:.3f}" if p >= 0.001 else "< 0.001")
        return cells

    # What fine-tuning adds to the actor that it began with, beside controls without a critic.
    def fine_tuning_table(self):
        lines = ["| seed | fine-tuning | validation gain over its actor | compared with | test difference, NDCG@100 "
                 "| 95 % interval | p | critic r |", "|---|---|---|---|---|---|---|---|"]
        pairs = [("RaCT", "Multi-VAE"), ("control: nll", "Multi-VAE"), ("control: nll per click", "Multi-VAE"),
                 ("RaCT", "control: nll")]
        for seed in self.seeds:
            for label, other in pairs:
                if (label, seed) not in self.runs or (other, seed) not in self.runs:
                    continue
                run = self.runs[label, seed]
                compared = json.loads(self.call("compare", run, self.runs[other, seed], "--metric", "ndcg@100",
                                                "--json"))
                row = compared["comparisons"][0]
                gain = max(validations(run)) - max(validations(run, "actor"))
                critic = f"{last_metric(run, 'critic', 'critic_r'):.2f}" if label == "RaCT" else ""
                low, high = row["ci95"]
                p = f"{row['p']:.3f}" if row["p"] >= 0.001 else "< 0.001"
                lines.append(f"| {seed} | {label} | {gain:+.4f} | {other} | {row['difference']:+.4f} "
                             f"| [{low:+.4f}, {high:+.4f}] | {p} | {critic} |")
        return lines if len(lines) > 2 else []

    def make(self):
        store = self.convert()
        for row in self.rows:
            for seed in self.seeds_of(row):
                self.run(store, row, seed)
        lines = self.main_table()
        if fine_tuning := self.fine_tuning_table():
            lines += ["", *fine_tuning]
        return lines


def write_into_document(name, lines, document=DOCUMENT):
    text = document.read_text(encoding="utf-8")
    begin, end = f"<!-- table {name} -->", f"<!-- end {name} -->"
    if begin not in text or end not in text:
        sys.exit(f"{document}: no markers for the table: '{begin}' and '{end}'")
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    document.write_text(before + begin + "\n" + "\n".join(lines) + "\n" + end + after, encoding="utf-8")


def make_parser(description, work):
    """The options of all programs that train, measure and write: --write, --work, --program, --data, --seeds."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / work)
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bin" / "recforce"))
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("RECFORCE_DATA", ROOT / ".." / "shared" / "data")))
    return parser


def main():
    parser = make_parser(__doc__, "results")
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--rows", nargs="+", metavar="LABEL", help="only these rows")
    options = parser.parse_args()
    known = [row["label"] for row in TABLES[options.table]["rows"]]
    if unknown := [label for label in options.rows or [] if label not in known]:
        parser.error(f"--rows: no such row: {unknown}; the table has {known}")
    if options.rows and options.write:
        parser.error("--write puts a whole table into the document; leave --rows out")
    if options.seeds and not 1 <= len(options.seeds) <= 10:
        parser.error("--seeds: from one to ten")
    lines = Table(options.table, options).make()
    print("\n".join(lines))
    if options.write:
        write_into_document(options.table, lines)


if __name__ == "__main__":
    main()
