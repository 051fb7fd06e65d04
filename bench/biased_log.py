#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the table of docs/examples/biased_log.md: what policies that learnt from a skewed log are worth, and what the
log alone says of them.

    python3 bench/biased_log.py [--write] [--seeds 1 2 3 4 5] [--work DIR] [--program PATH]

Each seed is another world, other users and other draws. Finished steps in --work are kept.
"""
import json

from results import ROOT, call, interval, make_parser, write_into_document

DOCUMENT = ROOT / "docs" / "examples" / "biased_log.md"
SIZES = (1, 4, 16)
LOGGED, JUDGED, TRIED = 20000, 10000, 4000  # users who are learnt from, who the estimates are made of, who answer
ESTIMATORS = ("snips", "dr")


def settings(*pairs):
    return [part for pair in pairs for part in ("--set", pair)]


SPLIT = settings("split.kind=strong_generalization", "split.test_users=100")
# Agreement with the log says when to stop a model of its clicks; a policy that is to leave the log keeps its last epoch.
CROSS_ENTROPY = ["--model", "gru4rec", *SPLIT, *settings("split.validation_users=1000", "gru4rec.epochs=5")]
GRADIENT = ["--model", "topk_reinforce", *SPLIT,
            *settings("split.validation_users=100", "topk_reinforce.discount=0", "topk_reinforce.epochs=15")]


class World:
    """Logs, models and answers of one seed."""

    def __init__(self, options, seed):
        self.options = options
        self.seed = seed
        self.work = options.work / str(seed)
        self.work.mkdir(parents=True, exist_ok=True)

    def call(self, *arguments):
        return call(self.options.program, *arguments, "--quiet")

    def simulate(self, *arguments):
        return self.call("simulate", "--environment", "world:latent", "--set", f"environment.seed={self.seed}", "--seed",
                         self.seed, *arguments)

    def log(self, name, first, users):
        path = self.work / f"{name}.jsonl"
        if not path.exists():
            self.simulate("--policy", "drawn:popularity", "--set", "serving.temperature=0.5", "--slate", 1, "--users",
                          users, "--first-user", first, "--decisions", path)
        return path

    def dataset(self, log, name, *filters):
        path = self.work / name
        if not path.exists():
            self.call("data", "convert", log, "--out", path, *filters)
        return path

    def model(self, name, data, *arguments):
        path = self.work / name
        if not (path / "model").exists():
            self.call("train", "--data", data, "--out", path, "--seed", self.seed, *arguments)
        return path

    def prepare(self):
        log = self.log("learn", 0, LOGGED)
        self.judge = self.log("judge", LOGGED, JUDGED)
        shown = self.dataset(log, "shown")
        clicks = self.dataset(log, "clicks", "--min-rating", 1)
        entropy = self.model("cross_entropy", clicks, *CROSS_ENTROPY)
        uncorrected = self.model("uncorrected", shown, *GRADIENT,
                                 *settings("topk_reinforce.correction=none", "topk_reinforce.top_k=1"))
        corrected = {k: self.model(f"corrected_{k}", shown, *GRADIENT, *settings(f"topk_reinforce.top_k={k}"))
                     for k in SIZES}
        self.policies = {k: {"cross-entropy (`gru4rec`)": entropy,
                             "`correction=none`": uncorrected,
                             "corrected, `top_k=1`": corrected[1],
                             f"corrected, `top_k={k}`": corrected[k]} for k in SIZES}

    def values(self, size):
        """What slates of the policies bring users who answer: {label: reward a page}."""
        runs = self.policies[size]
        drawn = [part for run in runs.values() for part in ("--policy", f"drawn:{run}")]
        found = json.loads(self.simulate(*drawn, "--slate", size, "--users", TRIED, "--first-user", LOGGED + JUDGED,
                                         "--json"))
        return {label: policy["reward_per_step"] for label, policy in zip(runs, found["policies"])}

    def estimates(self, size):
        """What the log of the others says of them: {label: {estimator: value}}, and effective samples."""
        runs = self.policies[size]
        asked = [part for run in runs.values() for part in ("--policy", run)]
        found = json.loads(self.call("ope", "--log", self.judge, *asked, "--top-k", size, "--estimators",
                                     ",".join(ESTIMATORS), "--replicates", 200, "--json", "--allow-unsupported"))
        return {label: policy for label, policy in zip(runs, found["policies"])}


def table(worlds, size):
    truths = [world.values(size) for world in worlds]
    answers = [world.estimates(size) for world in worlds]
    named = [{name: {label: next(e["value"] for e in policy["estimates"] if e["estimator"] == name)
                     for label, policy in answer.items()} for name in ESTIMATORS} for answer in answers]
    labels = list(dict.fromkeys(truths[0]))
    lines = [f"| K = {size} | reward a page | " + " | ".join(f"`{name}` of K draws" for name in ESTIMATORS) +
             " | effective sample |", "|---|---|" + "---|" * len(ESTIMATORS) + "---|"]
    for label in labels:
        cells = ["{:.4f} \u00b1 {:.4f}".format(*interval([truth[label] for truth in truths]))]
        cells += ["{:.4f} \u00b1 {:.4f}".format(*interval([values[name][label] for values in named]))
                  for name in ESTIMATORS]
        cells.append("{:,.0f}".format(sum(a[label]["effective_sample_size"] for a in answers) / len(answers)))
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    best = labels[-1]
    agreed = {name: sum(all((truth[a] < truth[b]) == (values[name][a] < values[name][b])
                            for a in labels[:2] for b in (best,)) for truth, values in zip(truths, named))
              for name in ESTIMATORS}
    above = sum(all(truth[a] < truth[best] for a in labels[:2]) for truth in truths)
    lines.append("")
    lines.append(f"The corrected policy is worth more than the other two in {above} of {len(worlds)} worlds; the log says "
                 "so in " + ", ".join(f"{agreed[name]} (`{name}`)" for name in ESTIMATORS) + ".")
    return lines


def main():
    options = make_parser(__doc__, "biased_log").parse_args()
    worlds = [World(options, seed) for seed in options.seeds or [1, 2, 3, 4, 5]]
    for world in worlds:
        world.prepare()
    lines = []
    for size in SIZES:
        lines += table(worlds, size) + [""]
    lines.pop()
    print("\n".join(lines))
    if options.write:
        write_into_document("biased_log", lines, DOCUMENT)


if __name__ == "__main__":
    main()
