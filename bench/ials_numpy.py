#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sweep of bench/ials.cpp as one would write it in NumPy: one solve a row. Reads the interactions from the file
that the benchmark names; does one sweep for each line of stdin and answers each with a line."""
import sys

import numpy as np

REG = 0.01
UNOBSERVED = 0.1


def transpose(offsets, items, num_items):
    users = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.argsort(items, kind="stable")
    counts = np.bincount(items, minlength=num_items)
    return np.concatenate([[0], np.cumsum(counts)]), users[order]


def solve_side(offsets, columns, fixed, target):
    gram = UNOBSERVED * (fixed.T @ fixed)
    eye = np.eye(fixed.shape[1], dtype=np.float32)
    for row in range(len(offsets) - 1):
        rows = fixed[columns[offsets[row]:offsets[row + 1]]]
        ridge = REG * (len(rows) + UNOBSERVED * len(fixed))
        target[row] = np.linalg.solve(gram + rows.T @ rows + np.float32(ridge) * eye, rows.sum(axis=0))


def main():
    with open(sys.argv[1], "rb") as file:
        users, num_items, nnz, dim = np.fromfile(file, np.int64, 4)
        offsets = np.fromfile(file, np.int64, users + 1)
        items = np.fromfile(file, np.int32, nnz)
    item_offsets, item_users = transpose(offsets, items, num_items)
    rng = np.random.default_rng(1)
    w = rng.normal(0, 0.1 / np.sqrt(dim), (users, dim)).astype(np.float32)
    h = np.zeros((num_items, dim), dtype=np.float32)
    for _ in sys.stdin:
        solve_side(item_offsets, item_users, w, h)
        solve_side(offsets, items, h, w)
        print("done", flush=True)


if __name__ == "__main__":
    main()
