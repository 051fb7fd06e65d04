// SPDX-License-Identifier: Apache-2.0
// How RecBole evaluates, in our settings: eval_args is a split and what targets are ranked among; metrics and topk
// are one list. What is left out of eval_args has RecBole's own defaults: RS [8,1,1], RO, user, full.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/recbole.h"
#include "config/yaml_text.h"
#include "recforce/base/text.h"

namespace recforce::config::internal {
namespace {

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return lower;
}

struct Metric {
  std::string_view theirs;  // lower case
  std::string_view ours;
  bool has_cutoff;
};
constexpr std::array kMetrics = {
    Metric{"recall", "recall", true},
    Metric{"ndcg", "ndcg", true},
    Metric{"mrr", "mrr", true},
    Metric{"hit", "hr", true},
    Metric{"precision", "precision", true},
    Metric{"map", "map", true},
    Metric{"gauc", "gauc", false},
    Metric{"itemcoverage", "coverage", true},
    Metric{"giniindex", "gini", true},
    Metric{"averagepopularity", "popularity_lift", true},
};
constexpr std::array<std::string_view, 6> kWithoutCounterpart = {
    "shannonentropy", "tailpercentage", "auc", "logloss", "mae", "rmse"};

bool HasNoCounterpart(std::string_view lower) {
  return std::find(kWithoutCounterpart.begin(), kWithoutCounterpart.end(), lower) != kWithoutCounterpart.end();
}

std::vector<std::string> KnownMetrics() {
  return {"Recall", "NDCG", "MRR", "Hit", "Precision", "MAP", "GAUC", "ItemCoverage", "GiniIndex", "AveragePopularity"};
}

const Metric* FindMetric(std::string_view name) {
  const std::string lower = LowerCase(name);
  const auto* found =
      std::find_if(kMetrics.begin(), kMetrics.end(), [&](const Metric& metric) { return metric.theirs == lower; });
  return found == kMetrics.end() ? nullptr : found;
}

// A list, or one value in the place of a list.
std::vector<const YamlValue*> Elements(const YamlValue& value) {
  std::vector<const YamlValue*> elements;
  if (!value.is_list()) {
    return {&value};
  }
  for (const YamlValue& item : value.items) {
    elements.push_back(&item);
  }
  return elements;
}

struct EvalArgs {
  std::string split = "RS";
  std::vector<double> ratios = {0.8, 0.1, 0.1};
  bool by_user = true;
  bool by_time = false;
  std::string mode = "full";
  const YamlValue* split_at = nullptr;  // where to complain
  const YamlValue* mode_at = nullptr;
};

// The one split that is not None: RS, LS or TS.
void ReadSplit(const std::string& path, const YamlValue& value, EvalArgs& args) {
  args.split_at = &value;
  if (!value.is_map()) {
    FailAt(path, value, "eval_args: split is not a mapping; expected one like {RS: [8, 1, 1]}");
  }
  std::vector<std::size_t> named;
  for (std::size_t at = 0; at < value.keys.size(); ++at) {
    if (!IsNone(value.items[at])) {
      named.push_back(at);
    }
  }
  if (named.size() != 1) {
    FailAt(path, value, "eval_args: split names '" + std::to_string(named.size()) + "' ways; expected one of RS, LS");
  }
  args.split = value.keys[named[0]].text;
  const YamlValue& how = value.items[named[0]];
  if (args.split == "LS") {
    if (!how.is_scalar() || how.text != "valid_and_test") {
      FailAt(path, how,
             "eval_args: only the last two interactions of a user can be left out: '" + how.text +
                 "'; expected LS: valid_and_test");
    }
    return;
  }
  if (args.split != "RS") {
    FailAt(path, value.keys[named[0]],
           "eval_args: a split that recforce does not have: '" + args.split +
               "'; expected RS or LS. for two instants, use RS with order: TO and "
               "group_by: none, whose shares set them");
  }
  args.ratios.clear();
  double sum = 0.0;
  for (const YamlValue* share : Elements(how)) {
    const std::optional<double> number = share->is_scalar() ? base::ParseReal(share->text) : std::nullopt;
    if (!number || *number < 0.0) {
      FailAt(path, *share, "eval_args: not a share: '" + share->text + "'; expected RS: [8, 1, 1]");
    }
    args.ratios.push_back(*number);
    sum += *number;
  }
  if (args.ratios.size() < 2 || args.ratios.size() > 3 || !(sum > 0.0)) {
    FailAt(path, how, "eval_args: '" + std::to_string(args.ratios.size()) + "' shares; expected RS: [8, 1, 1]");
  }
  for (double& ratio : args.ratios) {
    ratio /= sum;
  }
}

// "uni100" of {valid: uni100, test: uni100}: our validation always ranks all items.
std::string ReadMode(const std::string& path, const YamlValue& key, const YamlValue& value) {
  if (!value.is_map()) {
    return ScalarOf(path, key, value);
  }
  const YamlValue* test = value.Find("test");
  if (test == nullptr || !test->is_scalar()) {
    FailAt(path, value, "eval_args: mode does not say how to test; expected full, uniN or popN");
  }
  return test->text;
}

EvalArgs ReadEvalArgs(const std::string& path, const YamlValue& key, const YamlValue& value) {
  if (!value.is_map()) {
    FailAt(path, value.line == 0 ? key : value, "eval_args: not a mapping; expected split, group_by, order and mode");
  }
  EvalArgs args;
  args.split_at = args.mode_at = &value;
  for (std::size_t at = 0; at < value.keys.size(); ++at) {
    const YamlValue& inner = value.items[at];
    const std::string& word = value.keys[at].text;
    if (word == "split") {
      ReadSplit(path, inner, args);
    } else if (word == "group_by") {
      args.by_user = !IsNone(inner);
      if (args.by_user && inner.text != "user") {
        FailAt(path, inner, "eval_args: unknown group_by: '" + inner.text + "'; expected user or none");
      }
    } else if (word == "order") {
      const std::string& order = ScalarOf(path, value.keys[at], inner);
      if (order != "RO" && order != "TO") {
        FailAt(path, inner, "eval_args: unknown order: '" + order + "'; expected RO or TO");
      }
      args.by_time = order == "TO";
    } else if (word == "mode") {
      args.mode_at = &inner;
      args.mode = ReadMode(path, value.keys[at], inner);
    } else {
      const std::vector<std::string> known = {"split", "group_by", "order", "mode"};
      FailAt(path, value.keys[at],
             "eval_args: unknown key '" + word + "'; expected one of " + base::Join(known, ", ") +
                 base::DidYouMean(word, known));
    }
  }
  return args;
}

std::string SplitKind(const std::string& path, const EvalArgs& args) {
  if (args.split == "LS") {
    if (!args.by_time) {
      FailAt(path, *args.split_at,
             "eval_args: recforce leaves out the last interactions, not random ones: 'order: RO'; "
             "expected order: TO");
    }
    return "leave_last_out";
  }
  if (!args.by_time && !args.by_user) {
    FailAt(path, *args.split_at,
           "eval_args: interactions of all users together are not split at random here: 'group_by: none'; expected "
           "group_by: user, or order: TO");
  }
  return !args.by_time ? "random_ratio" : args.by_user ? "user_time_ratio" : "global_time";
}

std::vector<std::string> Texts(const std::string& path, const YamlValue& list, const std::string& what) {
  std::vector<std::string> texts;
  for (const YamlValue* element : Elements(list)) {
    if (!element->is_scalar()) {
      FailAt(path, list, what + ": not a list of single values");
    }
    texts.push_back(element->text);
  }
  return texts;
}

// Of a metric without a counterpart. Error(Usage): nobody knows it.
std::string WhyLeftOut(const std::string& path, const YamlValue& metrics, const std::string& name) {
  const std::string lower = LowerCase(name);
  if (!HasNoCounterpart(lower)) {
    (void)MetricName(path, metrics, name);  // complains
  }
  return "'" + name + "' is left out" +
         (lower == "auc" ? ": RecBole pools the scores of all users. auc of recforce is the mean over users, gauc "
                           "weighs them by their targets"
                         : "; recforce has no such metric");
}

}  // namespace

