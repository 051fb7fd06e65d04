// SPDX-License-Identifier: Apache-2.0
#include "nn/row_batch.h"

#include <cmath>
#include <numeric>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/threads.h"

namespace recforce::nn {

namespace {

// The share of its items that a row shows.
double KeepOf(const MaskOptions& mask, base::Rng& rng) {
  return mask.keep_most > mask.keep ? mask.keep + (mask.keep_most - mask.keep) * rng.Uniform() : mask.keep;
}

}  // namespace

RowBatch MakeRowBatch(data::CsrView rows, std::span<const std::int32_t> order, const MaskOptions& mask,
                      std::int64_t num_items) {
  RowBatch batch;
  batch.ids.reserve(order.size());
  batch.scale.reserve(order.size());
  for (const std::int32_t id : order) {
    const auto items = rows.row(id);
    base::Rng rng(mask.seed, base::Stream::kDropout, mask.epoch, static_cast<std::uint32_t>(id));
    const double share = KeepOf(mask, rng);
    const auto threshold = static_cast<std::uint64_t>(share * 4294967296.0);
    batch.full.AddRow(items);
    for (const std::int32_t item : items) {
      const bool keep = share >= 1.0 || rng.Next() < threshold;
      (keep ? batch.seen : batch.unseen).items.push_back(item);
    }
    batch.seen.offsets.push_back(static_cast<std::int64_t>(batch.seen.items.size()));
    batch.unseen.offsets.push_back(static_cast<std::int64_t>(batch.unseen.items.size()));
    // The norm is of the full row, before masking (spec 5.1, A7).
    const double norm = std::sqrt(static_cast<double>(items.size()));
    batch.scale.push_back(items.empty() ? 0.0F : static_cast<float>(1.0 / (norm * share)));
    batch.ids.push_back(static_cast<std::uint32_t>(id));
  }
  batch.seen_by_item = ByItem(batch.seen.view(), num_items);
  return batch;
}

ItemMajor ByItem(data::CsrView rows, std::int64_t num_items) {
  std::vector<std::int64_t> place(static_cast<std::size_t>(num_items) + 1, 0);
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (const std::int32_t item : rows.row(r)) {
      ++place[static_cast<std::size_t>(item) + 1];
    }
  }
  ItemMajor result;
  result.offsets.push_back(0);
  for (std::int64_t item = 0; item < num_items; ++item) {
    const std::int64_t count = place[static_cast<std::size_t>(item) + 1];
    if (count > 0) {
      result.items.push_back(static_cast<std::int32_t>(item));
      result.offsets.push_back(result.offsets.back() + count);
    }
  }
  std::partial_sum(place.begin(), place.end(), place.begin());
  result.rows.resize(static_cast<std::size_t>(rows.nnz()));
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    for (const std::int32_t item : rows.row(r)) {
      result.rows[static_cast<std::size_t>(place[static_cast<std::size_t>(item)]++)] = static_cast<std::int32_t>(r);
    }
  }
  return result;
}

std::vector<std::int32_t> EpochOrder(std::int64_t rows, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), 0);
  base::Rng(seed, base::Stream::kShuffle, epoch).Shuffle(std::span(order));
  return order;
}

void FillLatentNoise(std::span<const std::uint32_t> ids, std::uint64_t seed, std::uint64_t epoch, std::int64_t latent,
                     std::span<float> out) {
  RECFORCE_CHECK(out.size() == ids.size() * static_cast<std::size_t>(latent), "noise has another size");
  base::ParallelFor(0, static_cast<std::int64_t>(ids.size()), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      base::Rng rng(seed, base::Stream::kLatent, epoch, ids[static_cast<std::size_t>(r)]);
      for (std::int64_t d = 0; d < latent; ++d) {
        out[static_cast<std::size_t>(r * latent + d)] = static_cast<float>(rng.Normal());
      }
    }
  });
}

}  // namespace recforce::nn
