// SPDX-License-Identifier: Apache-2.0
// The dictionaries of the Open Bandit Pipeline, saved with numpy.savez: rounds of a single action each, or of slates.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>

#include "base/npy_file.h"
#include "data/decision_sink.h"
#include "data/zip_archive.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::int64_t kMostRounds = std::numeric_limits<std::int32_t>::max();

template <class T>
void Widen(std::span<const std::byte> data, std::vector<double>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, data.data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<double>(value);
  }
}

struct NumberType {
  std::string_view descr;
  std::size_t bytes;
  void (*widen)(std::span<const std::byte>, std::vector<double>&);
};
constexpr NumberType kTypes[] = {
    {"<f8", 8, Widen<double>},        {"<f4", 4, Widen<float>},         {"<i8", 8, Widen<std::int64_t>},
    {"<i4", 4, Widen<std::int32_t>},  {"<i2", 2, Widen<std::int16_t>},  {"|i1", 1, Widen<std::int8_t>},
    {"<u8", 8, Widen<std::uint64_t>}, {"<u4", 4, Widen<std::uint32_t>}, {"<u2", 2, Widen<std::uint16_t>},
    {"|u1", 1, Widen<std::uint8_t>},  {"|b1", 1, Widen<std::uint8_t>}};

// Numbers in C order.
struct Array {
  std::vector<std::int64_t> shape;
  std::vector<double> values;
};

// Fortran order to C order.
void Transpose(Array& array) {
  std::vector<double> turned(array.values.size());
  std::vector<std::size_t> at(array.shape.size(), 0);
  for (double& value : turned) {
    std::size_t from = 0;
    for (std::size_t axis = array.shape.size(); axis > 0; --axis) {
      from = from * static_cast<std::size_t>(array.shape[axis - 1]) + at[axis - 1];
    }
    value = array.values[from];
    for (std::size_t axis = array.shape.size(); axis > 0; --axis) {
      if (++at[axis - 1] < static_cast<std::size_t>(array.shape[axis - 1])) {
        break;
      }
      at[axis - 1] = 0;
    }
  }
  array.values = std::move(turned);
}

class ObpReader {
 public:
  ObpReader(std::span<const std::byte> bytes, const std::string& where) : archive_(bytes, where), where_(where) {}

  DecisionLog Read() {
    const Array action = Need("action", 1);
    rounds_ = action.shape[0];
    if (rounds_ == 0 || rounds_ > kMostRounds) {
      Fail("action", "has " + std::to_string(rounds_) + " rounds; expected 1 to " + std::to_string(kMostRounds));
    }
    CountItems(action);
    if (const std::optional<Array> slate_id = Find("slate_id", {1})) {
      TakeSlates(*slate_id);
    } else {
      TakeRounds(action);
      TakePositions();
      TakeProbabilities(Find("pi_b", {2, 3}));
    }
    TakeContexts();
    return std::move(log_);
  }

 private:
  [[noreturn]] void Fail(const std::string& key, const std::string& what) const {
    throw Error(ErrorKind::kData, where_ + ": " + key + ": " + what);
  }

