// SPDX-License-Identifier: Apache-2.0
// The 10 nearest of 3,706 and of 100,000 items (64 dimensions, normal numbers, lengths between 1/2 and 3/2): every item
// by matrix products beside the graph, for queries that come 1,024 at a time, as a simulator asks, and one by one, as a
// server does.
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "nn/item_index.h"
#include "recforce/base/rng.h"
#include "side_by_side.h"

namespace recforce::bench {
namespace {

constexpr std::int64_t kWidth = 64;
constexpr std::int64_t kBest = 10;
constexpr std::int64_t kQueries = 1024;

std::vector<float> Vectors(std::int64_t count, std::uint64_t object) {
  std::vector<float> values;
  base::Rng rng(1, base::Stream::kGenerate, object);
  for (std::int64_t row = 0; row < count; ++row) {
    const double length = 0.5 + rng.Uniform();
    for (std::int64_t at = 0; at < kWidth; ++at) {
      values.push_back(static_cast<float>(length * rng.Normal()));
    }
  }
  return values;
}

void Ask(const nn::ItemIndex& index, const std::vector<float>& queries, std::int64_t at_once) {
  std::vector<std::int32_t> out(static_cast<std::size_t>(at_once * kBest));
  for (std::int64_t first = 0; first < kQueries; first += at_once) {
    index.Search({queries.data() + first * kWidth, at_once, kWidth}, kBest, {}, {out.data(), at_once, kBest});
  }
}

void Compare(std::int64_t items) {
  const std::vector<float> vectors = Vectors(items, 0);
  const std::vector<float> queries = Vectors(kQueries, 1);
  nn::ItemIndex exact(nn::IndexKind::kExact);
  nn::ItemIndex graph(nn::IndexKind::kHnsw);
  exact.Build({vectors.data(), items, kWidth});
  const auto start = std::chrono::steady_clock::now();
  graph.Build({vectors.data(), items, kWidth});
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  std::printf("%lld items: the graph is built in %.1f s and finds %.4f of the best %lld\n",
              static_cast<long long>(items), taken.count(), graph.Recall({queries.data(), kQueries, kWidth}, kBest),
              static_cast<long long>(kBest));
  for (const std::int64_t at_once : {kQueries, std::int64_t{1}}) {
    const std::string what = ", " + std::to_string(items) + " items, " + std::to_string(at_once) + " at once";
    std::vector<Contender> contenders = {{"exact" + what, [&] { Ask(exact, queries, at_once); }},
                                         {"hnsw" + what, [&] { Ask(graph, queries, at_once); }}};
    Run(contenders, 5);
    for (const Contender& contender : contenders) {
      std::printf("rate %s: %.0f queries/s\n", contender.name.c_str(), kQueries / Median(contender.seconds));
    }
    PrintRatio("exact over hnsw" + what, contenders[0], contenders[1], "above 1 where the graph pays");
  }
}

}  // namespace
}  // namespace recforce::bench

int main() {
  recforce::bench::UseAllCores();
  for (const std::int64_t items : {3706, 100000}) {
    recforce::bench::Compare(items);
  }
}
