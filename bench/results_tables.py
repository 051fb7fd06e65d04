# SPDX-License-Identifier: Apache-2.0
"""What each table of docs/results.md is made of. Settings that differ from the defaults were chosen on validation
users, or on each user's last training interaction where the publisher gave the test part; docs/results.md says how."""


def row(label, model, *settings, draws=True, seeds=None):
    """`settings`: of the model, or of the `split`. `draws`: whether the model depends on its seed. `seeds`: how many
    of the table's seeds it is trained with, where all would take hours."""
    named = [s if s.startswith("split.") else f"{model}.{s}" for s in settings]
    return {"label": label, "model": model, "settings": named, "draws": draws, "seeds": seeds}


def autoencoders(actor, vae, epochs, ract):
    """Multi-VAE, RaCT and its two controls with one actor."""
    shared = [*actor, *vae]
    fine_tuned = [*shared, f"actor_epochs={epochs}", *ract]
    return [
        row("Multi-DAE", "multi_dae", *actor, f"epochs={epochs}"),
        row("Multi-VAE", "multi_vae", *shared, f"epochs={epochs}"),
        row("RaCT", "ract", *fine_tuned),
        row("control: nll", "ract", *fine_tuned, "finetune=nll"),
        row("control: nll per click", "ract", *fine_tuned, "finetune=nll_per_click"),
    ]


def classics(ease, ials):
    """Models that are not autoencoders; those without settings were best, or as good, with the defaults."""
    return [
        row("Popularity", "popularity", draws=False),
        row("ItemKNN", "itemknn", draws=False),
        row("UserKNN", "userknn", draws=False),
        row("SLIM", "slim", draws=False),
        row("EASE", "ease", *ease, draws=False),
        row("iALS, d = 64", "ials", *ials),
        row("BPR-MF, d = 64", "bpr"),
    ]


STRONG = {
    "convert": ["--min-rating", "4", "--min-user-interactions", "5"],
    "metrics": ["ndcg@100", "recall@20", "recall@50"],
    "measured": ["ndcg@100", "recall@20", "recall@50"],
    "seeds": [1, 2, 3],
    "split_by_seed": True,
}

TABLES = {
    "ml-100k": {
        **STRONG,
        "input": "ml-100k",
        "settings": ["split.validation_users=150", "split.test_users=150"],
        "rows": [
            *classics(["l2=200"], []),
            row("RecVAE", "recvae"),
            *autoencoders(["batch_size=50"], ["kl_anneal_steps=2000"], 40,
                          ["critic_epochs=80", "critic_learning_rate=1e-3", "finetune_epochs=30"]),
        ],
    },
    "ml-1m": {
        **STRONG,
        "input": "ml-1m",
        "settings": ["split.validation_users=750", "split.test_users=750"],
        "rows": [
            *classics(["l2=500"], ["reg=0.0047", "unobserved_weight=0.38"]),
            row("RecVAE", "recvae"),
            *autoencoders(["batch_size=100"], ["kl_anneal_steps=5000"], 50,
                          ["critic_epochs=30", "critic_learning_rate=1e-3", "finetune_epochs=30"]),
        ],
    },
}

# Of models whose epoch is chosen on validation: each user's last training item is held out, and not learnt from.
LAST_ITEM = ["split.validation_from=last"]

# The publisher's test part; one target a user among 100 candidates.
TABLES["ml-1m-ncf"] = {
    "input": "ml-1m-ncf",
    "convert": ["--format", "ncf"],
    "metrics": ["hr@10", "ndcg@10"],
    "measured": ["hr@10", "ndcg@10"],
    "seeds": [1, 2, 3],
    "split_by_seed": False,
    "settings": ["split.kind=given", "split.validation_from=none", "split.candidates=given", "eval.ties=optimistic"],
    "rows": [
        row("ItemPop", "popularity", draws=False),
        row("GMF-8, published factors", "factors", "users={data}/ml-1m-ncf/gmf8_user_factors.npy",
            "items={data}/ml-1m-ncf/gmf8_item_factors.npy", draws=False),
        row("ItemKNN", "itemknn", draws=False),
        row("UserKNN", "userknn", draws=False),
        row("SLIM", "slim", draws=False),
        row("EASE", "ease", "l2=1000", draws=False),
        row("EASE with dropout", "ease", "l2=1000", "dropout=0.25", draws=False),
        row("iALS, d = 64", "ials"),
        row("iALS, d = 192", "ials", "dim=192", "reg=0.007", "unobserved_weight=0.3", "epochs=12"),
        row("BPR-MF, d = 64", "bpr"),
        row("RecVAE", "recvae", *LAST_ITEM, seeds=1),
        row("Multi-DAE", "multi_dae", *LAST_ITEM, "batch_size=100", "epochs=50"),
        row("Multi-VAE", "multi_vae", *LAST_ITEM, "batch_size=100", "epochs=50", "kl_anneal_steps=5000"),
    ],
}

