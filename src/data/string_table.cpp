// SPDX-License-Identifier: Apache-2.0
// Tables of strings inside tensor files: offsets and bytes, read in place. The constructor proves that every
// later access stays inside the bytes, so the tables of an untrusted file are safe to use once they exist.
#include <algorithm>
#include <limits>

#include "recforce/base/text.h"
#include "recforce/data/dataset.h"

namespace recforce::data {
namespace {

[[noreturn]] void Fail(const std::string& where, const std::string& what) {
  throw base::Error(base::ErrorKind::kData, where + ": " + what);
}

void CheckOffsets(std::span<const std::int64_t> offsets, std::size_t num_bytes, const std::string& where) {
  if (offsets.empty()) {
    Fail(where, "string table has no offsets; expected one more than there are strings");
  }
  if (offsets.size() - 1 > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    Fail(where, "string table is too long: " + std::to_string(offsets.size() - 1) + " strings; expected at most " +
                    std::to_string(std::numeric_limits<std::int32_t>::max()));
  }
  if (offsets.front() != 0) {
    Fail(where, "string table does not start at 0: '" + std::to_string(offsets.front()) + "'");
  }
  const auto bad = std::adjacent_find(offsets.begin(), offsets.end(), std::greater<>());
  if (bad != offsets.end()) {
    Fail(where, "string table has falling offsets: '" + std::to_string(*bad) + "' before '" +
                    std::to_string(*(bad + 1)) + "'");
  }
  if (offsets.back() != static_cast<std::int64_t>(num_bytes)) {
    Fail(where, "string table ends at '" + std::to_string(offsets.back()) + "'; expected its number of bytes, " +
                    std::to_string(num_bytes));
  }
}

}  // namespace

StringTable::StringTable(std::span<const std::int64_t> offsets, std::span<const std::uint8_t> bytes, bool sorted,
                         const std::string& where)
    : offsets_(offsets), bytes_(bytes) {
  CheckOffsets(offsets, bytes.size(), where);
  for (std::int64_t i = 0; i < size(); ++i) {
    if (!base::IsUtf8((*this)[i])) {
      Fail(where, "string " + std::to_string(i) + " is not UTF-8");
    }
    if (sorted && i > 0 && !((*this)[i - 1] < (*this)[i])) {
      Fail(where, "strings are not in strict bytewise order: '" + std::string((*this)[i - 1]) + "' before '" +
                      std::string((*this)[i]) + "'");
    }
  }
}

std::string_view StringTable::operator[](std::int64_t index) const {
  const auto i = static_cast<std::size_t>(index);
  return {reinterpret_cast<const char*>(bytes_.data()) + offsets_[i],
          static_cast<std::size_t>(offsets_[i + 1] - offsets_[i])};
}

std::optional<std::int32_t> StringTable::Find(std::string_view text) const {
  std::int64_t low = 0;
  std::int64_t high = size();
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if ((*this)[middle] < text) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low < size() && (*this)[low] == text) {
    return static_cast<std::int32_t>(low);
  }
  return std::nullopt;
}

std::vector<std::string> StringTable::ToVector() const {
  std::vector<std::string> strings;
  strings.reserve(static_cast<std::size_t>(size()));
  for (std::int64_t i = 0; i < size(); ++i) {
    strings.emplace_back((*this)[i]);
  }
  return strings;
}

void AddStrings(base::TensorSet& set, const std::string& name, std::span<const std::string> strings) {
  std::vector<std::int64_t> offsets{0};
  offsets.reserve(strings.size() + 1);
  std::vector<std::uint8_t> bytes;
  for (const std::string& text : strings) {
    bytes.insert(bytes.end(), text.begin(), text.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  set.AddOwned(name + ".offsets", std::move(offsets));
  set.AddOwned(name + ".bytes", std::move(bytes));
}

StringTable GetStrings(const base::TensorSet& set, const std::string& name, bool sorted) {
  const std::string where = set.where() + ": table '" + name + "'";
  try {
    return {set.Get(name + ".offsets").As<std::int64_t>(), set.Get(name + ".bytes").As<std::uint8_t>(), sorted, where};
  } catch (const base::Error& error) {
    const std::string_view what = error.what();
    if (what.substr(0, set.where().size()) == set.where()) {
      throw;
    }
    Fail(where, std::string(what));  // a wrong dtype is reported without the file's name
  }
}

}  // namespace recforce::data