void ImportEvalArgs(const std::string& path, const YamlValue& key, const YamlValue& value, bool has_parts,
                    RecboleImport& import) {
  const EvalArgs args = ReadEvalArgs(path, key, value);
  const auto add = [&](const std::string& name, const std::string& text, const YamlValue& at) {
    import.settings.push_back({name, text, &key, &at});
  };
  const auto warn = [&](const YamlValue& at, const std::string& text) {
    import.notices.push_back({true, PlaceOf(path, at) + ": eval_args: " + text});
  };
  if (!has_parts) {
    add("split.kind", SplitKind(path, args), *args.split_at);
  }
  if (!has_parts && args.split == "RS") {
    add("split.validation_ratio", base::FormatReal(args.ratios.size() == 3 ? args.ratios[1] : 0.0), *args.split_at);
    add("split.test_ratio", base::FormatReal(args.ratios.back()), *args.split_at);
    if (!args.by_time) {
      warn(*args.split_at, "order RO trains on interactions that came after those it is tested on; order: TO does not");
    }
  }
  if (args.mode == "full") {
    return;
  }
  const bool uniform = args.mode.starts_with("uni");
  const std::optional<std::int64_t> count = base::ParseInt(args.mode.size() > 3 ? args.mode.substr(3) : "");
  if ((!uniform && !args.mode.starts_with("pop")) || !count || *count < 1) {
    FailAt(
        path, *args.mode_at,
        "eval_args: a mode that recforce does not have: '" + args.mode + "'; expected full, uniN or popN, like uni100");
  }
  add("split.negatives", std::to_string(*count), *args.mode_at);
  add("split.negative_sampling", uniform ? "uniform" : "popularity", *args.mode_at);
  warn(*args.mode_at, "mode " + args.mode +
                          " ranks targets among sampled items, which does not order models reliably (Krichene and "
                          "Rendle, 2020); mode: full does");
}