# SASRec's preprocessing; a user's last event is the target, the whole catalogue is ranked.
TABLES["ml-1m-sasrec"] = {
    "input": "ml-1m-sasrec",
    "convert": ["--format", "pairs"],
    "metrics": ["hr@10", "ndcg@10"],
    "measured": ["hr@10", "ndcg@10"],
    "seeds": [1, 2, 3],
    "split_by_seed": False,
    "settings": ["split.kind=leave_last_out", "train.valid_metric=ndcg@10"],
    "rows": [
        row("Popularity", "popularity", draws=False),
        row("ItemKNN", "itemknn", draws=False),
        row("ItemKNN, recent items first", "itemknn", "decay=0.8", draws=False),
        row("EASE", "ease", "l2=500", draws=False),
        row("iALS, d = 64", "ials"),
        row("BPR-MF, d = 64", "bpr"),
        row("SASRec", "sasrec", "epochs=60", seeds=1),
        row("GRU4Rec", "gru4rec", "layers=[128]", "epochs=5", "learning_rate_left=0", seeds=1),
    ],
}

# The publisher's test part; the whole catalogue is ranked.
TABLES["amazon-cds"] = {
    "input": "amazon-cds",
    "convert": ["--format", "adjacency"],
    "metrics": ["ndcg@20", "recall@20"],
    "measured": ["ndcg@20", "recall@20"],
    "seeds": [1, 2, 3],
    "split_by_seed": False,
    "settings": ["split.kind=given", "split.validation_from=none"],
    "rows": [
        row("Popularity", "popularity", draws=False),
        row("ItemKNN", "itemknn", draws=False),
        row("UserKNN", "userknn", draws=False),
        row("SLIM", "slim", draws=False),
        row("iALS, d = 128", "ials", "dim=128", "unobserved_weight=0.0014", "reg=0.03", "epochs=8"),
        row("BPR-MF, d = 128", "bpr", "dim=128"),
        row("EASE", "ease", "l2=500", "precision=float32", draws=False),
        row("RecVAE", "recvae", *LAST_ITEM, "split.validation_users=2000", "epochs=15", seeds=1),
        row("Multi-DAE", "multi_dae", *LAST_ITEM, "split.validation_users=2000", "epochs=30", "patience=4", seeds=1),
    ],
}

# The publisher's test cases: the prefix of a session, then the item that follows.
TABLES["yoochoose"] = {
    "input": "yoochoose1_64",
    "convert": ["--format", "sessions"],
    "metrics": ["recall@20", "mrr@20"],
    "measured": ["recall@20", "mrr@20"],
    "seeds": [1, 2, 3],
    "split_by_seed": False,
    "settings": ["split.kind=given", "split.validation_from=none"],
    "rows": [
        row("Popularity", "popularity", draws=False),
        row("ItemKNN", "itemknn", "decay=0.5", draws=False),
        row("Session kNN", "userknn", "neighbours=500", "sample=5000", "decay=0.5", draws=False),
        row("EASE", "ease", "precision=float32", draws=False),
        row("SLIM", "slim", draws=False),
        row("iALS, d = 64", "ials", "unobserved_weight=0.0002", "reg=0.024", "epochs=8"),
        row("SASRec", "sasrec", "epochs=7", "batch_size=128", "max_length=50", seeds=1),
        row("GRU4Rec", "gru4rec", "layers=[480]", "batch_size=48", "epochs=3", "learning_rate_left=0",
            "hidden_dropout=0.4", seeds=1),
    ],
}
