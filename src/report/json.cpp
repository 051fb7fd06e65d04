// SPDX-License-Identifier: Apache-2.0
// Keys are those of `evaluate --json` and `compare --json` where the same thing is meant.
#include "report/json.h"

#include <nlohmann/json.hpp>

namespace recforce::report {
namespace {

using Json = nlohmann::ordered_json;

void AddEstimates(const std::vector<std::string>& names, const std::vector<std::optional<Estimate>>& cells, Json& means,
                  Json& half_widths) {
  for (std::size_t index = 0; index < names.size(); ++index) {
    if (cells[index]) {
      means[names[index]] = cells[index]->mean;
      half_widths[names[index]] = cells[index]->half_width;
    }
  }
}

// NaN becomes null.
Json ChoiceJson(const eval::ChoiceSummary& summary) {
  Json json = {{"choices", summary.choices}, {"clicks", summary.clicks}, {"users", summary.users}};
  for (std::size_t measure = 0; measure < eval::kChoiceMeasures; ++measure) {
    const eval::Estimate& mean = summary.mean[measure];
    const std::string name(eval::kChoiceMeasureNames[measure]);
    json["metrics"][name] = mean.value;
    json["ci95"][name] = {mean.low, mean.high};
  }
  json["metrics"]["relative_perplexity"] = summary.relative_perplexity.value;
  json["ci95"]["relative_perplexity"] = {summary.relative_perplexity.low, summary.relative_perplexity.high};
  return json;
}

Json RunJson(const ReportData& report, std::size_t number) {
  const RunPart& run = report.runs[number];
  Json json = {{"run", run.path},
               {"label", run.label},
               {"model", run.info.model},
               {"status", run.evaluation ? "evaluated" : run.missing},
               {"epochs", run.epochs.size()},
               {"seconds", run.info.seconds}};
  json["best_validation"] = nullptr;
  if (run.info.best) {
    json["best_validation"] = {{"metric", run.info.valid_metric},
                               {"value", run.info.best->value},
                               {"phase", run.info.best->phase},
                               {"epoch", run.info.best->epoch}};
  }
  for (const char* key : {"metrics", "half_width95", "set_metrics", "set_half_width95"}) {
    json[key] = Json::object();
  }
  if (run.evaluation) {
    AddEstimates(report.table.metrics, report.table.cells[number], json["metrics"], json["half_width95"]);
    AddEstimates(report.table.set_metrics, report.table.set_cells[number], json["set_metrics"],
                 json["set_half_width95"]);
  }
  for (const RunChoices& choices : report.choices) {
    if (choices.run == number) {
      for (const ChoicePart& part : choices.parts) {
        json["choice"].push_back(
            {{"name", part.name},
             {"ece", part.ece},
             {"subsets", {{"all", ChoiceJson(part.all)}, {"with_history", ChoiceJson(part.with_history)}}}});
      }
    }
  }
  return json;
}

Json DifferenceJson(const ReportData& report, const Difference& difference) {
  const eval::Comparison& comparison = difference.comparison;
  return {{"metric", difference.metric},
          {"run", report.runs[difference.run].label},
          {"difference", comparison.difference},
          {"ci95", {comparison.ci_low, comparison.ci_high}},
          {"p", comparison.p},
          {"p_holm", difference.p_holm},
          {"users", comparison.users},
          {"users_where_run_wins", comparison.users_where_a_wins},
          {"users_where_reference_wins", comparison.users_where_b_wins}};
}

Json GroupJson(const ReportData& report, const GroupPart& group) {
  Json means = Json::object();
  Json half_widths = Json::object();
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    if (group.estimates[run]) {
      means[report.runs[run].label] = group.estimates[run]->mean;
      half_widths[report.runs[run].label] = group.estimates[run]->half_width;
    }
  }
  return {{"name", group.name},
          {"users", group.users},
          {"means", std::move(means)},
          {"half_width95", std::move(half_widths)}};
}

}  // namespace

std::string RenderJson(const ReportData& report) {
  Json runs = Json::array();
  for (std::size_t run = 0; run < report.runs.size(); ++run) {
    runs.push_back(RunJson(report, run));
  }
  Json differences = Json::array();
  for (const Difference& difference : report.differences) {
    differences.push_back(DifferenceJson(report, difference));
  }
  Json groups = Json::array();
  for (const GroupPart& group : report.groups) {
    groups.push_back(GroupJson(report, group));
  }
  const Json json = {{"title", report.title},
                     {"dataset",
                      {{"name", report.dataset.name},
                       {"users", report.dataset.users},
                       {"items", report.dataset.items},
                       {"interactions", report.dataset.interactions},
                       {"fingerprint", report.dataset.fingerprint}}},
                     {"split",
                      {{"kind", report.split.split_kind},
                       {"fingerprint", report.split.split_fingerprint},
                       {"train_users", report.split.train_users},
                       {"validation_users", report.split.validation_users},
                       {"test_users", report.split.test_users}}},
                     {"metric", report.metric.empty() ? Json(nullptr) : Json(report.metric)},
                     {"reference", report.reference ? Json(report.runs[*report.reference].label) : Json(nullptr)},
                     {"runs", std::move(runs)},
                     {"differences", std::move(differences)},
                     {"grouping", report.grouping.empty() ? Json(nullptr) : Json(report.grouping)},
                     {"groups", std::move(groups)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace recforce::report
