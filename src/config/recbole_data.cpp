// SPDX-License-Identifier: Apache-2.0
// RecBole writes filters as intervals, "[5,inf)", one for each field.
#include "recforce/config/recbole_data.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "config/recbole.h"
#include "config/yaml_value.h"
#include "recforce/base/text.h"

namespace recforce::config {
namespace {

using internal::FailAt;
using internal::IsNone;
using internal::ScalarOf;

std::string WithoutSpaces(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (c != ' ') {
      kept += c;
    }
  }
  return kept;
}

struct LowEnd {
  double value = 0.0;
  bool included = true;
};

// "[5,inf)" or "(4,inf)"; only from below can a log be cut.
LowEnd ReadInterval(const std::string& path, const YamlValue& key, const YamlValue& value) {
  const std::string text = WithoutSpaces(ScalarOf(path, key, value));
  const std::size_t comma = text.find(',');
  const bool has_ends =
      text.size() >= 2 && (text.front() == '[' || text.front() == '(') && (text.back() == ']' || text.back() == ')');
  if (!has_ends || comma == std::string::npos || text.find(';') != std::string::npos) {
    FailAt(path, value, key.text + ": not an interval: '" + text + "'; expected one like [5,inf)");
  }
  const std::string high = text.substr(comma + 1, text.size() - comma - 2);
  if (high != "inf" && high != "+inf") {
    FailAt(
        path, value,
        key.text + ": an interval with an upper end: '" + text + "'; recforce filters from below only, like [5,inf)");
  }
  const std::optional<double> low = base::ParseReal(std::string_view(text).substr(1, comma - 1));
  if (!low) {
    FailAt(path, value, key.text + ": not an interval: '" + text + "'; expected one like [5,inf)");
  }
  return {*low, text.front() == '['};
}

// The least whole number inside.
std::int64_t LeastCount(const LowEnd& low) {
  const double least = low.included ? std::ceil(low.value) : std::floor(low.value) + 1.0;
  return static_cast<std::int64_t>(std::min(std::max(least, 0.0), 1e15));
}

class DataImporter {
 public:
  DataImporter(const std::string& path, const YamlValue& root, RecboleData before)
      : path_(path), root_(root), data_(std::move(before)) {}

  RecboleData Run() {
    Column("USER_ID_FIELD", data_.user_column);
    Column("ITEM_ID_FIELD", data_.item_column);
    Column("TIME_FIELD", data_.time_column);
    Column("RATING_FIELD", data_.value_column);
    Least("user_inter_num_interval", data_.min_user_interactions);
    Least("item_inter_num_interval", data_.min_item_interactions);
    LeastCountOf("min_user_inter_num", data_.min_user_interactions);
    LeastCountOf("min_item_inter_num", data_.min_item_interactions);
    if (filters_) {
      Note(false,
           "RecBole repeats its filters of rare users and items until nothing changes; recforce applies each once, "
           "items first");
    }
    for (const std::string word :
         {"max_user_inter_num", "max_item_inter_num", "highest_val", "equal_val", "not_equal_val"}) {
      const YamlValue* key = nullptr;
      if (const YamlValue* value = Given(word, &key)) {
        FailAt(path_, *value, word + ": a filter that recforce does not have; it filters from below only");
      }
    }
    Rating();
    Duplicates();
    Separator();
    return std::move(data_);
  }

 private:
  void Note(bool warning, const std::string& text) { data_.notices.push_back({warning, path_ + ": " + text}); }

  // The key and its value, when it is there and not None.
  [[nodiscard]] const YamlValue* Given(const std::string& word, const YamlValue** key) const {
    for (std::size_t at = 0; at < root_.keys.size(); ++at) {
      if (root_.keys[at].is_scalar() && root_.keys[at].text == word && !IsNone(root_.items[at])) {
        *key = &root_.keys[at];
        return &root_.items[at];
      }
    }
    return nullptr;
  }

  void Column(const std::string& word, std::optional<std::string>& column) {
    const YamlValue* key = nullptr;
    if (const YamlValue* value = Given(word, &key)) {
      column = ScalarOf(path_, *key, *value);
    }
  }

  void Least(const std::string& word, std::optional<std::int64_t>& least) {
    const YamlValue* key = nullptr;
    if (const YamlValue* value = Given(word, &key)) {
      least = LeastCount(ReadInterval(path_, *key, *value));
      filters_ = true;
    }
  }

  // As older versions write it: a number.
  void LeastCountOf(const std::string& word, std::optional<std::int64_t>& least) {
    const YamlValue* key = nullptr;
    if (const YamlValue* value = Given(word, &key)) {
      least = base::ParseInt(ScalarOf(path_, *key, *value));
      if (!least || *least < 0) {
        FailAt(path_, *value, word + ": not a count: '" + value->text + "'");
      }
      filters_ = true;
    }
  }

  // val_interval (once lowest_val) keeps rows, threshold calls them positive; to a recommender of implicit feedback
  // both are a filter.
  void Rating() {
    const std::string field = data_.value_column.value_or("rating");
    for (const std::string word : {"val_interval", "threshold", "lowest_val"}) {
      const YamlValue* key = nullptr;
      const YamlValue* value = Given(word, &key);
      if (value == nullptr) {
        continue;
      }
      if (!value->is_map()) {
        FailAt(path_, *value, word + ": not a mapping; expected one like {" + field + ": ...}");
      }
      for (std::size_t at = 0; at < value->keys.size(); ++at) {
        const YamlValue& name = value->keys[at];
        if (name.text != field) {
          FailAt(path_, name,
                 word + ": rows can be filtered by RATING_FIELD alone: '" + name.text + "'; expected '" + field + "'");
        }
        data_.min_rating =
            word == "val_interval" ? LeastValue(name, value->items[at]) : Threshold(word, name, value->items[at]);
      }
    }
  }

  double LeastValue(const YamlValue& key, const YamlValue& value) {
    const LowEnd low = ReadInterval(path_, key, value);
    return low.included ? low.value : std::nextafter(low.value, std::numeric_limits<double>::infinity());
  }

  double Threshold(const std::string& word, const YamlValue& key, const YamlValue& value) {
    const std::optional<double> least = base::ParseReal(ScalarOf(path_, key, value));
    if (!least) {
      FailAt(path_, value, word + ": not a number: '" + value.text + "'");
    }
    return *least;
  }

  void Duplicates() {
    const YamlValue* key = nullptr;
    const YamlValue* value = Given("rm_dup_inter", &key);
    if (value == nullptr) {
      return;
    }
    const std::string& which = ScalarOf(path_, *key, *value);
    if (which != "first" && which != "last") {
      FailAt(path_, *value, "rm_dup_inter: unknown choice: '" + which + "'; expected first or last");
    }
    data_.duplicates = which;
  }

  void Separator() {
    const YamlValue* key = nullptr;
    const YamlValue* value = Given("field_separator", &key);
    if (value != nullptr && ScalarOf(path_, *key, *value) != "\t") {
      Note(true, "field_separator: '" + value->text +
                     "' is left out: .inter files are read with tabs. for other files use --format csv");
    }
  }

  const std::string& path_;
  const YamlValue& root_;
  RecboleData data_;
  bool filters_ = false;  // of rare users or items
};

}  // namespace

RecboleData ReadRecboleData(const std::string& path, RecboleData before) {
  const YamlValue root = ReadYaml(path);
  if (!root.is_map() && !root.is_null()) {
    FailAt(path, root, "not a mapping; expected lines like 'key: value'");
  }
  return DataImporter(path, root, std::move(before)).Run();
}

}  // namespace recforce::config
