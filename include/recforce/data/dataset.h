// SPDX-License-Identifier: Apache-2.0
// The binary, memory-mapped form of an interaction log: DIR/dataset.safetensors. See docs/formats/dataset.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/base/tensor_file.h"
#include "recforce/data/csr.h"

namespace recforce::data {

inline constexpr int kDatasetVersion = 2;
inline constexpr std::string_view kDatasetFile = "dataset.safetensors";
// Preprocessing::displays of a log that says itself what was shown.
inline constexpr std::string_view kLoggedDisplays = "logged";

// Distinct strings in bytewise order, as two tensors: offsets [n + 1] int64 and bytes. Views, cheap to copy.
class StringTable {
 public:
  StringTable() = default;
  // Error(Data) when offsets are not a table over bytes. With `sorted`, also when entries are not in strict order.
  StringTable(std::span<const std::int64_t> offsets, std::span<const std::uint8_t> bytes, bool sorted,
              const std::string& where);
  [[nodiscard]] std::int64_t size() const {
    return offsets_.empty() ? 0 : static_cast<std::int64_t>(offsets_.size()) - 1;
  }
  [[nodiscard]] std::string_view operator[](std::int64_t index) const;
  // Binary search; REQUIRES: sorted.
  [[nodiscard]] std::optional<std::int32_t> Find(std::string_view text) const;
  [[nodiscard]] std::vector<std::string> ToVector() const;

 private:
  std::span<const std::int64_t> offsets_;
  std::span<const std::uint8_t> bytes_;
};
// Adds `strings` to `set` as <name>.offsets and <name>.bytes.
void AddStrings(base::TensorSet& set, const std::string& name, std::span<const std::string> strings);
StringTable GetStrings(const base::TensorSet& set, const std::string& name, bool sorted);

// How the log was turned into this dataset; carried into every model bundle.
struct Preprocessing {
  std::string source;                // file or folder name, without its directories
  std::string format;                // "recbole", "movielens", "csv", "generated"
  std::optional<double> min_rating;  // rows with value >= it were kept
  std::int64_t min_user_interactions = 0;
  std::int64_t min_item_interactions = 0;
  std::string duplicates = "last";  // which of several (user, item) rows was kept; "keep": all
  std::int64_t rows_read = 0;
  std::int64_t rows_below_rating = 0;
  std::int64_t duplicates_removed = 0;
  std::int64_t rows_of_rare_items = 0;
  std::int64_t rows_of_rare_users = 0;
  // A user who keeps no row leaves, and takes what was shown along.
  std::int64_t displays_of_absent_users = 0;
  std::int64_t candidates_of_absent_users = 0;  // lists, one a user
  // Where displays come from: "logged" by the system that showed them, how BuildDisplays made them, "" without any.
  std::string displays;
};

// Where a log that was split by its publisher puts an interaction.
enum class Part : std::uint8_t {
  kTrain = 0,
  kValidation = 1,
  kTest = 2,
  kInput = 3,  // shown to the model when it is tested, and never trained on: the prefix of a test session
};

// What was shown together, before it is written. Displays in any order; those of a user keep theirs at equal times.
struct DisplayColumns {
  std::vector<std::int32_t> user;        // [D]
  std::vector<std::int64_t> time;        // [D], or empty
  std::vector<std::uint8_t> part;        // [D] Part, or empty
  std::vector<std::int64_t> offsets{0};  // [D + 1] into the next two
  std::vector<std::int32_t> item;        // in the order shown
  std::vector<std::uint8_t> clicked;     // 1: chosen
};

// Interactions in columns, before they are written. Rows in any order.
struct Columns {
  std::vector<std::string> user_ids;     // sorted bytewise, distinct
  std::vector<std::string> item_ids;     // sorted bytewise, distinct
  std::vector<std::string> item_titles;  // one per item, or empty
  std::vector<std::int32_t> user;        // [N]
  std::vector<std::int32_t> item;        // [N]
  std::vector<std::int64_t> time;        // [N] seconds, or empty when the log has no times
  std::vector<float> value;              // [N], or empty
  std::vector<float> propensity;         // [N] probability of showing it, as logged, or empty
  std::vector<std::int32_t> position;    // [N] place in the slate, as logged, or empty
  std::vector<std::uint8_t> part;        // [N] Part, or empty
  // What was known of the request that an interaction answers (page, device, time of day): [N] into context_names,
  // -1: not known; or both empty.
  std::vector<std::int32_t> context;
  std::vector<std::string> context_names;  // sorted bytewise, distinct
  DisplayColumns displays;
  // Items that a published protocol ranks against a user's test targets: [users + 1] offsets, or both empty.
  std::vector<std::int64_t> candidate_offsets;
  std::vector<std::int32_t> candidate_items;
};

// The displays of a dataset: user u has displays user_offsets[u] .. user_offsets[u + 1], display d shows
// items[offsets[d] .. offsets[d + 1]). All empty when the log has none.
struct Displays {
  std::span<const std::int64_t> user_offsets;  // [U + 1]
  std::span<const std::int64_t> times;         // [D], or empty
  std::span<const std::uint8_t> parts;         // [D] Part, or empty
  std::span<const std::int64_t> offsets;       // [D + 1]
  std::span<const std::int32_t> items;
  std::span<const std::uint8_t> clicked;  // parallel to items
  [[nodiscard]] std::int64_t size() const {
    return offsets.empty() ? 0 : static_cast<std::int64_t>(offsets.size()) - 1;
  }
};

// A dataset on disk. Thread-safe to read. Interactions are grouped by user and, inside a user, in time order;
// equal times keep the order of the log.
class Dataset {
 public:
  // Error(NotFound) without a dataset there; Error(Data) when it is corrupt or of another version.
  static Dataset Open(const std::filesystem::path& directory);

