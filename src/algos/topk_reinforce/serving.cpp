// SPDX-License-Identifier: Apache-2.0
#include "algos/topk_reinforce/serving.h"

#include <algorithm>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"
#include "recforce/data/csr.h"

namespace recforce::algos {
namespace {

constexpr std::int64_t kUsers = 512;  // scored at once

}  // namespace

void DrawingPolicy::Choose(const core::Episodes& episodes, std::uint64_t seed,
                           base::MatrixView<std::int32_t> slates) const {
  const std::int64_t items = logits_->NumItems();
  if (slates.cols > items) {
    throw base::Error(base::ErrorKind::kUsage, "topk_reinforce: slate has more items than there are to choose from: '" +
                                                   std::to_string(slates.cols) + "'; expected at most " +
                                                   std::to_string(items));
  }
  for (std::int64_t first = 0; first < slates.rows; first += kUsers) {
    const std::int64_t count = std::min(kUsers, slates.rows - first);
    data::Csr events;
    std::vector<std::int32_t> row;
    for (std::int64_t user = first; user < first + count; ++user) {
      row.clear();
      for (const std::int32_t item : episodes.recent().row(user)) {
        if (item < 0 || static_cast<std::int64_t>(row.size()) == kMemory) {
          break;
        }
        row.push_back(item);
      }
      std::reverse(row.begin(), row.end());
      events.AddRow(row);
    }
    std::vector<float> scores(static_cast<std::size_t>(count * items));
    logits_->ScoreBatch({.history = events.view()}, {scores.data(), count, items});
    base::ParallelFor(0, count, 16, [&](std::int64_t begin, std::int64_t end) {
      std::vector<double> propensity(static_cast<std::size_t>(slates.cols));
      for (std::int64_t at = begin; at < end; ++at) {
        const auto user = static_cast<std::size_t>(first + at);
        base::Rng rng(seed, base::Stream::kPolicy, static_cast<std::uint64_t>(episodes.users()[user]),
                      static_cast<std::uint32_t>(episodes.steps()[user]));
        core::ServeSlate(rule_, {scores.data() + at * items, static_cast<std::size_t>(items)}, rng,
                         slates.row(first + at), propensity);
      }
    });
  }
}

}  // namespace recforce::algos
