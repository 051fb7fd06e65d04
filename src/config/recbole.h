// SPDX-License-Identifier: Apache-2.0
// Configuration files of RecBole (https://recbole.io), read as they are: keys that mean one of our settings, keys
// that say several at once (eval_args, metrics with topk), keys that mean nothing here. The whole table is in
// docs/howto/from_recbole.md. Keys that are plain aliases of a setting stand in its field table.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_value.h"
#include "recforce/config/settings.h"

namespace recforce::config {

// One of our settings and the entry that asks for it, which belongs to the imported document.
struct ImportedSetting {
  std::string name;  // "split.kind"
  std::string text;
  const YamlValue* key = nullptr;
  const YamlValue* value = nullptr;
};

struct RecboleImport {
  std::vector<ImportedSetting> settings;
  std::vector<Notice> notices;
  std::vector<bool> done;  // of each entry of the root: it is dealt with
};

// `root` is a map or null, and must outlive the result. `model`: our name of the algorithm. `has`: whether a key leads
// to a setting. Error(Usage) with the place: what RecBole can ask for and recforce cannot do.
RecboleImport ImportRecbole(const std::string& path, const YamlValue& root, const std::string& model,
                            const std::function<bool(const std::string&)>& has);

namespace internal {

// What a key of RecBole is about where it leads to no setting.
enum class KeyMeaning {
  kUnknown,  // not RecBole's
  kNothing,  // its own files, devices and progress
  kData,     // reading the log
  kModel,    // some model, training or evaluation
};
KeyMeaning MeaningOf(std::string_view key);

// Our name of a model that RecBole's class name means; empty: it means none of ours.
std::string_view OurModel(std::string_view theirs);

// "path:line:column: what" as Error(Usage).
[[noreturn]] void FailAt(const std::string& path, const YamlValue& value, const std::string& what);

// Null, or one of the words by which RecBole writes it.
bool IsNone(const YamlValue& value);

// The text of a scalar. Error(Usage): it is something else.
const std::string& ScalarOf(const std::string& path, const YamlValue& key, const YamlValue& value);

// eval_args: split, group_by, order, mode. `has_parts`: the log is split already, and only the mode counts.
void ImportEvalArgs(const std::string& path, const YamlValue& key, const YamlValue& value, bool has_parts,
                    RecboleImport& import);

// metrics and topk together; either may be missing. Error(Usage): they leave nothing to measure.
void ImportMetrics(const std::string& path, const YamlValue& root, RecboleImport& import);

// valid_metric: "MRR@10" is "mrr@10" here.
std::string MetricName(const std::string& path, const YamlValue& value, const std::string& name);

}  // namespace internal

}  // namespace recforce::config