  // An array of one of these numbers of dimensions; nothing when there is none, or None was saved.
  std::optional<Array> Find(const std::string& key, const std::vector<std::size_t>& dimensions) const {
    const ZipArchive::Entry* entry = archive_.Find(key + ".npy");
    if (entry == nullptr) {
      return std::nullopt;
    }
    const std::vector<std::byte> bytes = archive_.Read(*entry);
    const base::NpyView view = base::ParseNpyView(bytes, where_ + ": " + key);
    if (view.descr == "|O") {
      return std::nullopt;
    }
    const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes),
                                    [&](const NumberType& known) { return known.descr == view.descr; });
    if (type == std::end(kTypes)) {
      Fail(key, "unsupported type of numbers: " + Quoted(view.descr) + "; expected floats, integers or booleans");
    }
    if (std::find(dimensions.begin(), dimensions.end(), view.shape.size()) == dimensions.end()) {
      Fail(key, "has " + std::to_string(view.shape.size()) + " dimensions; expected " +
                    std::to_string(dimensions.front()) +
                    (dimensions.size() > 1 ? " or " + std::to_string(dimensions.back()) : ""));
    }
    const std::optional<std::int64_t> count = base::NpyCount(view);
    if (!count || *count < 0 || static_cast<std::uint64_t>(*count) > bytes.size() ||
        static_cast<std::size_t>(*count) * type->bytes != view.data.size()) {
      Fail(key, "has '" + std::to_string(view.data.size()) + "' bytes of data, which is not what its shape takes");
    }
    Array array{view.shape, std::vector<double>(static_cast<std::size_t>(*count))};
    type->widen(view.data, array.values);
    if (view.fortran_order && view.shape.size() > 1) {
      Transpose(array);
    }
    CheckFinite(key, array);
    return array;
  }

  void CheckFinite(const std::string& key, const Array& array) const {
    for (std::size_t i = 0; i < array.values.size(); ++i) {
      if (!std::isfinite(static_cast<float>(array.values[i]))) {
        Fail(key, "entry " + std::to_string(i) + " is not finite in 32 bits; expected numbers");
      }
    }
  }

  Array Need(const std::string& key, std::size_t dimensions) const {
    std::optional<Array> found = Find(key, {dimensions});
    if (!found) {
      throw Error(ErrorKind::kData, where_ + ": no array '" + key + "'; expected action, reward and pscore or pi_b");
    }
    return std::move(*found);
  }

  void CheckRounds(const std::string& key, const Array& array) const {
    if (array.shape[0] != rounds_) {
      Fail(key,
           "has " + std::to_string(array.shape[0]) + " rounds; expected " + std::to_string(rounds_) + ", as action");
    }
  }

  // A whole number from 0 on; all that is used as an index comes from here.
  std::int32_t Whole(const std::string& key, const Array& array, std::size_t i) const {
    const double value = array.values[i];
    if (!(value >= 0.0 && value < static_cast<double>(kMostRounds) && value == std::floor(value))) {
      Fail(key, "entry " + std::to_string(i) + " is no index: '" + base::FormatReal(value) +
                    "'; expected a whole number from 0");
    }
    return static_cast<std::int32_t>(value);
  }

  void CountItems(const Array& action) {
    for (std::size_t i = 0; i < action.values.size(); ++i) {
      log_.item.push_back(Whole("action", action, i));
      items_ = std::max<std::int64_t>(items_, log_.item.back() + 1);
    }
    std::optional<std::int64_t> said;
    if (const std::optional<Array> number = Find("n_actions", {0})) {
      said = Whole("n_actions", *number, 0);
    } else if (const std::optional<Array> unique = Find("n_unique_action", {0})) {
      said = Whole("n_unique_action", *unique, 0);
    } else if (const auto probabilities = Find("pi_b", {2, 3})) {
      said = probabilities->shape[1];
    } else if (const auto features = Find("action_context", {2})) {
      said = features->shape[0];
    }
    const auto stated = static_cast<std::int64_t>(archive_.entries().size()) + rounds_;
    if (said && *said < items_) {
      const auto beyond = std::find_if(log_.item.begin(), log_.item.end(), [&](std::int32_t a) { return a >= *said; });
      Fail("action", "entry " + std::to_string(beyond - log_.item.begin()) + " is out of range: '" +
                         std::to_string(*beyond) + "'; expected 0 to " + std::to_string(*said - 1));
    }
    items_ = said.value_or(items_);
    // Ids are made for every item: a number out of nowhere must not fill the memory.
    if (items_ > kMostItemsPerEntry * stated) {
      Fail("n_actions",
           "is too large for so few rounds: '" + std::to_string(items_) + "'; expected the number of items");
    }
    for (std::int64_t item = 0; item < items_; ++item) {
      log_.item_ids.push_back(std::to_string(item));
    }
  }

  void CheckNumberOfRounds(const std::string& as) const {
    if (const std::optional<Array> number = Find("n_rounds", {0})) {
      if (Whole("n_rounds", *number, 0) != rounds_) {
        Fail("n_rounds", "is '" + base::FormatReal(number->values[0]) + "'; expected " + std::to_string(rounds_) +
                             ", as " + as + " has");
      }
    }
  }

  void TakeRounds(const Array& action) {
    CheckNumberOfRounds("action");
    const Array reward = Need("reward", 1);
    CheckRounds("reward", reward);
    log_.reward = reward.values;
    log_.first.resize(action.values.size() + 1);
    std::iota(log_.first.begin(), log_.first.end(), 0);
  }

  // Entries are slots; those of a slate stand together, in the order of their positions. rounds_ counts slates from
  // here.
  void TakeSlates(const Array& slate_id) {
    CheckRounds("slate_id", slate_id);
    const Array position = Need("position", 1);
    const Array reward = Need("reward", 1);
    const std::optional<Array> cascade = Find("pscore_cascade", {1});
    if (!cascade) {
      throw Error(ErrorKind::kData, where_ +
                                        ": no array 'pscore_cascade'; expected of slates the probability of "
                                        "each one's beginning up to a slot");
    }
    CheckRounds("position", position);
    CheckRounds("reward", reward);
    CheckRounds("pscore_cascade", *cascade);
    log_.reward = reward.values;
    log_.first.clear();
    for (std::size_t slot = 0; slot < slate_id.values.size(); ++slot) {
      const bool begins = slot == 0 || slate_id.values[slot] != slate_id.values[slot - 1];
      if (begins) {
        if (slot > 0 && slate_id.values[slot] < slate_id.values[slot - 1]) {
          Fail("slate_id", "entry " + std::to_string(slot) + " falls: '" + base::FormatReal(slate_id.values[slot]) +
                               "'; expected the slots of a slate together, slates in rising order");
        }
        log_.first.push_back(static_cast<std::int64_t>(slot));
      }
      const auto place = static_cast<std::int64_t>(slot) - log_.first.back();
      if (Whole("position", position, slot) != place) {
        Fail("position", "entry " + std::to_string(slot) + " is '" + base::FormatReal(position.values[slot]) +
                             "'; expected " + std::to_string(place) + ", slot after slot of a slate");
      }
      const double before = begins ? 1.0 : cascade->values[slot - 1];
      const double p = cascade->values[slot] / before;
      if (!(cascade->values[slot] > 0.0 && p <= 1.0 + 1e-9)) {
        Fail("pscore_cascade", "entry " + std::to_string(slot) + " is out of range: '" +
                                   base::FormatReal(cascade->values[slot]) +
                                   "'; expected a probability above 0 and at most that of the slots before it");
      }
      log_.propensity.push_back(std::min(p, 1.0));
    }
    log_.first.push_back(static_cast<std::int64_t>(slate_id.values.size()));
    rounds_ = log_.size();
    CheckNumberOfRounds("slate_id");
  }

  void TakePositions() {
    const std::optional<Array> position = Find("position", {1});
    if (!position) {
      return;
    }
    CheckRounds("position", *position);
    for (std::size_t i = 0; i < position->values.size(); ++i) {
      log_.position.push_back(Whole("position", *position, i));
    }
  }

  void TakeProbabilities(const std::optional<Array>& law) {
    const std::optional<Array> pscore = Find("pscore", {1});
    if (law) {
      TakeLaw(*law);
    } else if (!pscore) {
      (void)Need("pscore", 1);
    }
    if (pscore) {
      CheckRounds("pscore", *pscore);
      log_.propensity = pscore->values;
    }
    for (std::size_t i = 0; i < log_.propensity.size(); ++i) {
      if (!(log_.propensity[i] > 0.0 && log_.propensity[i] <= 1.0)) {
        Fail(pscore ? "pscore" : "pi_b", "round " + std::to_string(i) + " is out of range: '" +
                                             base::FormatReal(log_.propensity[i]) +
                                             "'; expected a probability above 0 and at most 1");
      }
    }
  }

  // pi_b [rounds, actions] or [rounds, actions, positions].
  void TakeLaw(const Array& law) {
    CheckRounds("pi_b", law);
    const std::int64_t places = law.shape.size() == 3 ? law.shape[2] : 1;
    if (law.shape[1] != items_ || places == 0) {
      Fail("pi_b", "has " + std::to_string(law.shape[1]) + " actions and " + std::to_string(places) +
                       " positions; expected " + std::to_string(items_) + " actions");
    }
    std::vector<std::int32_t> all(static_cast<std::size_t>(items_));
    std::iota(all.begin(), all.end(), 0);
    for (std::int64_t r = 0; r < rounds_; ++r) {
      const std::int64_t place = log_.position.empty() ? 0 : log_.position[static_cast<std::size_t>(r)];
      if (place >= places) {
        Fail("position", "entry " + std::to_string(r) + " is out of range: '" + std::to_string(place) +
                             "'; expected 0 to " + std::to_string(places - 1) + ", as pi_b has");
      }
      for (std::int64_t a = 0; a < items_; ++a) {
        const double p = law.values[static_cast<std::size_t>((r * items_ + a) * places + place)];
        if (!(p >= 0.0 && p <= 1.0)) {
          Fail("pi_b", "round " + std::to_string(r) + ", action " + std::to_string(a) + " is out of range: '" +
                           base::FormatReal(p) + "'; expected a probability from 0 to 1");
        }
        log_.candidate_probability.push_back(p);
      }
      log_.candidates.AddRow(all);
      const auto chosen = static_cast<std::size_t>(r * items_ + log_.item[static_cast<std::size_t>(r)]);
      log_.propensity.push_back(log_.candidate_probability[chosen]);
    }
  }

  void TakeContexts() {
    if (const std::optional<Array> context = Find("context", {2})) {
      CheckRounds("context", *context);
      for (std::int64_t column = 0; column < context->shape[1]; ++column) {
        log_.context_names.push_back("context_" + std::to_string(column));
      }
      log_.context.assign(context->values.begin(), context->values.end());
    }
    if (const std::optional<Array> features = Find("action_context", {2})) {
      if (features->shape[0] != items_) {
        Fail("action_context",
             "has " + std::to_string(features->shape[0]) + " actions; expected " + std::to_string(items_));
      }
      for (std::int64_t column = 0; column < features->shape[1]; ++column) {
        log_.action_context_names.push_back("action_context_" + std::to_string(column));
      }
      log_.action_context.assign(features->values.begin(), features->values.end());
    }
  }

  static constexpr std::int64_t kMostItemsPerEntry = 1000;

  ZipArchive archive_;
  std::string where_;
  std::int64_t rounds_ = 0;
  std::int64_t items_ = 0;
  DecisionLog log_;
};

}  // namespace

DecisionLog ReadObpNpz(std::span<const std::byte> bytes, const std::string& where, DecisionReport& report) {
  DecisionLog log = ObpReader(bytes, where).Read();
  report.rows_read = log.size();
  return log;
}

}  // namespace recforce::data
