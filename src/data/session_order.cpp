// SPDX-License-Identifier: Apache-2.0
#include "recforce/data/session_order.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "recforce/base/text.h"

namespace recforce::data {
namespace {

struct SessionKey {
  std::string_view letters;
  std::int64_t number = 0;
  bool operator<(const SessionKey& other) const {
    return letters != other.letters ? letters < other.letters : number < other.number;
  }
};

// "12" is 12 without letters, "s12" is 12 after "s"; any other form has no key.
std::optional<SessionKey> KeyOfId(std::string_view id) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const std::size_t letters = std::min(id.find_first_not_of(kLetters), id.size());
  if (letters > 0 && letters < id.size() && id[letters] == '-') {
    return std::nullopt;  // a hyphen between letters and digits is no sign
  }
  const std::optional<std::int64_t> number = base::ParseInt(id.substr(letters));
  return number ? std::optional(SessionKey{id.substr(0, letters), *number}) : std::nullopt;
}

// Empty where ids say nothing.
std::vector<SessionKey> KeysOfIds(std::int64_t count, const std::function<std::string_view(std::int64_t)>& id) {
  std::vector<SessionKey> keys;
  for (std::int64_t row = 0; id && row < count; ++row) {
    const std::optional<SessionKey> key = KeyOfId(id(row));
    if (!key || (!keys.empty() && key->letters.empty() != keys.front().letters.empty())) {
      return {};
    }
    keys.push_back(*key);
  }
  return keys;
}

}  // namespace

std::vector<std::int32_t> SessionOrder(CsrView rows, std::span<const std::int64_t> times,
                                       const std::function<std::string_view(std::int64_t row)>& id) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(rows.rows()));
  std::iota(order.begin(), order.end(), 0);
  const auto sort = [&](const auto& keys) {
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
      return keys[static_cast<std::size_t>(a)] < keys[static_cast<std::size_t>(b)];
    });
  };
  if (!times.empty()) {
    std::vector<std::int64_t> starts;
    for (std::int64_t row = 0; row < rows.rows(); ++row) {
      const auto first = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
      starts.push_back(rows.row(row).empty() ? 0 : times[first]);
    }
    sort(starts);
  } else if (const std::vector<SessionKey> keys = KeysOfIds(rows.rows(), id); !keys.empty()) {
    sort(keys);
  }
  return order;
}

}  // namespace recforce::data
