// SPDX-License-Identifier: Apache-2.0
// What a search will try, before anything runs: which settings are searched and where, the values of every trial,
// and how many epochs trials get.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recforce/config/search_space.h"
#include "recforce/config/settings.h"

namespace recforce::train {

struct SearchedKey {
  std::string key;  // "multi_dae.dropout"
  const config::Field* field = nullptr;
  config::SearchSpace space;
};

// The settings of the algorithm `model` to be searched. Each of `asked` is "key=space" (config::ParseSearchText) or
// "key", which takes the space of the field table; when there are none, every setting with a space that `settings`
// leaves at its default. Error(Usage): nothing to search, a key that is not the algorithm's, a space not allowed.
std::vector<SearchedKey> FindSearchedKeys(const config::Settings& settings, const std::string& model,
                                          const std::vector<std::string>& asked);

// The values of the first `count` trials, in the order of `keys`; no two trials are equal, and there are fewer when
// the space has no more. The first trial has the values of `settings`; trial n (from 1) is otherwise a function of
// the seed, the space and n.
std::vector<std::vector<std::string>> DrawTrials(const config::Settings& settings, const std::vector<SearchedKey>& keys,
                                                 std::uint64_t seed, std::int64_t count);

// Trials run up to 1/shrink of their epochs, then some of them go on to the next rung.
struct Rung {
  std::int64_t trials = 0;
  std::int64_t shrink = 1;
  bool operator==(const Rung&) const = default;
};

inline constexpr std::int64_t kHalvingFactor = 3;

// Successive halving (Jamieson and Talwalkar, AISTATS 2016) by kHalvingFactor: as many rungs as `trials` and
// `planned_epochs` allow, the last with all epochs. Only one rung: there is nothing to halve.
std::vector<Rung> HalvingRungs(std::int64_t trials, std::int64_t planned_epochs);

// Epochs of a rung: 1/shrink of the planned ones, rounded up, and not before the first validation.
std::int64_t RungEpochs(const Rung& rung, std::int64_t planned_epochs, std::int64_t eval_every);

}  // namespace recforce::train
