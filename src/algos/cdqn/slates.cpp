// SPDX-License-Identifier: Apache-2.0
#include "algos/cdqn/slates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "recforce/base/threads.h"

namespace recforce::algos {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();
constexpr std::int64_t kRowGrain = 8;

// Slates that are being built: several for a row of the batch, side by side.
struct Beams {
  std::vector<std::int32_t> rows;    // [L] of the batch, ascending
  std::vector<std::int32_t> chosen;  // [L, j] items
  std::vector<std::int32_t> places;  // [L, j] the same as places
  std::vector<float> q;              // [L]
};

struct Extension {
  float q;
  std::size_t beam;
  std::int32_t place;
};

bool Before(const BestFew::Entry& a, const BestFew::Entry& b) {
  return a.value > b.value || (a.value == b.value && a.place < b.place);
}

bool Contains(std::span<const std::int32_t> items, std::int32_t item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

class Cascade {
 public:
  Cascade(const CdqnScorer& scorer, base::MatrixView<const std::int32_t> recent, const CascadeOptions& options)
      : scorer_(scorer), recent_(recent), options_(options) {}

  Beams Start() const {
    Beams beams;
    for (std::int64_t r = 0; r < recent_.rows; ++r) {
      beams.rows.push_back(static_cast<std::int32_t>(r));
    }
    beams.q.assign(beams.rows.size(), kNothing);
    return beams;
  }

  // All beams with one more item, the best few of each row.
  Beams Extend(const Beams& beams, std::int64_t position) {
    const std::vector<BestFew> best = Judge(beams, position);
    Beams longer;
    std::vector<Extension> extensions;
    for (std::size_t begin = 0; begin < beams.rows.size();) {
      const std::int32_t row = beams.rows[begin];
      extensions.clear();
      for (; begin < beams.rows.size() && beams.rows[begin] == row; ++begin) {
        std::vector<BestFew::Entry> sorted = best[begin].Sorted();
        if (position == 0 && options_.candidates > 0) {
          Remember(row, sorted);
          sorted.resize(std::min(sorted.size(), static_cast<std::size_t>(options_.beam)));
        }
        for (const BestFew::Entry& entry : sorted) {
          extensions.push_back({entry.value, begin, entry.place});
        }
      }
      std::stable_sort(extensions.begin(), extensions.end(),
                       [](const Extension& a, const Extension& b) { return a.q > b.q; });
      extensions.resize(std::min(extensions.size(), static_cast<std::size_t>(options_.beam)));
      for (const Extension& extension : extensions) {
        Append(beams, position, extension, row, longer);
      }
    }
    return longer;
  }

 private:
  std::vector<BestFew> Judge(const Beams& beams, std::int64_t position) const {
    const auto count = static_cast<std::int64_t>(beams.rows.size());
    const std::int64_t width = recent_.cols;
    std::vector<std::int32_t> recent(static_cast<std::size_t>(count * width));
    const bool listed = position > 0 && options_.candidates > 0;
    std::vector<std::int32_t> lists;
    for (std::int64_t at = 0; at < count; ++at) {
      const std::int32_t row = beams.rows[static_cast<std::size_t>(at)];
      std::copy_n(recent_.data + row * width, width, recent.data() + at * width);
      if (listed) {
        lists.insert(lists.end(), candidates_.begin() + row * width_, candidates_.begin() + (row + 1) * width_);
      }
    }
    const std::int64_t keep = position == 0 ? std::max(options_.beam, options_.candidates) : options_.beam;
    std::vector<BestFew> best(beams.rows.size(), BestFew(std::min(keep, scorer_.size())));
    const CdqnScorer::Sink sink = [&](std::int64_t at, std::int64_t first, std::span<const float> q) {
      BestFew& mine = best[static_cast<std::size_t>(at)];
      const std::span<const std::int32_t> chosen(beams.places.data() + at * position,
                                                 static_cast<std::size_t>(position));
      for (std::size_t c = 0; c < q.size(); ++c) {
        const std::size_t place = static_cast<std::size_t>(first) + c;
        if (mine.Wants(q[c])) {
          const std::int32_t candidate =
              listed ? lists[static_cast<std::size_t>(at * width_) + place] : static_cast<std::int32_t>(place);
          if (candidate < scorer_.size() && !Contains(chosen, candidate) &&
              !IsExcluded(beams.rows[static_cast<std::size_t>(at)], candidate)) {
            mine.Add(q[c], candidate);
          }
        }
      }
    };
    const CdqnContexts contexts{{recent.data(), count, width}, {beams.chosen.data(), count, position}};
    if (listed) {
      scorer_.ScoreSome(contexts, {lists.data(), count, width_}, sink);
    } else {
      scorer_.ScoreAll(contexts, sink);
    }
    return best;
  }

  [[nodiscard]] bool IsExcluded(std::int64_t row, std::int32_t place) const {
    return options_.excluded.rows() > 0 && Contains(options_.excluded.row(row), scorer_.item(place));
  }

  // The candidates of a row from here on, by place; "no item", which is never shown, where there are fewer.
  void Remember(std::int32_t row, std::span<const BestFew::Entry> best) {
    if (candidates_.empty()) {
      width_ = std::min(std::max(options_.beam, options_.candidates), scorer_.size());
      candidates_.assign(static_cast<std::size_t>(recent_.rows * width_), static_cast<std::int32_t>(scorer_.size()));
    }
    const auto begin = candidates_.begin() + row * width_;
    std::transform(best.begin(), best.end(), begin, [](const BestFew::Entry& entry) { return entry.place; });
    std::sort(begin, begin + static_cast<std::ptrdiff_t>(best.size()));
  }

  void Append(const Beams& beams, std::int64_t position, const Extension& extension, std::int32_t row,
              Beams& longer) const {
    const auto begin = static_cast<std::ptrdiff_t>(extension.beam) * position;
    longer.rows.push_back(row);
    longer.q.push_back(extension.q);
    longer.chosen.insert(longer.chosen.end(), beams.chosen.begin() + begin, beams.chosen.begin() + begin + position);
    longer.chosen.push_back(scorer_.item(extension.place));
    longer.places.insert(longer.places.end(), beams.places.begin() + begin, beams.places.begin() + begin + position);
    longer.places.push_back(extension.place);
  }

  const CdqnScorer& scorer_;
  base::MatrixView<const std::int32_t> recent_;
  const CascadeOptions& options_;
  std::vector<std::int32_t> candidates_;  // [B, width_]
  std::int64_t width_ = 0;
};

// Softmax: the worth of a slate is a ratio of sums, to which an item adds its own terms.
std::int32_t BestAddition(double worth, double mass, double top, std::span<const float> utilities,
                          std::span<const float> q, const std::vector<std::int32_t>& catalogue,
                          std::span<const std::int32_t> chosen) {
  std::int32_t best = -1;
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t place = 0; place < q.size(); ++place) {
    const double v = std::exp(static_cast<double>(utilities[static_cast<std::size_t>(catalogue[place])]) - top);
    const double value = (worth + v * static_cast<double>(q[place])) / (mass + v);
    if (value > most && !Contains(chosen, static_cast<std::int32_t>(place))) {
      most = value;
      best = static_cast<std::int32_t>(place);
    }
  }
  return best;
}

}  // namespace

