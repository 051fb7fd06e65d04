// SPDX-License-Identifier: Apache-2.0
// Sums run in the order of users, so that a report does not depend on threads.
#include "report/measure.h"

#include <algorithm>
#include <cmath>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::report {
namespace {

std::optional<std::size_t> Find(const eval::EvalResult& result, const std::string& metric) {
  for (std::size_t index = 0; index < result.metrics.size(); ++index) {
    if (result.metrics[index].name == metric) {
      return index;
    }
  }
  return std::nullopt;
}

}  // namespace

bool MetricTable::IsBest(std::size_t run, std::size_t metric) const {
  const std::optional<Estimate>& own = cells[run][metric];
  if (!own || !more_is_better[metric]) {
    return false;
  }
  bool alone = true;
  for (std::size_t other = 0; other < cells.size(); ++other) {
    if (other != run && cells[other][metric]) {
      alone = false;
      if (cells[other][metric]->mean > own->mean) {
        return false;
      }
    }
  }
  return !alone;
}

std::optional<std::size_t> MetricTable::Column(const std::string& metric) const {
  const auto found = std::find(metrics.begin(), metrics.end(), metric);
  return found == metrics.end() ? std::nullopt : std::optional(static_cast<std::size_t>(found - metrics.begin()));
}

bool MetricTable::MoreIsBetter(const std::string& metric) const {
  const std::optional<std::size_t> column = Column(metric);
  return column && more_is_better[*column];
}

MetricTable MakeMetricTable(std::span<const eval::EvalResult* const> runs) {
  MetricTable table;
  const auto add = [](std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  };
  for (const eval::EvalResult* run : runs) {
    if (run == nullptr) {
      continue;
    }
    for (const eval::Metric& metric : run->metrics) {
      add(table.metrics, metric.name);
      table.more_is_better.resize(table.metrics.size(), metric.measures_targets());
    }
    for (const eval::SetMetric& metric : run->set_metrics) {
      add(table.set_metrics, metric.metric.name);
    }
  }
  for (const eval::EvalResult* run : runs) {
    std::vector<std::optional<Estimate>>& row = table.cells.emplace_back(table.metrics.size());
    std::vector<std::optional<Estimate>>& set_row = table.set_cells.emplace_back(table.set_metrics.size());
    if (run == nullptr) {
      continue;
    }
    for (std::size_t metric = 0; metric < table.metrics.size(); ++metric) {
      if (const std::optional<std::size_t> index = Find(*run, table.metrics[metric])) {
        row[metric] = Estimate{run->Mean(*index), run->HalfWidth95(*index)};
      }
    }
    for (const eval::SetMetric& metric : run->set_metrics) {
      const auto column = std::find(table.set_metrics.begin(), table.set_metrics.end(), metric.metric.name);
      set_row[static_cast<std::size_t>(column - table.set_metrics.begin())] =
          Estimate{metric.value, metric.half_width95};
    }
  }
  return table;
}

std::vector<Difference> CompareWith(std::size_t reference, std::span<const eval::EvalResult* const> runs,
                                    std::span<const std::string> metrics) {
  std::vector<Difference> differences;
  for (const std::string& metric : metrics) {
    const std::optional<std::size_t> base = Find(*runs[reference], metric);
    if (!base) {
      continue;
    }
    const std::vector<double> of_reference = runs[reference]->Column(*base);
    const std::size_t first = differences.size();
    for (std::size_t run = 0; run < runs.size(); ++run) {
      const std::optional<std::size_t> index =
          run == reference || runs[run] == nullptr ? std::nullopt : Find(*runs[run], metric);
      if (index) {
        differences.push_back({run, metric, eval::ComparePaired(runs[run]->Column(*index), of_reference), 1.0});
      }
    }
    std::vector<double> p;
    for (std::size_t at = first; at < differences.size(); ++at) {
      p.push_back(differences[at].comparison.p);
    }
    const std::vector<double> adjusted = eval::HolmAdjust(p);
    for (std::size_t at = first; at < differences.size(); ++at) {
      differences[at].p_holm = adjusted[at - first];
    }
  }
  return differences;
}

std::string UserMetric(const std::string& where, const std::string& name) {
  const eval::Metric metric = eval::ParseMetric(name);
  if (metric.scope() == eval::MetricScope::kSet) {
    throw base::Error(base::ErrorKind::kUsage, where +
                                                   ": a metric of all lists together, without a value for a "
                                                   "single user: '" +
                                                   name + "'; expected one of single users, like ndcg@10");
  }
  return metric.name;
}

void RequireMeasured(const std::string& where, const std::string& metric, std::span<const std::string> measured) {
  if (std::find(measured.begin(), measured.end(), metric) == measured.end()) {
    throw base::Error(base::ErrorKind::kNotFound,
                      where + ": metric was not measured: '" + metric +
                          "'; measured: " + (measured.empty() ? "none of single users" : base::Join(measured, ", ")) +
                          ". measure it with `recforce evaluate RUN --set eval.metrics=[...]`");
  }
}

std::string PrimaryMetric(const MetricTable& table, const std::optional<std::string>& wanted,
                          const std::string& preferred) {
  if (wanted) {
    RequireMeasured("report", *wanted, table.metrics);
    return *wanted;
  }
  const auto all_have = [&](const std::string& name) {
    const std::optional<std::size_t> at = table.Column(name);
    return at && std::all_of(table.cells.begin(), table.cells.end(), [&](const auto& row) {
             const bool measured =
                 std::any_of(row.begin(), row.end(), [](const auto& cell) { return cell.has_value(); });
             return !measured || row[*at].has_value();
           });
  };
  if (all_have(preferred)) {
    return preferred;
  }
  for (const bool shared : {true, false}) {
    for (const bool judging : {true, false}) {
      for (const std::string& name : table.metrics) {
        if ((!shared || all_have(name)) && (!judging || table.MoreIsBetter(name))) {
          return name;
        }
      }
    }
  }
  return "";
}

std::vector<std::int64_t> BinDifferences(std::span<const double> a, std::span<const double> b, double reach,
                                         std::size_t bins) {
  RECFORCE_CHECK(a.size() == b.size() && reach > 0.0, "a histogram needs pairs and a range");
  RECFORCE_CHECK(bins >= 2 && bins % 2 == 0, "zero is an edge only of an even number of bins");
  std::vector<std::int64_t> counts(bins, 0);
  const std::size_t bins_a_side = bins / 2;
  const auto half = static_cast<double>(bins_a_side);
  for (std::size_t user = 0; user < a.size(); ++user) {
    const double difference = a[user] - b[user];
    if (difference == 0.0) {
      continue;
    }
    // Counted outwards from zero, so that equal magnitudes of either sign lie in mirrored bins.
    const double steps = std::min(half - 1.0, std::floor(std::abs(difference) / reach * half));
    const double place = difference > 0.0 ? half + steps : half - 1.0 - steps;
    ++counts[static_cast<std::size_t>(place)];
  }
  return counts;
}

double LargestDifference(std::span<const double> a, std::span<const double> b) {
  double largest = 0.0;
  for (std::size_t user = 0; user < a.size(); ++user) {
    largest = std::max(largest, std::abs(a[user] - b[user]));
  }
  return largest;
}

}  // namespace recforce::report
