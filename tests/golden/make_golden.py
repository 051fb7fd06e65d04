#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the golden files: reference formulas of the algorithms in plain PyTorch, float64.

    python3 tests/golden/make_golden.py [--check]

Needs python3-torch and python3-numpy of Debian 12. Nothing here shares code with the library: the formulas are
written from the papers (see docs/algorithms). --check compares with the committed files instead of writing.
"""
import argparse
import json
import math
import pathlib
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
MAGIC = "recforce-golden"
VERSION = 1


def numbers(value):
    """Tensors as nested lists, rounded to what float64 carries across libraries."""
    return torch.as_tensor(value, dtype=torch.float64).tolist()


def rows(matrix):
    return [[int(i) for i in np.nonzero(row)[0]] for row in np.asarray(matrix)]


def autoencoder(weights, x, mask, noise, keep, variational):
    """Forward pass of Multi-VAE / Multi-DAE; returns logits, per-user NLL and per-user KL."""
    norm = x.pow(2).sum(1, keepdim=True).sqrt().clamp_min(1e-6)
    hidden = torch.tanh((x / norm * mask / keep) @ weights["encoder.weight"] + weights["encoder.bias"])
    mu = hidden @ weights["mu.weight"].T + weights["mu.bias"]
    kl = torch.zeros(x.shape[0], dtype=torch.float64)
    z = mu
    if variational:
        logvar = hidden @ weights["logvar.weight"].T + weights["logvar.bias"]
        z = mu + noise * torch.exp(0.5 * logvar)
        kl = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(1)
    hidden2 = torch.tanh(z @ weights["decoder.weight"].T + weights["decoder.bias"])
    logits = hidden2 @ weights["output.weight"].T + weights["output.bias"]
    nll = -(x * torch.log_softmax(logits, 1)).sum(1)
    return logits, nll, kl


def make_weights(generator, items, hidden, latent, variational):
    shapes = {
        "encoder.weight": (items, hidden), "encoder.bias": (hidden,),
        "mu.weight": (latent, hidden), "mu.bias": (latent,),
        "logvar.weight": (latent, hidden), "logvar.bias": (latent,),
        "decoder.weight": (hidden, latent), "decoder.bias": (hidden,),
        "output.weight": (items, hidden), "output.bias": (items,),
    }
    if not variational:
        del shapes["logvar.weight"], shapes["logvar.bias"]
    return {k: torch.randn(s, generator=generator, dtype=torch.float64) * 0.4 for k, s in shapes.items()}


def autoencoder_case(seed, variational, l2):
    generator = torch.Generator().manual_seed(seed)
    batch, items, hidden, latent, keep, beta, rate = 5, 13, 6, 4, 0.5, 0.13, 0.01
    x = (torch.rand((batch, items), generator=generator) < 0.4).double()
    x[3] = 0.0  # a user without clicks
    mask = (torch.rand((batch, items), generator=generator) < keep).double()
    noise = torch.randn((batch, latent), generator=generator, dtype=torch.float64)
    weights = make_weights(generator, items, hidden, latent, variational)
    case = {
        "items": items, "hidden": hidden, "latent": latent, "keep": keep, "beta": beta, "l2": l2, "rate": rate,
        "variational": variational, "x": rows(x), "seen": rows(x * mask), "noise": numbers(noise),
        "weights": {k: numbers(v) for k, v in weights.items()},
    }
    for value in weights.values():
        value.requires_grad_(True)
    optimiser = torch.optim.Adam(list(weights.values()), lr=rate)
    losses = []
    for step in range(5):
        logits, nll, kl = autoencoder(weights, x, mask, noise, keep, variational)
        loss = nll.mean() + beta * kl.mean() + l2 * sum(w.pow(2).sum() for w in weights.values())
        if step == 0:
            case["logits"], case["nll"], case["kl"] = numbers(logits.detach()), numbers(nll.detach()), numbers(kl.detach())
            plain = nll.mean() + beta * kl.mean()
            gradients = torch.autograd.grad(plain, list(weights.values()), retain_graph=True)
            case["gradients"] = {k: numbers(g) for k, g in zip(weights, gradients)}
        losses.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    case["losses"] = losses
    case["weights_after"] = {k: numbers(v.detach()) for k, v in weights.items()}
    return case


def ndcg(scores, seen, relevant, k):
    order = sorted((i for i in range(len(scores)) if i not in seen), key=lambda i: (-scores[i], i))
    gain = sum(1.0 / math.log2(r + 2) for r, item in enumerate(order[:k]) if item in relevant)
    ideal = sum(1.0 / math.log2(r + 2) for r in range(min(k, len(relevant))))
    return gain / ideal if relevant else 0.0


def critic_case(seed):
    """One critic step and the weights that it gives the actor, by full autograd through nll."""
    generator = torch.Generator().manual_seed(seed)
    batch = 6
    widths = [3, 100, 100, 10, 1]
    parameters = []
    for a, b in zip(widths, widths[1:]):
        # Three decimals keep the file small.
        weight = torch.randn((b, a), generator=generator, dtype=torch.float64) * math.sqrt(1.0 / a)
        parameters.append(torch.round(weight * 1000) / 1000)
        parameters.append(torch.round(torch.randn((b,), generator=generator, dtype=torch.float64) * 100) / 1000)
    seen = torch.randint(0, 9, (batch,), generator=generator).double()
    unseen = torch.randint(0, 9, (batch,), generator=generator).double()
    nll = torch.rand((batch,), generator=generator, dtype=torch.float64) * 60
    omega = torch.rand((batch,), generator=generator, dtype=torch.float64)
    mean = torch.tensor([4.0, 4.5, 28.0], dtype=torch.float64)
    deviation = torch.tensor([2.0, 2.5, 15.0], dtype=torch.float64)
    l2 = 1e-2
    saved = [numbers(p) for p in parameters]
    for p in parameters:
        p.requires_grad_(True)
    nll_leaf = nll.clone().requires_grad_(True)
    hidden = (torch.stack([seen, unseen, nll_leaf], 1) - mean) / deviation
    for layer in range(0, 8, 2):
        hidden = hidden @ parameters[layer].T + parameters[layer + 1]
        hidden = torch.relu(hidden) if layer < 6 else torch.sigmoid(hidden)
    value = hidden.squeeze(1)
    slope = torch.autograd.grad(value.sum(), nll_leaf, retain_graph=True)[0]
    loss = (value - omega).pow(2).mean()
    penalty = l2 * sum(p.pow(2).sum() for p in parameters) / batch
    optimiser = torch.optim.Adam(parameters, lr=1e-2)
    (loss + penalty).backward()
    optimiser.step()
    return {
        "parameters": saved, "seen": numbers(seen), "unseen": numbers(unseen), "nll": numbers(nll),
        "omega": numbers(omega), "mean": numbers(mean), "deviation": numbers(deviation), "l2": l2, "rate": 1e-2,
        "value": numbers(value.detach()), "slope": numbers(slope), "loss": float(loss.detach()),
        "sums_after": [float(p.detach().sum()) for p in parameters],
        "squares_after": [float(p.detach().pow(2).sum()) for p in parameters],
        "last_layer_after": numbers(parameters[6].detach()),
    }


def ease_case(seed):
    generator = np.random.default_rng(seed)
    x = (generator.random((40, 9)) < 0.35).astype(np.float64)
    l2 = 3.0
    inverse = np.linalg.inv(x.T @ x + l2 * np.eye(9))
    weights = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0.0)
    return {"x": rows(x), "l2": l2, "weights": weights.tolist(), "scores": (x[:3] @ weights).tolist()}


def edlae_case(seed):
    """EDLAE, one item after the other: ridge regression on all other items, each with a ridge of its own."""
    generator = np.random.default_rng(seed)
    x = (generator.random((40, 9)) < 0.35).astype(np.float64)
    x[:, 4] = 0.0  # an item that nobody has
    l2, dropout = 0.5, 0.3
    ridge = l2 + dropout / (1.0 - dropout) * (x * x).sum(0)
    weights = np.zeros((9, 9))
    for item in range(9):
        others = [i for i in range(9) if i != item]
        gram = x[:, others].T @ x[:, others] + np.diag(ridge[others])
        weights[others, item] = np.linalg.solve(gram, x[:, others].T @ x[:, item])
    return {"x": rows(x), "l2": l2, "dropout": dropout, "weights": weights.tolist(),
            "scores": (x[:3] @ weights).tolist()}


def recvae_encoder(weights, x):
    """Five layers, each of which also adds the outputs of all before it; rows come normalised."""
    outputs = []
    for layer in range(5):
        weight = weights[f"encoder.{layer}.weight"]
        z = (x @ weight if layer == 0 else outputs[-1] @ weight.T) + weights[f"encoder.{layer}.bias"] + sum(outputs)
        z = z * torch.sigmoid(z)
        outputs.append(torch.nn.functional.layer_norm(
            z, z.shape[1:], weights[f"norm.{layer}.gain"], weights[f"norm.{layer}.bias"], 0.1))
    mu = outputs[-1] @ weights["mu.weight"].T + weights["mu.bias"]
    return mu, outputs[-1] @ weights["logvar.weight"].T + weights["logvar.bias"]


def log_normal(z, mu, logvar):
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mu).pow(2) / torch.exp(logvar))


def recvae_loss(weights, old, x, seen, keep, noise):
    """Mean negative log-likelihood, and the KL term of each user at the sample z."""
    normed = x / x.pow(2).sum(1, keepdim=True).sqrt().clamp_min(1e-6)
    mu, logvar = recvae_encoder(weights, normed * seen / keep)
    z = mu + noise * torch.exp(0.5 * logvar)
    old_mu, old_logvar = recvae_encoder(old, normed)
    zero = torch.zeros_like(z)
    parts = [math.log(3 / 20) + log_normal(z, zero, zero), math.log(3 / 4) + log_normal(z, old_mu, old_logvar),
             math.log(1 / 10) + log_normal(z, zero, zero + 10.0)]
    kl = (log_normal(z, mu, logvar) - torch.logsumexp(torch.stack(parts), 0)).sum(1)
    logits = z @ weights["decoder.weight"].T + weights["decoder.bias"]
    return -(x * torch.log_softmax(logits, 1)).sum(1).mean(), kl


def recvae_weights(generator, items, hidden, latent):
    shapes = {}
    for layer in range(5):
        shapes[f"encoder.{layer}.weight"] = (items if layer == 0 else hidden, hidden)
        shapes |= {f"encoder.{layer}.bias": (hidden,), f"norm.{layer}.gain": (hidden,), f"norm.{layer}.bias": (hidden,)}
    shapes |= {"mu.weight": (latent, hidden), "mu.bias": (latent,), "logvar.weight": (latent, hidden),
               "logvar.bias": (latent,), "decoder.weight": (items, latent), "decoder.bias": (items,)}
    # Three decimals keep the file small.
    return {k: torch.round(torch.randn(s, generator=generator, dtype=torch.float64) * 400) / 1000
            for k, s in shapes.items()}


def recvae_case(seed):
    generator = torch.Generator().manual_seed(seed)
    batch, items, hidden, latent, keep, gamma, rate = 5, 11, 6, 4, 0.5, 0.05, 0.01
    x = (torch.rand((batch, items), generator=generator) < 0.4).double()
    x[3] = 0.0  # a user without clicks
    mask = (torch.rand((batch, items), generator=generator) < keep).double()
    noise = torch.randn((batch, latent), generator=generator, dtype=torch.float64)
    weights = recvae_weights(generator, items, hidden, latent)
    old = {k: v for k, v in recvae_weights(generator, items, hidden, latent).items() if "decoder" not in k}
    case = {"items": items, "hidden": hidden, "latent": latent, "keep": keep, "gamma": gamma, "rate": rate,
            "x": rows(x), "seen": rows(x * mask), "noise": numbers(noise),
            "weights": {k: numbers(v) for k, v in weights.items()}, "old": {k: numbers(v) for k, v in old.items()}}
    for value in weights.values():
        value.requires_grad_(True)
    encoder = [k for k in weights if "decoder" not in k]
    decoder = [k for k in weights if "decoder" in k]
    beta = gamma * x.sum(1)

    def encoder_loss():
        nll, kl = recvae_loss(weights, old, x, mask, keep, noise)
        return nll, kl, nll + (beta * kl).mean()

    nll, kl, loss = encoder_loss()
    case["nll"], case["kl"] = float(nll.detach()), float(kl.mean().detach())
    gradients = torch.autograd.grad(loss, [weights[k] for k in encoder])
    case["encoder_gradients"] = {k: numbers(g) for k, g in zip(encoder, gradients)}
    full = torch.ones_like(mask)
    nll, _ = recvae_loss(weights, old, x, full, 1.0, noise)
    case["decoder_nll"] = float(nll.detach())
    gradients = torch.autograd.grad(nll, [weights[k] for k in decoder])
    case["decoder_gradients"] = {k: numbers(g) for k, g in zip(decoder, gradients)}
    encoder_adam = torch.optim.Adam([weights[k] for k in encoder], lr=rate)
    decoder_adam = torch.optim.Adam([weights[k] for k in decoder], lr=rate)
    case["nlls"] = []
    for step in range(5):
        if step == 2:  # two steps of the encoder lie behind: renew the prior, then a step of the decoder
            old = {k: weights[k].detach().clone() for k in encoder}
            optimiser = decoder_adam
            nll, _ = loss, _ = recvae_loss(weights, old, x, full, 1.0, noise)
        else:
            optimiser = encoder_adam
            nll, _, loss = encoder_loss()
        case["nlls"].append(float(nll.detach()))
        for value in weights.values():
            value.grad = None
        loss.backward()
        optimiser.step()
    case["weights_after"] = {k: numbers(v.detach()) for k, v in weights.items()}
    return case


def ndcg_case(seed):
    generator = np.random.default_rng(seed)
    cases = []
    for _ in range(20):
        items = int(generator.integers(3, 30))
        scores = np.round(generator.normal(size=items), 1)  # rounded: ties happen
        kind = generator.integers(0, 3, size=items)
        seen = [int(i) for i in np.nonzero(kind == 1)[0]]
        relevant = [int(i) for i in np.nonzero(kind == 2)[0]]
        k = int(generator.integers(1, 40))
        cases.append({"scores": scores.tolist(), "seen": seen, "relevant": relevant, "k": k,
                      "ndcg": ndcg(scores.tolist(), set(seen), set(relevant), k)})
    return {"cases": cases}


def close(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b))
    if isinstance(a, float) or isinstance(b, float):
        return abs(a - b) <= 1e-9 * (1 + abs(b))
    return a == b


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed files; write nothing")
    check = parser.parse_args().check
    files = {
        "multi_vae.json": autoencoder_case(1, True, 0.0),
        "multi_dae.json": autoencoder_case(2, False, 0.02),
        "ract_critic.json": critic_case(3),
        "ract_ndcg.json": ndcg_case(4),
        "ease.json": ease_case(5),
        "edlae.json": edlae_case(6),
        "recvae.json": recvae_case(7),
    }
    bad = 0
    for name, content in files.items():
        content = {"magic": MAGIC, "version": VERSION, "made_by": "tests/golden/make_golden.py", **content}
        path = HERE / name
        if not check:
            path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
        elif not path.exists() or not close(json.loads(path.read_text(encoding="utf-8")), json.loads(json.dumps(content))):
            print(f"{path}: differs from what the formulas give")
            bad += 1
    if check:
        print(f"golden: {len(files) - bad} of {len(files)} files agree")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