void BestFew::Add(float value, std::int32_t place) {
  if (heap_.size() == limit_) {
    std::pop_heap(heap_.begin(), heap_.end(), Before);
    heap_.pop_back();
  }
  heap_.push_back({value, place});
  std::push_heap(heap_.begin(), heap_.end(), Before);
}

std::vector<BestFew::Entry> BestFew::Sorted() const {
  std::vector<Entry> sorted = heap_;
  std::sort_heap(sorted.begin(), sorted.end(), Before);
  return sorted;
}

std::vector<float> CascadeSlates(const CdqnScorer& scorer, base::MatrixView<const std::int32_t> recent,
                                 const CascadeOptions& options, base::MatrixView<std::int32_t> slates) {
  Cascade cascade(scorer, recent, options);
  Beams beams = cascade.Start();
  std::fill_n(slates.data, slates.rows * slates.cols, -1);
  std::vector<float> q(static_cast<std::size_t>(slates.rows), kNothing);
  for (std::int64_t position = 0; position < slates.cols; ++position) {
    beams = cascade.Extend(beams, position);
    std::int32_t last = -1;
    for (std::size_t beam = 0; beam < beams.rows.size(); ++beam) {
      const std::int32_t row = beams.rows[beam];
      if (row != last) {  // the best beam of its row stands first
        const auto length = static_cast<std::size_t>(position) + 1;
        std::copy_n(beams.places.begin() + static_cast<std::ptrdiff_t>(beam * length), length, slates.row(row).begin());
        q[static_cast<std::size_t>(row)] = beams.q[beam];
        last = row;
      }
    }
  }
  return q;
}

