// SPDX-License-Identifier: Apache-2.0
// The part of every interaction, for the kinds of split that look at interactions one by one.
#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>

#include "data/split_rows.h"
#include "data/split_rules.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::data {
namespace {

std::vector<Part> LabelLeaveLastOut(const Dataset& dataset) {
  const CsrView rows = dataset.interactions();
  std::vector<Part> parts(static_cast<std::size_t>(dataset.num_interactions()), Part::kTrain);
  for (std::size_t user = 0; user + 1 < rows.offsets.size(); ++user) {
    if (rows.offsets[user + 1] - rows.offsets[user] >= kFewestLeaveOutItems) {
      const auto end = static_cast<std::size_t>(rows.offsets[user + 1]);
      parts[end - 2] = Part::kValidation;
      parts[end - 1] = Part::kTest;
    }
  }
  return parts;
}

// The instant from which on the last `count` of the times lie; later than all of them when count is 0.
std::int64_t LastInstants(std::vector<std::int64_t>& times, std::int64_t count) {
  if (count <= 0) {
    return std::numeric_limits<std::int64_t>::max();
  }
  const auto place = times.end() - static_cast<std::ptrdiff_t>(count);
  std::nth_element(times.begin(), place, times.end());
  return *place;
}

std::vector<Part> LabelGlobalTime(const Dataset& dataset, const SplitConfig& config) {
  const std::span<const std::int64_t> times = dataset.times();
  if (times.empty()) {
    ThrowSplitData("split.kind: the dataset has no times: 'global_time'; allowed without times: " +
                   std::string(kStrongGeneralization) + ", " + kLeaveLastOut + " (takes the order of the log), " +
                   kUserTimeRatio + " (likewise), " + kRandomRatio + ", " + kRandomRows + ", " + kSession + ", " +
                   kGiven);
  }
  const PartSizes sizes = RatioSizes(config, dataset.num_interactions());
  std::vector<std::int64_t> copy(times.begin(), times.end());
  const std::int64_t held_out = sizes.test + sizes.validation;
  const std::int64_t validation_begin = LastInstants(copy, held_out);
  const std::int64_t test_begin = LastInstants(copy, sizes.test);
  std::vector<Part> parts(times.size(), Part::kTrain);
  for (std::size_t place = 0; place < times.size(); ++place) {
    if (sizes.test > 0 && times[place] >= test_begin) {
      parts[place] = Part::kTest;
    } else if (held_out > 0 && times[place] >= validation_begin) {
      parts[place] = Part::kValidation;
    }
  }
  return parts;
}

std::vector<Part> LabelUserTimeRatio(const Dataset& dataset, const SplitConfig& config) {
  const CsrView rows = dataset.interactions();
  std::vector<Part> parts(static_cast<std::size_t>(dataset.num_interactions()), Part::kTrain);
  for (std::size_t user = 0; user + 1 < rows.offsets.size(); ++user) {
    const PartSizes sizes = RatioSizes(config, rows.offsets[user + 1] - rows.offsets[user]);
    const auto end = parts.begin() + rows.offsets[user + 1];
    std::fill(end - sizes.test - sizes.validation, end - sizes.test, Part::kValidation);
    std::fill(end - sizes.test, end, Part::kTest);
  }
  return parts;
}

// What is drawn at random must not be in training, too.
void RefuseRepeats(const Dataset& dataset, const SplitConfig& config) {
  if (dataset.repeats()) {
    ThrowSplitUsage("split.kind: would put repeats of one interaction into training and into test: '" + config.kind +
                    "'; the log keeps repeats (--duplicates keep). take user_time_ratio, or convert the log with "
                    "--duplicates last");
  }
}

std::vector<Part> LabelRandomRatio(const Dataset& dataset, const SplitConfig& config) {
  RefuseRepeats(dataset, config);
  const CsrView rows = dataset.interactions();
  std::vector<Part> parts(static_cast<std::size_t>(dataset.num_interactions()), Part::kTrain);
  base::ParallelFor(0, rows.rows(), 1024, [&](std::int64_t first, std::int64_t last) {
    std::vector<std::size_t> order;
    for (std::int64_t user = first; user < last; ++user) {
      const auto begin = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]);
      order.resize(rows.row(user).size());
      std::iota(order.begin(), order.end(), begin);
      base::Rng rng(static_cast<std::uint64_t>(config.seed), base::Stream::kSplit,
                    1 + static_cast<std::uint64_t>(user));
      rng.Shuffle(std::span<std::size_t>(order));
      const PartSizes sizes = RatioSizes(config, static_cast<std::int64_t>(order.size()));
      for (std::int64_t drawn = 0; drawn < sizes.test + sizes.validation; ++drawn) {
        parts[order[static_cast<std::size_t>(drawn)]] = drawn < sizes.test ? Part::kTest : Part::kValidation;
      }
    }
  });
  return parts;
}

std::vector<Part> LabelRandomRows(const Dataset& dataset, const SplitConfig& config) {
  RefuseRepeats(dataset, config);
  const PartSizes sizes = RatioSizes(config, dataset.num_interactions());
  std::vector<Part> parts(static_cast<std::size_t>(dataset.num_interactions()), Part::kTrain);
  const auto test = parts.begin() + sizes.test;
  std::fill(parts.begin(), test, Part::kTest);
  std::fill(test, test + sizes.validation, Part::kValidation);
  base::Rng rng(static_cast<std::uint64_t>(config.seed), base::Stream::kSplit, 0);
  rng.Shuffle(std::span<Part>(parts));
  return parts;
}

}  // namespace

std::vector<Part> LabelInteractions(const Dataset& dataset, const SplitConfig& config) {
  if (config.kind == kLeaveLastOut) {
    return LabelLeaveLastOut(dataset);
  }
  if (config.kind == kGlobalTime) {
    return LabelGlobalTime(dataset, config);
  }
  if (config.kind == kUserTimeRatio) {
    return LabelUserTimeRatio(dataset, config);
  }
  if (config.kind == kRandomRows) {
    return LabelRandomRows(dataset, config);
  }
  return config.kind == kGiven ? LabelGiven(dataset, config) : LabelRandomRatio(dataset, config);
}

}  // namespace recforce::data
