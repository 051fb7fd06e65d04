#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Full-catalogue evaluation of ML-1M beside RecBole's: the same log, split rule, model size and metrics, in turns.

    python3 bench/recbole_evaluation.py --recbole CHECKOUT [--rounds 3] [--data DIR] [--program PATH]

CHECKOUT is a copy of RecBole (1.2.1 was used). It needs numpy, scipy, pandas, scikit-learn, tqdm, colorlog, colorama,
tabulate, texttable, psutil and PyTorch, all of Debian 12; modules that its evaluation imports and never calls
(tensorboard, thop, ray) are replaced by empty ones. Model: Multi-VAE, hidden 600, latent 200, untrained on their side
(the time does not depend on the weights). Theirs is the call of Trainer.evaluate() alone, once with RecBole's default batch
and once with one of 500 users; ours is the same work (the "seconds" of `recforce evaluate --json`) and, beside it, the
whole process from start to kept result.
"""
import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import types

ROOT = pathlib.Path(__file__).resolve().parent.parent
OURS = "recforce, evaluation alone"
PROCESS = "recforce evaluate, whole process"
METRICS = ["Recall", "MRR", "NDCG", "Hit", "Precision"]


def stand_in(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def load_recbole(checkout):
    """RecBole's modules, with empty ones for what the evaluation never calls."""
    import numpy

    for old, new in (("bool", bool), ("int", int), ("float", float), ("object", object)):
        if old not in numpy.__dict__:
            setattr(numpy, old, new)
    unused = type("Unused", (), {"__init__": lambda self, *args, **kwargs: None})
    import torch.utils

    stand_in("torch.utils.tensorboard", SummaryWriter=unused)
    for name in ("thop", "thop.profile", "thop.vision", "thop.vision.basic_hooks", "ray"):
        stand_in(name)
    stand_in("ray.tune")
    sys.path.insert(0, str(checkout))


def write_atomic_file(ratings, folder):
    (folder / "ml-1m").mkdir(parents=True)
    with gzip.open(ratings, "rt", encoding="latin-1") as source, open(
            folder / "ml-1m" / "ml-1m.inter", "w", encoding="utf-8") as out:
        out.write("user_id:token\titem_id:token\trating:float\ttimestamp:float\n")
        for line in source:
            out.write(line.rstrip("\n").replace("::", "\t") + "\n")


def recbole_evaluations(folder):
    """Functions that evaluate the test users once, by name."""
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.trainer import Trainer
    from recbole.utils import get_model, init_seed

    result = {}
    for name, batch in (("RecBole, default batch", None), ("RecBole, 500 users a batch", 500 * 3600)):
        settings = {
            "data_path": str(folder), "load_col": {"inter": ["user_id", "item_id", "rating", "timestamp"]},
            "val_interval": {"rating": "[4,inf)"}, "user_inter_num_interval": "[5,inf)",
            "eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "group_by": "user", "order": "RO", "mode": "full"},
            "mlp_hidden_size": [600], "latent_dimension": 200, "metrics": METRICS, "topk": [10], "use_gpu": False,
            "checkpoint_dir": str(folder / "saved"), "show_progress": False, "train_neg_sample_args": None,
        }
        if batch:
            settings["eval_batch_size"] = batch
        config = Config(model="MultiVAE", dataset="ml-1m", config_dict=settings)
        init_seed(1, True)
        dataset = create_dataset(config)
        train, _, test = data_preparation(config, dataset)
        model = get_model("MultiVAE")(config, train.dataset)
        trainer = Trainer(config, model)
        trainer.tot_item_num = None
        trainer.eval_collector.data_collect(train)
        result[name] = lambda trainer=trainer, test=test: trainer.evaluate(test, load_best_model=False)
        print(f"{name}: {len(test.dataset.inter_feat)} test interactions, {dataset.item_num - 1} items")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recbole", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", default=str(ROOT / "build" / "release" / "bin" / "recforce"))
    parser.add_argument("--data", type=pathlib.Path,
                        default=pathlib.Path(os.environ.get("RECFORCE_DATA", ROOT / ".." / "shared" / "data")))
    options = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole reads it too
    load_recbole(options.recbole.resolve())
    import torch

    torch.set_num_threads(os.cpu_count())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
        subprocess.run([options.program, "data", "convert", options.data / "ml-1m", "--min-rating", "4",
                        "--min-user-interactions", "5", "--out", folder / "store"], **quiet)
        metrics = "recall@10,mrr@10,ndcg@10,hr@10,precision@10"
        subprocess.run([options.program, "train", "--model", "multi_vae", "--data", folder / "store", "--out",
                        folder / "run", "--set", "split.kind=random_ratio", "--set", "multi_vae.epochs=1", "--set",
                        f"eval.metrics=[{metrics}]"], **quiet)
        write_atomic_file(options.data / "ml-1m" / "ratings.dat.gz", folder / "recbole")
        contenders = recbole_evaluations(folder / "recbole")
        seconds = {contender: [] for contender in [OURS, PROCESS, *contenders]}
        for _ in range(options.rounds):
            start = time.perf_counter()
            report = subprocess.run([options.program, "evaluate", folder / "run", "--json"], check=True,
                                    capture_output=True).stdout
            seconds[PROCESS].append(time.perf_counter() - start)
            seconds[OURS].append(json.loads(report)["seconds"])
            for contender, body in contenders.items():
                start = time.perf_counter()
                body()
                seconds[contender].append(time.perf_counter() - start)
    for contender, taken in seconds.items():
        print(f"{contender:<34} median {statistics.median(taken):8.3f} s   min {min(taken):8.3f}   max {max(taken):8.3f}")
    for contender in contenders:
        for ours in (OURS, PROCESS):
            ratios = [theirs / mine for theirs, mine in zip(seconds[contender], seconds[ours])]
            wanted = ">= 50" if "default" in contender and ours == OURS else "as it comes"
            print(f"ratio full evaluation: {statistics.median(ratios):.1f} ({contender} / {ours}; wanted {wanted})")


if __name__ == "__main__":
    main()
