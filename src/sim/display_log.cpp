// SPDX-License-Identifier: Apache-2.0
// Steps of a batch come one after the other; they are kept until the batch is over, and written user by user.
#include "sim/display_log.h"

namespace recforce::sim {
namespace {

constexpr std::size_t kTextPerWrite = std::size_t{1} << 16;

int PartOf(std::int64_t user, std::int64_t users) {
  return user < users / 2 ? 0 : user < users / 2 + users / 4 ? 1 : 2;
}

}  // namespace

DisplayLogWriter::DisplayLogWriter(base::WritableFile& file, std::span<const std::string> item_ids,
                                   const SimulationPlan& plan)
    : file_(file), item_ids_(item_ids), plan_(plan) {
  file_.Append(std::string_view(
      "SessionId\tTime\tItemId\tis_click\traw_index\tsession_new_index\titem_new_index\ttr_val_tst\n"));
}

void DisplayLogWriter::Add(const ShownStep& step) {
  if (step.step == 0) {
    WriteBatch();
    first_ = step.first;
    rows_ = step.slates.rows;
  }
  slates_.insert(slates_.end(), step.slates.data, step.slates.data + step.slates.rows * step.slates.cols);
  clicked_.insert(clicked_.end(), step.clicked.begin(), step.clicked.end());
  absent_.insert(absent_.end(), step.absent.begin(), step.absent.end());
}

void DisplayLogWriter::Finish() { WriteBatch(); }

void DisplayLogWriter::WriteBatch() {
  const std::int64_t k = plan_.slate;
  const std::int64_t steps = rows_ == 0 ? 0 : static_cast<std::int64_t>(clicked_.size()) / rows_;
  std::string text;
  for (std::int64_t row = 0; row < rows_; ++row) {
    const std::int64_t user = first_ + row;
    for (std::int64_t step = 0; step < steps; ++step) {
      const std::int64_t at = step * rows_ + row;
      if (absent_[static_cast<std::size_t>(at)] != 0) {
        continue;
      }
      for (std::int64_t place = 0; place < k; ++place) {
        const std::int32_t item = slates_[static_cast<std::size_t>(at * k + place)];
        const bool is_click = clicked_[static_cast<std::size_t>(at)] == place;
        text += std::to_string(plan_.first_user + user) + '\t' + std::to_string(step + 1) + '\t' +
                item_ids_[static_cast<std::size_t>(item)] + (is_click ? "\t1\t" : "\t0\t") +
                std::to_string(written_++) + '\t' + std::to_string(user) + '\t' + std::to_string(item) + '\t' +
                std::to_string(PartOf(user, plan_.users)) + '\n';
      }
      if (text.size() >= kTextPerWrite) {
        file_.Append(text);
        text.clear();
      }
    }
  }
  file_.Append(text);
  slates_.clear();
  clicked_.clear();
  absent_.clear();
  rows_ = 0;
}

}  // namespace recforce::sim