BestNext BestAfter(const CdqnScorer& scorer, const CdqnContexts& contexts) {
  const auto rows = static_cast<std::size_t>(contexts.recent.rows);
  BestNext best{std::vector<std::int32_t>(rows, -1), std::vector<float>(rows, kNothing)};
  scorer.ScoreAll(contexts, [&](std::int64_t row, std::int64_t first, std::span<const float> q) {
    const auto at = static_cast<std::size_t>(row);
    for (std::size_t c = 0; c < q.size(); ++c) {
      const std::int64_t place = first + static_cast<std::int64_t>(c);
      if (q[c] > best.q[at] && !Contains(contexts.chosen.row(row), scorer.item(place))) {
        best.q[at] = q[c];
        best.places[at] = static_cast<std::int32_t>(place);
      }
    }
  });
  return best;
}

std::vector<float> TopSlates(const CdqnScorer& scorer, base::MatrixView<const std::int32_t> recent,
                             base::MatrixView<std::int32_t> slates) {
  std::vector<BestFew> best(static_cast<std::size_t>(recent.rows), BestFew(slates.cols));
  scorer.ScoreAll({recent, {nullptr, recent.rows, 0}},
                  [&](std::int64_t row, std::int64_t first, std::span<const float> q) {
                    BestFew& mine = best[static_cast<std::size_t>(row)];
                    for (std::size_t c = 0; c < q.size(); ++c) {
                      if (mine.Wants(q[c])) {
                        mine.Add(q[c], static_cast<std::int32_t>(static_cast<std::size_t>(first) + c));
                      }
                    }
                  });
  std::vector<float> sums;
  for (std::int64_t row = 0; row < recent.rows; ++row) {
    float sum = 0.0F;
    std::size_t at = 0;
    for (const BestFew::Entry& entry : best[static_cast<std::size_t>(row)].Sorted()) {
      slates.row(row)[at++] = entry.place;
      sum += entry.value;
    }
    sums.push_back(sum);
  }
  return sums;
}

double SlateWorth(const core::ChoiceRule& rule, std::span<const float> utilities, std::span<const float> q,
                  float none) {
  std::vector<double> p(utilities.size());
  double worth = core::ChoiceProbabilities(rule, utilities, p) * static_cast<double>(none);
  for (std::size_t at = 0; at < p.size(); ++at) {
    worth += p[at] * static_cast<double>(q[at]);
  }
  return worth;
}