void ImportMetrics(const std::string& path, const YamlValue& root, RecboleImport& import) {
  const YamlValue* metrics = root.Find("metrics");
  const YamlValue* topk = root.Find("topk");
  std::vector<std::string> names = {"Recall", "MRR", "NDCG", "Hit", "Precision"};  // RecBole's own
  std::vector<std::string> cutoffs = {"10"};
  names = metrics != nullptr ? Texts(path, *metrics, "metrics") : names;
  cutoffs = topk != nullptr ? Texts(path, *topk, "topk") : cutoffs;
  std::vector<std::string> ours;  // each once: RecBole's names do not tell capitals from small letters
  for (const std::string& name : names) {
    const Metric* metric = FindMetric(name);
    if (metric == nullptr) {
      import.notices.push_back({true, PlaceOf(path, *metrics) + ": metrics: " + WhyLeftOut(path, *metrics, name)});
      continue;
    }
    if (metric->ours == "popularity_lift") {
      import.notices.push_back({true, PlaceOf(path, *metrics) +
                                          ": metrics: 'AveragePopularity' becomes popularity_lift, which is in "
                                          "relation to what users chose before"});
    }
    for (const std::string& cutoff : metric->has_cutoff ? cutoffs : std::vector<std::string>{""}) {
      const std::string full = std::string(metric->ours) + (metric->has_cutoff ? "@" + cutoff : "");
      if (std::find(ours.begin(), ours.end(), full) == ours.end()) {
        ours.push_back(full);
      }
    }
  }
  if (ours.empty()) {
    FailAt(path, metrics != nullptr ? *metrics : *topk,
           "metrics: nothing is left to measure: '" + base::Join(names, ", ") + "'; expected some of " +
               base::Join(KnownMetrics(), ", ") + ", and a cutoff in topk");
  }
  std::transform(ours.begin(), ours.end(), ours.begin(), QuoteYaml);
  const std::size_t at = static_cast<std::size_t>(
      std::find_if(root.items.begin(), root.items.end(),
                   [&](const YamlValue& value) { return &value == (metrics != nullptr ? metrics : topk); }) -
      root.items.begin());
  import.settings.push_back({"eval.metrics", "[" + base::Join(ours, ", ") + "]", &root.keys[at], &root.items[at]});
}

std::string MetricName(const std::string& path, const YamlValue& value, const std::string& name) {
  const std::size_t at = std::min(name.find('@'), name.size());
  const std::string word = name.substr(0, at);
  if (const Metric* metric = FindMetric(word)) {
    return std::string(metric->ours) + (metric->has_cutoff ? name.substr(at) : "");
  }
  const std::vector<std::string> known = KnownMetrics();
  FailAt(path, value,
         (HasNoCounterpart(LowerCase(word)) ? "a metric without a counterpart: '" : "unknown metric: '") + word +
             "'; expected one of " + base::Join(known, ", ") + base::DidYouMean(word, known));
}

}  // namespace recforce::config::internal
