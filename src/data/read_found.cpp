// SPDX-License-Identifier: Apache-2.0
// Several files as one log.
#include "data/input_files.h"
#include "data/log_header.h"
#include "data/read_matrix.h"
#include "recforce/base/error.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

// Passes the rows of one file after another to a sink that expects one log, with the part of each file.
class PartSink final : public RowSink {
 public:
  explicit PartSink(RowSink& sink) : sink_(sink) {}

  void StartFile(const LogInput& input) { input_ = &input; }

  void Begin(const LogContent& content) override {
    content_ = content;
    if (!first_) {
      first_ = input_;
      all_ = content;
      all_.part = content.part || input_->part.has_value();
      sink_.Begin(all_);
    } else if (input_->kind != LogKind::kNegatives) {
      CheckSame(content.time, all_.time, "times");
      CheckSame(content.value, all_.value, "values");
      CheckSame(content.position, all_.position, "positions");
      CheckSame(content.context, all_.context, "contexts");
      CheckSame(content.propensity || all_.propensity, all_.propensity, "propensities");
    }
  }
  void Add(const LogRow& row) override {
    LogRow given = row;
    given.part = input_->part.value_or(row.part);
    if (all_.propensity && !content_.propensity) {
      given.propensity = 1.0F;
    }
    sink_.Add(given);
  }
  void AddDisplay(const LogDisplay& display) override { sink_.AddDisplay(display); }
  void AddCandidates(std::string_view user, std::span<const std::string_view> items) override {
    sink_.AddCandidates(user, items);
  }
  void AddBad(std::string message) override { sink_.AddBad(std::move(message)); }

 private:
  void CheckSame(bool here, bool before, const std::string& what) const {
    if (here != before) {
      throw Error(ErrorKind::kData, input_->path.string() + (here ? ": has " : ": has no ") + what + ", which " +
                                        first_->path.filename().string() + (here ? " has not" : " has") +
                                        "; expected the same columns in all parts");
    }
  }

  RowSink& sink_;
  const LogInput* input_ = nullptr;
  const LogInput* first_ = nullptr;
  LogContent content_;  // of this file
  LogContent all_;
};

void CheckShape(const MatrixShape& shape, const MatrixShape& first, const LogFile& found, const LogInput& input) {
  if (shape.users != first.users || shape.items != first.items) {
    const auto text = [](const MatrixShape& s) { return std::to_string(s.users) + " x " + std::to_string(s.items); };
    throw Error(ErrorKind::kData, input.path.string() + ": matrix is " + text(shape) + "; expected " + text(first) +
                                      " as in " + found.inputs.front().path.filename().string());
  }
}

MatrixShape ReadMatrixFile(const LogInput& input, RowSink& sink) {
  LineSource source = LineSource::Open(input.path);
  if (!input.propensities) {
    return ReadMatrix(source, nullptr, sink);
  }
  LineSource propensities = LineSource::Open(*input.propensities);
  return ReadMatrix(source, &propensities, sink);
}

}  // namespace

void ReadFound(const LogFile& found, const ColumnNames& names, RowSink& sink) {
  const LogInput& first = found.inputs.front();
  if (found.inputs.size() == 1 && !first.propensities) {
    LineSource source = LineSource::Open(first.path);
    ReadLog(source, first.kind, names, sink);
    return;
  }
  PartSink parts(sink);
  std::optional<MatrixShape> shape;
  for (const LogInput& input : found.inputs) {
    parts.StartFile(input);
    if (input.kind == LogKind::kMatrix) {
      RefuseColumnNames(input.path.string(), names, "items, its lines users");
      const MatrixShape here = ReadMatrixFile(input, parts);
      shape = shape ? shape : here;
      CheckShape(here, *shape, found, input);
    } else {
      LineSource source = LineSource::Open(input.path);
      ReadLog(source, input.kind, names, parts);
    }
  }
}

}  // namespace recforce::data