namespace {

// The best addition under a law that has to be solved for each slate.
std::int32_t BestBySolving(const core::ChoiceRule& rule, std::span<const float> utilities, std::span<const float> q,
                           float none, const std::vector<std::int32_t>& catalogue,
                           std::span<const std::int32_t> chosen) {
  std::vector<float> slate_utilities(chosen.size() + 1);
  std::vector<float> slate_q(chosen.size() + 1);
  for (std::size_t at = 0; at < chosen.size(); ++at) {
    const auto place = static_cast<std::size_t>(chosen[at]);
    slate_utilities[at] = utilities[static_cast<std::size_t>(catalogue[place])];
    slate_q[at] = q[place];
  }
  std::int32_t best = -1;
  double most = -std::numeric_limits<double>::infinity();
  for (std::size_t place = 0; place < q.size(); ++place) {
    if (!Contains(chosen, static_cast<std::int32_t>(place))) {
      slate_utilities.back() = utilities[static_cast<std::size_t>(catalogue[place])];
      slate_q.back() = q[place];
      const double value = SlateWorth(rule, slate_utilities, slate_q, none);
      if (value > most) {
        most = value;
        best = static_cast<std::int32_t>(place);
      }
    }
  }
  return best;
}

void GreedySlate(const core::ChoiceRule& rule, std::span<const float> utilities, std::span<const float> q, float none,
                 const std::vector<std::int32_t>& catalogue, std::span<std::int32_t> slate) {
  double top = rule.no_click ? static_cast<double>(*rule.no_click) : -std::numeric_limits<double>::infinity();
  for (const std::int32_t item : catalogue) {
    top = std::max(top, static_cast<double>(utilities[static_cast<std::size_t>(item)]));
  }
  double mass = rule.no_click ? std::exp(static_cast<double>(*rule.no_click) - top) : 0.0;
  double worth = mass * static_cast<double>(none);
  for (std::size_t at = 0; at < slate.size(); ++at) {
    const std::span<const std::int32_t> chosen = slate.first(at);
    if (rule.law != core::ChoiceLaw::kSoftmax) {
      slate[at] = BestBySolving(rule, utilities, q, none, catalogue, chosen);
      continue;
    }
    const std::int32_t place = BestAddition(worth, mass, top, utilities, q, catalogue, chosen);
    const auto item = static_cast<std::size_t>(catalogue[static_cast<std::size_t>(place)]);
    const double v = std::exp(static_cast<double>(utilities[item]) - top);
    mass += v;
    worth += v * static_cast<double>(q[static_cast<std::size_t>(place)]);
    slate[at] = place;
  }
}

void TopSlate(std::span<const float> utilities, std::span<const float> q, float none,
              const std::vector<std::int32_t>& catalogue, std::span<std::int32_t> slate) {
  float top = -std::numeric_limits<float>::infinity();
  for (const std::int32_t item : catalogue) {
    top = std::max(top, utilities[static_cast<std::size_t>(item)]);
  }
  BestFew best(static_cast<std::int64_t>(slate.size()));
  for (std::size_t place = 0; place < q.size(); ++place) {
    const float value = std::exp(utilities[static_cast<std::size_t>(catalogue[place])] - top) * (q[place] - none);
    if (best.Wants(value)) {
      best.Add(value, static_cast<std::int32_t>(place));
    }
  }
  const std::vector<BestFew::Entry> sorted = best.Sorted();
  std::transform(sorted.begin(), sorted.end(), slate.begin(), [](const BestFew::Entry& entry) { return entry.place; });
}

}  // namespace

void ChoiceSlates(const CdqnScorer& scorer, const core::ChoiceRule& rule, SlateSearch search,
                  base::MatrixView<const float> utilities, base::MatrixView<const float> q, std::span<const float> none,
                  base::MatrixView<std::int32_t> slates) {
  base::ParallelFor(0, slates.rows, kRowGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float nothing = rule.no_click ? none[static_cast<std::size_t>(row)] : 0.0F;
      if (search == SlateSearch::kTop) {
        TopSlate(utilities.row(row), q.row(row), nothing, scorer.catalogue(), slates.row(row));
      } else {
        GreedySlate(rule, utilities.row(row), q.row(row), nothing, scorer.catalogue(), slates.row(row));
      }
    }
  });
}

ItemQ ScoreItems(const CdqnScorer& scorer, base::MatrixView<const std::int32_t> recent) {
  ItemQ items;
  items.q.resize(static_cast<std::size_t>(recent.rows * scorer.size()));
  const CdqnContexts contexts{recent, {nullptr, recent.rows, 0}};
  scorer.ScoreAll(contexts, [&](std::int64_t row, std::int64_t first, std::span<const float> q) {
    std::copy(q.begin(), q.end(), items.q.begin() + row * scorer.size() + first);
  });
  const std::vector<std::int32_t> none(static_cast<std::size_t>(recent.rows), static_cast<std::int32_t>(scorer.size()));
  items.none = scorer.ScoreOne(contexts, none);
  return items;
}

void PlacesToItems(const CdqnScorer& scorer, base::MatrixView<std::int32_t> slates) {
  for (std::int64_t at = 0; at < slates.rows * slates.cols; ++at) {
    slates.data[at] = slates.data[at] < 0 ? -1 : scorer.item(slates.data[at]);
  }
}

std::vector<std::int32_t> SlatesBefore(base::MatrixView<const std::int32_t> slates, std::int64_t position) {
  std::vector<std::int32_t> firsts;
  for (std::int64_t row = 0; row < slates.rows; ++row) {
    const auto before = slates.row(row).first(static_cast<std::size_t>(position));
    firsts.insert(firsts.end(), before.begin(), before.end());
  }
  return firsts;
}

std::vector<std::int32_t> SlatesAt(base::MatrixView<const std::int32_t> slates, std::int64_t position) {
  std::vector<std::int32_t> column;
  for (std::int64_t row = 0; row < slates.rows; ++row) {
    column.push_back(slates.row(row)[static_cast<std::size_t>(position)]);
  }
  return column;
}

}  // namespace recforce::algos
