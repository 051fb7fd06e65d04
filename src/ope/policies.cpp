// SPDX-License-Identifier: Apache-2.0
// Tables by position, and what candidates leave of them.
#include "recforce/ope/policies.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

#include "recforce/base/error.h"

namespace recforce::ope {
namespace {

using data::DecisionLog;

std::size_t AsIndex(std::int64_t value) { return static_cast<std::size_t>(value); }

// Where each round lies on the page.
std::vector<std::int32_t> PositionsOf(const DecisionLog& log) {
  std::vector<std::int32_t> positions(log.item.size());
  for (std::int64_t r = 0; r < log.size(); ++r) {
    const std::int64_t begin = log.first[AsIndex(r)];
    for (std::int64_t s = begin; s < log.first[AsIndex(r) + 1]; ++s) {
      positions[AsIndex(s)] = log.position.empty() ? static_cast<std::int32_t>(s - begin) : log.position[AsIndex(r)];
    }
  }
  return positions;
}

std::size_t PlaceIn(const std::vector<std::int32_t>& positions, std::int32_t position) {
  return AsIndex(std::lower_bound(positions.begin(), positions.end(), position) - positions.begin());
}

class UniformPolicy final : public ActionDistribution {
 public:
  explicit UniformPolicy(const DecisionLog& log) : log_(log), decision_(log.DecisionOfSlots()) {}

  void Probabilities(std::int64_t round, std::span<double> out) const override {
    const std::int64_t decision = decision_[AsIndex(round)];
    std::int64_t count = log_.num_items();
    if (log_.candidates.rows() > 0) {
      std::fill(out.begin(), out.end(), 0.0);
      for (const std::int32_t item : log_.candidates.row(decision)) {
        out[AsIndex(item)] = 1.0;
      }
      count = static_cast<std::int64_t>(log_.candidates.row(decision).size());
    } else {
      std::fill(out.begin(), out.end(), 1.0);
    }
    for (std::int64_t s = log_.first[AsIndex(decision)]; s < round; ++s) {
      out[AsIndex(log_.item[AsIndex(s)])] = 0.0;
      --count;
    }
    for (double& probability : out) {
      probability /= static_cast<double>(count);
    }
  }

 private:
  const DecisionLog& log_;
  std::vector<std::int64_t> decision_;
};

class MarginalPolicy final : public ActionDistribution {
 public:
  MarginalPolicy(const Marginal& marginal, const DecisionLog& other, const DecisionLog& log)
      : log_(log), decision_(log.DecisionOfSlots()) {
    std::unordered_map<std::string_view, std::size_t> items;
    for (std::size_t item = 0; item < log.item_ids.size(); ++item) {
      items.emplace(log.item_ids[item], item);
    }
    const std::vector<std::int32_t> positions = PositionsOf(log);
    std::vector<std::int32_t> distinct = positions;
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    table_.assign(distinct.size() * log.item_ids.size(), 0.0);
    for (std::size_t place = 0; place < distinct.size(); ++place) {
      Fill(marginal, other, items, distinct[place], std::span(table_).subspan(place * items.size(), items.size()));
    }
    for (const std::int32_t position : positions) {
      place_.push_back(PlaceIn(distinct, position));
    }
  }

  void Probabilities(std::int64_t round, std::span<double> out) const override {
    const std::span<const double> law =
        std::span(table_).subspan(place_[AsIndex(round)] * log_.item_ids.size(), log_.item_ids.size());
    if (log_.candidates.rows() == 0) {
      std::copy(law.begin(), law.end(), out.begin());
      return;
    }
    const std::span<const std::int32_t> candidates = log_.candidates.row(decision_[AsIndex(round)]);
    double mass = 0.0;
    for (const std::int32_t item : candidates) {
      mass += law[AsIndex(item)];
    }
    std::fill(out.begin(), out.end(), 0.0);
    for (const std::int32_t item : candidates) {
      out[AsIndex(item)] = mass > 0.0 ? law[AsIndex(item)] / mass : 1.0 / static_cast<double>(candidates.size());
    }
  }

 private:
  void Fill(const Marginal& marginal, const DecisionLog& other,
            const std::unordered_map<std::string_view, std::size_t>& items, std::int32_t position,
            std::span<double> law) const {
    const std::size_t place = PlaceIn(marginal.positions, position);
    const bool is_known = place < marginal.positions.size() && marginal.positions[place] == position;
    double mass = 0.0;
    for (std::size_t item = 0; is_known && item < other.item_ids.size(); ++item) {
      const auto found = items.find(other.item_ids[item]);
      if (found != items.end()) {
        law[found->second] = marginal.probability[place * other.item_ids.size() + item];
        mass += law[found->second];
      }
    }
    if (mass <= 0.0) {
      throw base::Error(base::ErrorKind::kData,
                        other.source + ": " +
                            (is_known ? "shows no item of '" + log_.source + "' at position '" : "has no position '") +
                            std::to_string(position) + "'" + (is_known ? "" : ", which '" + log_.source + "' has") +
                            "; expected logs of the same page");
    }
    for (double& probability : law) {
      probability /= mass;
    }
  }

  const DecisionLog& log_;
  std::vector<std::int64_t> decision_;  // by round
  std::vector<std::size_t> place_;      // by round, a row of table_
  std::vector<double> table_;           // [positions, items]
};

}  // namespace

void ActionDistribution::ProbabilitiesOf(std::int64_t first, base::MatrixView<double> out) const {
  for (std::int64_t row = 0; row < out.rows; ++row) {
    Probabilities(first + row, out.row(row));
  }
}

std::unique_ptr<ActionDistribution> Uniform(const DecisionLog& log) { return std::make_unique<UniformPolicy>(log); }

Marginal MarginalTable(const DecisionLog& log) {
  const std::vector<std::int32_t> positions = PositionsOf(log);
  const std::size_t items = log.item_ids.size();
  Marginal marginal;
  marginal.positions = positions;
  std::sort(marginal.positions.begin(), marginal.positions.end());
  marginal.positions.erase(std::unique(marginal.positions.begin(), marginal.positions.end()), marginal.positions.end());
  marginal.probability.assign(marginal.positions.size() * items, 0.0);
  const bool has_law = !log.candidate_probability.empty() && log.IsSingleAction();
  for (std::size_t round = 0; round < positions.size(); ++round) {
    const std::size_t row = PlaceIn(marginal.positions, positions[round]) * items;
    if (!has_law) {
      marginal.probability[row + AsIndex(log.item[round])] += 1.0;
      continue;
    }
    for (std::int64_t at = log.candidates.offsets[round]; at < log.candidates.offsets[round + 1]; ++at) {
      marginal.probability[row + AsIndex(log.candidates.items[AsIndex(at)])] += log.candidate_probability[AsIndex(at)];
    }
  }
  for (std::size_t place = 0; place < marginal.positions.size(); ++place) {
    const std::span<double> law = std::span(marginal.probability).subspan(place * items, items);
    double mass = 0.0;
    for (const double value : law) {
      mass += value;
    }
    for (double& value : law) {
      value = mass > 0.0 ? value / mass : 0.0;
    }
  }
  return marginal;
}

std::unique_ptr<ActionDistribution> MarginalOf(const DecisionLog& other, const DecisionLog& log) {
  return std::make_unique<MarginalPolicy>(MarginalTable(other), other, log);
}

std::unique_ptr<ActionDistribution> MarginalOf(const DecisionLog& log) { return MarginalOf(log, log); }

}  // namespace recforce::ope
