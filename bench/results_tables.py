# SPDX-License-Identifier: Apache-2.0
"""What each table of docs/results.md is made of. Settings that differ from the defaults were chosen on validation
users, or on each user's last training interaction where the publisher gave the test part; docs/results.md says how."""


def row(label, model, *settings, draws=True):
    """`draws`: whether the model depends on its seed."""
    return {"label": label, "model": model, "settings": [f"{model}.{s}" for s in settings], "draws": draws}


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
            row("Popularity", "popularity", draws=False),
            row("EASE", "ease", "l2=200", draws=False),
            *autoencoders(["batch_size=50"], ["kl_anneal_steps=2000"], 40,
                          ["critic_epochs=80", "critic_learning_rate=1e-3", "finetune_epochs=30"]),
        ],
    },
    "ml-1m": {
        **STRONG,
        "input": "ml-1m",
        "settings": ["split.validation_users=750", "split.test_users=750"],
        "rows": [
            row("Popularity", "popularity", draws=False),
            row("EASE", "ease", "l2=500", draws=False),
            *autoencoders(["batch_size=100"], ["kl_anneal_steps=5000"], 50,
                          ["critic_epochs=30", "critic_learning_rate=1e-3", "finetune_epochs=30"]),
        ],
    },
}