  [[nodiscard]] std::int64_t num_users() const { return user_ids_.size(); }
  [[nodiscard]] std::int64_t num_items() const { return item_ids_.size(); }
  [[nodiscard]] std::int64_t num_interactions() const { return static_cast<std::int64_t>(item_.size()); }
  [[nodiscard]] const StringTable& user_ids() const { return user_ids_; }
  [[nodiscard]] const StringTable& item_ids() const { return item_ids_; }
  [[nodiscard]] const StringTable& item_titles() const { return item_titles_; }        // empty when the log has none
  [[nodiscard]] CsrView interactions() const { return {user_offsets_, item_}; }        // [users] x items, time order
  [[nodiscard]] std::span<const std::int64_t> times() const { return time_; }          // parallel to items, or empty
  [[nodiscard]] std::span<const float> values() const { return value_; }               // parallel to items, or empty
  [[nodiscard]] std::span<const float> propensities() const { return propensity_; }    // parallel to items, or empty
  [[nodiscard]] std::span<const std::int32_t> positions() const { return position_; }  // parallel to items, or empty
  [[nodiscard]] std::span<const std::uint8_t> parts() const { return part_; }  // Part, parallel to items, or empty
  // Into context_names(), -1: not known; parallel to items, or empty. Columns::context says of what.
  [[nodiscard]] std::span<const std::int32_t> contexts() const { return context_; }
  [[nodiscard]] const StringTable& context_names() const { return context_names_; }
  [[nodiscard]] const Displays& displays() const { return displays_; }
  // [users] the items to rank against a user's test targets, or no rows.
  [[nodiscard]] CsrView candidates() const { return {candidate_offsets_, candidate_items_}; }
  // Whether a user may have an item several times (`--duplicates keep`).
  [[nodiscard]] bool repeats() const { return preprocessing_.duplicates == "keep"; }
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }  // of the content alone
  [[nodiscard]] const Preprocessing& preprocessing() const { return preprocessing_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  base::TensorSet file_;
  StringTable user_ids_;
  StringTable item_ids_;
  StringTable item_titles_;
  StringTable context_names_;
  std::span<const std::int64_t> user_offsets_;
  std::span<const std::int32_t> item_;
  std::span<const std::int64_t> time_;
  std::span<const float> value_;
  std::span<const float> propensity_;
  std::span<const std::int32_t> position_;
  std::span<const std::uint8_t> part_;
  std::span<const std::int32_t> context_;
  Displays displays_;
  std::span<const std::int64_t> candidate_offsets_;
  std::span<const std::int32_t> candidate_items_;
  std::string fingerprint_;
  Preprocessing preprocessing_;
  std::filesystem::path directory_;
};

// Sorts `columns` and their displays by user and time, removes nothing, and writes DIR/dataset.safetensors atomically.
// REQUIRES: what Open() checks; (user, item) pairs distinct unless preprocessing.duplicates is "keep".
void WriteDataset(base::FileSystem& files, const std::filesystem::path& directory, Columns columns,
                  const Preprocessing& preprocessing);

}  // namespace recforce::data
