#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The model of bench/gru4rec_step.cpp in PyTorch, three times: the same batches, columns, correction, dropout and loss,
with nn.GRUCell (whose reset gate comes after the product). `dense`: nn.Embedding and torch.optim.Adagrad as they come,
whose gradients and steps go over the whole table. `sparse`: the same with sparse=True. `rows`: the touched rows are
taken out of the table, each once, as a leaf of autograd, and Adagrad moves them alone; the network has
torch.optim.Adagrad. Reads the log from the file that the benchmark names; does some steps for each line of stdin that
names one of the three, and answers with their mean loss."""
import sys

import numpy as np
import torch
from torch import nn

RATE, EPSILON, DROPOUT, EXPONENT = 0.07, 1e-6, 0.2, 0.5


class Lanes:
    """Sessions side by side, an event a step; behind the last session comes the first one again."""

    def __init__(self, offsets, items, lanes):
        self.offsets, self.items, self.begun = offsets, items, 0
        self.at, self.end = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)

    def next(self):
        ended = self.at >= self.end
        rows = (self.begun + np.arange(ended.sum())) % (len(self.offsets) - 1)
        self.begun += len(rows)
        self.at[ended], self.end[ended] = self.offsets[rows], self.offsets[rows + 1] - 1
        inputs, targets = self.items[self.at], self.items[self.at + 1]
        self.at += 1
        return torch.from_numpy(inputs), torch.from_numpy(targets), torch.from_numpy(ended)


class Draws:
    """Items in proportion to how often they are targets, to a power; and how often columns are expected to hold them."""

    def __init__(self, offsets, items, count, lanes, negatives):
        is_target = np.ones(len(items), bool)
        is_target[offsets[:-1]] = False
        counts = np.maximum(np.bincount(items[is_target], minlength=count), 1).astype(np.float64)
        weights = counts ** EXPONENT
        self.sums = torch.from_numpy(np.cumsum(weights / weights.sum()))
        self.negatives = negatives
        expected = lanes * counts / counts.sum() + negatives * weights / weights.sum()
        self.shift = torch.from_numpy(-np.log(expected)).float()

    def columns(self, targets):
        drawn = torch.searchsorted(self.sums, torch.rand(self.negatives, dtype=torch.float64))
        return torch.cat([targets, drawn.clamp(max=len(self.sums) - 1)])


class Model(nn.Module):
    def __init__(self, items, units, sparse):
        super().__init__()
        self.items, self.bias = nn.Embedding(items, units, sparse=sparse), nn.Embedding(items, 1, sparse=sparse)
        self.cell, self.dropout = nn.GRUCell(units, units), nn.Dropout(DROPOUT)
        nn.init.xavier_uniform_(self.items.weight)
        nn.init.zeros_(self.bias.weight)
        for name, parameter in self.cell.named_parameters():
            if "bias" in name:
                nn.init.zeros_(parameter)
            else:
                for gate in parameter.chunk(3):
                    nn.init.xavier_uniform_(gate)

    def loss(self, inputs, rows, bias, columns, shift, state):
        """Also the new state. inputs and rows: vectors of what went in and of the columns."""
        state = self.cell(inputs, state)
        scores = torch.addmm(bias.t() + shift, self.dropout(state), rows.t())
        targets = torch.arange(len(inputs))
        hits = columns[:len(inputs), None] == columns
        hits[targets, targets] = False
        return nn.functional.cross_entropy(scores.masked_fill(hits, -np.inf), targets), state.detach()


class Embedded:
    def __init__(self, items, units, sparse):
        self.model = Model(items, units, sparse)
        self.optimiser = torch.optim.Adagrad(self.model.parameters(), RATE, eps=EPSILON)

    def step(self, inputs, columns, shift, state):
        model = self.model
        loss, state = model.loss(model.items(inputs), model.items(columns), model.bias(columns), columns, shift, state)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return loss, state


class Rows:
    def __init__(self, items, units):
        self.model = Model(items, units, False)
        self.optimiser = torch.optim.Adagrad(self.model.cell.parameters(), RATE, eps=EPSILON)
        self.tables = [self.model.items.weight.detach(), self.model.bias.weight.detach()]
        self.squares = [torch.zeros_like(table) for table in self.tables]

    def step(self, inputs, columns, shift, state):
        touched, places = torch.unique(torch.cat([columns, inputs]), return_inverse=True)
        leaves = [table.index_select(0, touched).requires_grad_(True) for table in self.tables]
        of_columns, of_inputs = places[:len(columns)], places[len(columns):]
        loss, state = self.model.loss(leaves[0].index_select(0, of_inputs), leaves[0].index_select(0, of_columns),
                                      leaves[1].index_select(0, of_columns), columns, shift, state)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        with torch.no_grad():
            for table, squares, leaf in zip(self.tables, self.squares, leaves):
                sums = squares.index_select(0, touched).addcmul_(leaf.grad, leaf.grad)
                squares.index_copy_(0, touched, sums)
                table.index_copy_(0, touched, leaf.addcdiv_(leaf.grad, sums.add_(EPSILON).sqrt_(), value=-RATE))
        return loss, state


def main():
    with open(sys.argv[1], "rb") as file:
        items, sessions, events, lanes, units, negatives, steps, threads = np.fromfile(file, np.int64, 8).tolist()
        offsets = np.fromfile(file, np.int64, sessions + 1)
        clicks = np.fromfile(file, np.int32, events).astype(np.int64)
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    draws = Draws(offsets, clicks, items, lanes, negatives)
    makers = {"dense": lambda: Embedded(items, units, False), "sparse": lambda: Embedded(items, units, True),
              "rows": lambda: Rows(items, units)}
    runs = {name: [make(), Lanes(offsets, clicks, lanes), torch.zeros(lanes, units)] for name, make in makers.items()}
    for line in sys.stdin:
        run = runs[line.strip()]
        total = 0.0
        for _ in range(steps):
            inputs, targets, ended = run[1].next()
            columns = draws.columns(targets)
            state = run[2].masked_fill(ended[:, None], 0.0)
            loss, run[2] = run[0].step(inputs, columns, draws.shift[columns], state)
            total += loss.item()
        print(f"{total / steps:.3f}", flush=True)


if __name__ == "__main__":
    main()
