#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The user model of bench/user_model_training.cpp in PyTorch, twice. `loops`: batches as the authors' program makes
them, out of Python lists, with items as one-hot rows of floats and a dense row for every click and every item shown.
`arrays`: item numbers in padded arrays made by NumPy without a loop, and embeddings. The network, the loss, the users of
a step and Adam are the same. Reads the log from the file that the benchmark names; does one epoch for each line of stdin
that names one of the two, and answers with the mean loss."""
import sys

import numpy as np
import torch

DIM, MEMORY, POSITIONS, WIDTH, RATE = 16, 3, 2, 64, 1e-3


def normal(*shape, deviation):
    return torch.nn.Parameter(torch.nn.init.trunc_normal_(torch.empty(shape), std=deviation, a=-2 * deviation,
                                                          b=2 * deviation))


class UserModel(torch.nn.Module):
    def __init__(self, items):
        super().__init__()
        fan_in = (POSITIONS + 1) * DIM
        self.table = normal(items, DIM, deviation=0.6)
        self.item_bias = torch.nn.Parameter(torch.zeros(items))
        self.position = normal(POSITIONS, MEMORY, deviation=0.3)
        self.position_bias = torch.nn.Parameter(torch.zeros(POSITIONS, DIM))
        self.first = normal(fan_in, WIDTH, deviation=(2 / fan_in) ** 0.5)
        self.first_bias = torch.nn.Parameter(torch.zeros(WIDTH))
        self.second = normal(WIDTH, WIDTH, deviation=(2 / WIDTH) ** 0.5)
        self.second_bias = torch.nn.Parameter(torch.zeros(WIDTH))
        self.out = normal(WIDTH, deviation=0.1 * (2 / WIDTH) ** 0.5)
        self.out_bias = torch.nn.Parameter(torch.zeros(1))

    def state(self, sums):
        return torch.nn.functional.elu(sums + self.position_bias).flatten(1)

    def reward(self, inputs):
        hidden = torch.nn.functional.elu(inputs @ self.first + self.first_bias)
        hidden = torch.nn.functional.elu(hidden @ self.second + self.second_bias)
        return hidden @ self.out + self.out_bias


class Loops:
    """The log as lists by user, and the batches made of them element by element."""

    def __init__(self, items, users, user_offsets, offsets, shown, choice):
        self.model = UserModel(items)
        eye = np.eye(items).tolist()
        self.displays, self.clicks, self.shown_rows, self.click_rows = [], [], [], []
        for user in range(users):
            pairs, clicked = [], []
            for time, event in enumerate(range(user_offsets[user], user_offsets[user + 1])):
                among = shown[offsets[event]:offsets[event + 1]].tolist()
                pairs += [[time, item] for item in among]
                clicked.append([time, among[choice[event]]])
            self.displays.append(pairs)
            self.clicks.append(clicked)
            self.shown_rows.append([eye[item] for _, item in pairs])
            self.click_rows.append([eye[item] for _, item in clicked])

    def loss(self, users):
        events, shown, clicked_rows, shown_rows, chosen, lags = 0, [], [], [], [], []
        for user in users:
            visits = len(self.clicks[user])
            for lag in range(1, min(MEMORY, visits - 1) + 1):
                lags += [[events + time + lag, events + time, lag - 1] for time in range(visits - lag)]
            here = [[events + time, item] for time, item in self.displays[user]]
            for time, item in self.clicks[user]:
                chosen.append(len(shown) + here.index([events + time, item]))
            shown = shown + here
            clicked_rows = clicked_rows + self.click_rows[user]
            shown_rows = shown_rows + self.shown_rows[user]
            events += visits
        events_of, places = [], []
        for at, (time, _) in enumerate(shown):
            events_of.append(time)
            places.append(places[-1] + 1 if at > 0 and shown[at - 1][0] == time else 0)
        return self.forward(events, events_of, places, clicked_rows, shown_rows, chosen, lags)

    def forward(self, events, events_of, places, clicked_rows, shown_rows, chosen, lags):
        model = self.model
        one_hot = torch.from_numpy(np.array(shown_rows, dtype=np.float32))
        clicks = torch.from_numpy(np.array(clicked_rows, dtype=np.float32))
        band = torch.zeros(POSITIONS, events, events)
        if lags:
            later, earlier, lag = torch.tensor(lags).t()
            band[:, later, earlier] = model.position[:, lag]
        state = model.state((band @ (clicks @ model.table)).transpose(0, 1))
        event, place = torch.tensor(events_of), torch.tensor(places)
        rewards = model.reward(torch.cat([state[event], one_hot @ model.table], 1)) + one_hot @ model.item_bias
        padded = torch.full((events, max(places) + 1), -np.inf)
        padded[event, place] = rewards
        return (torch.logsumexp(padded, 1) - rewards[torch.tensor(chosen)]).sum(), events


class Arrays:
    """The log as padded arrays, which batches are rows of; -1 is padding."""

    def __init__(self, items, users, user_offsets, offsets, shown, choice):
        self.model = UserModel(items)
        self.user_offsets, self.choice = user_offsets, torch.from_numpy(choice.astype(np.int64))
        widths = np.diff(offsets)
        self.shown = np.full((len(choice), widths.max()), -1)
        self.shown[np.arange(widths.max()) < widths[:, None]] = shown
        clicked = shown[offsets[:-1] + choice]
        begin = np.repeat(user_offsets[:-1], np.diff(user_offsets))
        past = np.arange(len(choice))[:, None] - 1 - np.arange(MEMORY)
        self.recent = np.where(past >= begin[:, None], clicked[past], -1)
        self.shown, self.recent = torch.from_numpy(self.shown), torch.from_numpy(self.recent)

    def loss(self, users):
        counts = self.user_offsets[users + 1] - self.user_offsets[users]
        ends = np.cumsum(counts)
        event = torch.from_numpy(np.arange(ends[-1]) + np.repeat(self.user_offsets[users] - ends + counts, counts))
        shown, recent, model = self.shown[event], self.recent[event], self.model
        is_item = shown >= 0
        item, place = shown[is_item], is_item.nonzero()[:, 0]
        before = torch.nn.functional.embedding(recent.clamp(min=0), model.table) * (recent >= 0)[:, :, None]
        state = model.state(model.position @ before)
        vectors = torch.nn.functional.embedding(item, model.table)
        rewards = model.reward(torch.cat([state[place], vectors], 1)) + model.item_bias[item]
        padded = torch.full(shown.shape, -np.inf).masked_scatter(is_item, rewards)
        return torch.nn.functional.cross_entropy(padded, self.choice[event], reduction="sum"), len(event)


def epoch(contender, optimiser, users, users_a_step, rng):
    losses, count = 0.0, 0
    for _ in range(-(-users // users_a_step)):
        drawn = rng.choice(users, min(users, users_a_step), replace=False)
        loss, events = contender.loss(drawn)
        optimiser.zero_grad()
        (loss / events).backward()
        optimiser.step()
        losses += loss.item()
        count += events
    return losses / count


def main():
    with open(sys.argv[1], "rb") as file:
        items, users, events, rows, users_a_step, threads = np.fromfile(file, np.int64, 6).tolist()
        log = [np.fromfile(file, np.int64, users + 1), np.fromfile(file, np.int64, events + 1),
               np.fromfile(file, np.int32, rows).astype(np.int64), np.fromfile(file, np.int32, events)]
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    contenders = {name: kind(items, users, *log) for name, kind in (("loops", Loops), ("arrays", Arrays))}
    optimisers = {name: torch.optim.Adam(each.model.parameters(), RATE) for name, each in contenders.items()}
    for line in sys.stdin:
        name = line.strip()
        print(f"{epoch(contenders[name], optimisers[name], users, users_a_step, rng):.3f}", flush=True)


if __name__ == "__main__":
    main()
