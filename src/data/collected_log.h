// SPDX-License-Identifier: Apache-2.0
// What a conversion takes from a reader: ids become numbers, rows go to the store, displays and candidates stay in
// memory as numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/id_table.h"
#include "data/readers.h"
#include "data/row_store.h"
#include "data/sorted_log.h"
#include "data/spill_file.h"
#include "recforce/data/convert.h"

namespace recforce::data {

// Counts malformed rows; too many end the conversion with Error(Data).
class BadRows {
 public:
  BadRows(std::int64_t allowed, ConvertReport& report) : allowed_(allowed), report_(report) {}
  void Add(std::string message);

 private:
  std::int64_t allowed_;
  ConvertReport& report_;
};

// Well-formed rows with a high enough value, in the order of the log.
class CollectedLog final : public RowSink {
 public:
  // Refers to its arguments. `file` stands in messages. Counts rows into `counts`.
  CollectedLog(std::string file, const ConvertOptions& options, BadRows& bad_rows, Preprocessing& counts,
               SpillFile& spill);

  void Begin(const LogContent& content) override;
  void Add(const LogRow& row) override;
  void AddRows(const LogRows& rows) override;
  void AddDisplay(const LogDisplay& display) override;
  void AddCandidates(std::string_view user, std::span<const std::string_view> items) override;
  void AddBad(std::string message) override { bad_rows_.Add(std::move(message)); }

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] const IdTable& users() const { return users_; }
  [[nodiscard]] const IdTable& items() const { return items_; }
  [[nodiscard]] const IdTable& contexts() const { return contexts_; }
  [[nodiscard]] bool has_contexts() const { return content_.context; }
  // After Begin().
  [[nodiscard]] RowStore& rows() { return *rows_; }
  // By the numbers of the tables, in the order of the log.
  [[nodiscard]] const DisplayColumns& displays() const { return displays_; }
  // User, and where the user's items begin and end.
  struct Candidates {
    std::int32_t user;
    std::size_t begin;
    std::size_t end;
  };
  [[nodiscard]] const std::vector<Candidates>& candidates() const { return candidates_; }
  [[nodiscard]] std::span<const std::int32_t> candidate_items() const { return candidate_items_; }

 private:
  bool IsWanted(double value);
  void CheckIds() const;
  void Store(std::int32_t user, std::int32_t item, const LogRow& row);

  std::string file_;
  const ConvertOptions& options_;
  BadRows& bad_rows_;
  Preprocessing& counts_;
  SpillFile& spill_;
  LogContent content_;
  IdTable users_;
  IdTable items_;
  IdTable contexts_;
  std::unique_ptr<RowStore> rows_;
  DisplayColumns displays_;
  std::vector<Candidates> candidates_;
  std::vector<std::int32_t> candidate_items_;
  std::vector<std::string_view> wanted_user_;  // of AddRows()
  std::vector<std::string_view> wanted_item_;
  std::vector<std::size_t> wanted_row_;
  std::vector<std::int32_t> user_numbers_;
  std::vector<std::int32_t> item_numbers_;
};

DuplicateRule RuleOf(const std::string& duplicates);
// Error(Interrupted) when somebody has asked to stop.
void ThrowIfStopped(const ConvertOptions& options, const std::string& file);

}  // namespace recforce::data
