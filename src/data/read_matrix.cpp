// SPDX-License-Identifier: Apache-2.0
// Matrices to rows, a line at a time.
#include "data/read_matrix.h"

#include "data/parse_fields.h"
#include "data/word_reader.h"
#include "recforce/base/error.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

// The cells of one user that are rated.
struct Cell {
  std::size_t column;
  double value;
  float propensity;
};

class MatrixReader {
 public:
  MatrixReader(LineSource& ratings, LineSource* propensities, RowSink& sink) : ratings_(ratings), sink_(sink) {
    if (propensities != nullptr) {
      propensities_.emplace(*propensities);
    }
    sink_.Begin({.value = true, .propensity = propensities != nullptr});
  }

  MatrixShape Read() {
    MatrixShape shape;
    while (true) {
      const WordReader::Status status = ratings_.Next();
      const WordReader::Status beside = propensities_ ? propensities_->Next() : status;
      if ((status == WordReader::Status::kEnd) != (beside == WordReader::Status::kEnd)) {
        FailLines(shape.users, status == WordReader::Status::kEnd);
      }
      if (status == WordReader::Status::kEnd) {
        return shape;
      }
      ++shape.users;
      if (status == WordReader::Status::kBad || beside == WordReader::Status::kBad) {
        sink_.AddBad(status == WordReader::Status::kBad ? ratings_.fault() : propensities_->fault());
        continue;
      }
      if (shape.items == 0) {
        shape.items = static_cast<std::int64_t>(ratings_.size());
      }
      if (HasWidth(ratings_, shape.items) && (!propensities_ || HasWidth(*propensities_, shape.items)) && TakeCells()) {
        Give(shape.users);
      }
    }
  }

 private:
  [[noreturn]] void FailLines(std::int64_t users, bool too_many) const {
    throw Error(ErrorKind::kData,
                propensities_->name() + ": has " +
                    (too_many ? "more lines than "
                              : "only " + std::to_string(users) + (users == 1 ? " line" : " lines") + ", fewer than ") +
                    ratings_.name() + "; expected matrices of one shape");
  }

  bool HasWidth(const WordReader& words, std::int64_t items) {
    const auto expected = static_cast<std::size_t>(items);
    if (words.size() == expected) {
      return true;
    }
    sink_.AddBad(words.Where(std::min(words.size(), expected)) + ": row has " + std::to_string(words.size()) +
                 (words.size() == 1 ? " column: " : " columns: ") + Quoted(words.row()) + "; expected " +
                 std::to_string(expected) + " as in the first row");
    return false;
  }

  bool Fail(const WordReader& words, std::size_t column, const std::string& what, const FaultText& fault) {
    sink_.AddBad(words.Where(column) + ": " + what + " " + std::string(fault.what) + ": " + Quoted(words.word(column)) +
                 "; expected " + std::string(fault.expected));
    return false;
  }

  bool TakeCells() {
    cells_.clear();
    for (std::size_t column = 0; column < ratings_.size(); ++column) {
      Cell cell{column, 0.0, 0.0F};
      if (const FieldFault fault = ParseValue(ratings_.word(column), cell.value); fault != FieldFault::kNone) {
        return Fail(ratings_, column, "rating", ValueFault(fault));
      }
      if (cell.value == 0.0) {
        continue;
      }
      if (propensities_) {
        if (const FieldFault fault = ParsePropensity(propensities_->word(column), cell.propensity);
            fault != FieldFault::kNone) {
          return Fail(*propensities_, column, "propensity", PropensityFault(fault));
        }
      }
      cells_.push_back(cell);
    }
    return true;
  }

  void Give(std::int64_t number) {
    const std::string user = std::to_string(number);
    LogRow row;
    row.user = user;
    row.line = ratings_.line_number();
    for (const Cell& cell : cells_) {
      const std::string item = std::to_string(cell.column + 1);
      row.item = item;
      row.value = cell.value;
      row.propensity = cell.propensity;
      sink_.Add(row);
    }
  }

  WordReader ratings_;
  std::optional<WordReader> propensities_;
  RowSink& sink_;
  std::vector<Cell> cells_;
};

}  // namespace

MatrixShape ReadMatrix(LineSource& source, LineSource* propensities, RowSink& sink) {
  return MatrixReader(source, propensities, sink).Read();
}

}  // namespace recforce::data
