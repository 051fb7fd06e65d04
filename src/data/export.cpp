// SPDX-License-Identifier: Apache-2.0
// Datasets as text, a user at a time.
#include "recforce/data/export.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "data/export_report.h"
#include "data/line_source.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorKind;

constexpr std::size_t kPieceBytes = std::size_t{1} << 18;

// Text on its way to a file, in pieces.
class Text {
 public:
  explicit Text(base::WritableFile& file) : file_(file) {}
  void Add(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= kPieceBytes) {
      Flush();
    }
  }
  void Flush() {
    file_.Append(buffer_);
    buffer_.clear();
  }

 private:
  base::WritableFile& file_;
  std::string buffer_;
};

std::string FloatText(float value) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  RECFORCE_CHECK(error == std::errc(), "a float has at most 32 characters");
  return {digits.data(), end};
}

constexpr std::array<std::string_view, 4> kPartNames = {"train", "validation", "test", "input"};

class Exporter {
 public:
  Exporter(base::FileSystem& files, const Dataset& dataset, std::string format, fs::path out,
           const base::StopFlag* stop)
      : files_(files), dataset_(dataset), format_(std::move(format)), out_(std::move(out)), stop_(stop) {
    for (const std::uint8_t part : dataset.parts()) {
      has_part_.at(part) = true;
    }
    FindColumns();
  }

  ExportReport Run() {
    if (format_ == "csv") {
      WriteCsv();
    } else if (format_ == "jsonl") {
      WriteJsonl();
    } else if (format_ == "recbole") {
      WriteRecbole();
    } else if (format_ == "adjacency") {
      WriteAdjacency();
    } else if (format_ == "sessions") {
      WriteSessions();
    } else {
      WritePairs();
    }
    report_.left_out = LostInExport(dataset_, format_);
    report_.read_back = ReadBackFlags(dataset_, format_);
    return std::move(report_);
  }

 private:
  using Rows = std::function<void(Text&)>;
  struct Column {
    std::string name;
    std::function<std::string(std::size_t row)> text;  // of a number; "" where it is not known
    bool is_words = false;
  };

  [[nodiscard]] bool HasParts() const { return !dataset_.parts().empty(); }
  [[nodiscard]] bool In(std::size_t row, Part part) const {
    return dataset_.parts().empty() || dataset_.parts()[row] == static_cast<std::uint8_t>(part);
  }

  void Write(const fs::path& path, const Rows& rows) {
    if (path.has_parent_path()) {
      files_.MakeDirectories(path.parent_path());
    }
    base::WriteAtomically(files_, path, [&](base::WritableFile& file) {
      Text text(file);
      rows(text);
      text.Flush();
    });
    report_.files.push_back(path);
  }

  // Calls `visit` with each interaction: user, its row in the columns, item.
  void ForEachRow(const std::function<void(std::int64_t user, std::size_t row, std::int32_t item)>& visit) const {
    const CsrView interactions = dataset_.interactions();
    for (std::int64_t user = 0; user < dataset_.num_users(); ++user) {
      auto row = static_cast<std::size_t>(interactions.offsets[static_cast<std::size_t>(user)]);
      for (const std::int32_t item : interactions.row(user)) {
        LookForStop(1);
        visit(user, row++, item);
      }
    }
  }

  // To be called with the number of rows that come next.
  void LookForStop(std::size_t rows) const {
    constexpr std::size_t kBetween = 65536;
    rows_since_look_ += rows;
    if (rows_since_look_ >= kBetween) {
      rows_since_look_ = 0;
      if (stop_ != nullptr && stop_->IsSet()) {
        throw Error(ErrorKind::kInterrupted, out_.string() + ": export was interrupted");
      }
    }
  }

  // The id, which may not hold one of `forbidden`.
  std::string_view Id(const char* what, std::string_view id, std::string_view forbidden) const {
    if (id.find_first_of(forbidden) != std::string_view::npos) {
      throw Error(ErrorKind::kData, dataset_.directory().string() + ": " + what + " id cannot be written as " +
                                        format_ + ": " + Quoted(id) + "; export to another format");
    }
    return id;
  }
  [[nodiscard]] std::string_view User(std::int64_t user, std::string_view forbidden) const {
    return Id("user", dataset_.user_ids()[user], forbidden);
  }
  [[nodiscard]] std::string_view Item(std::int64_t item, std::string_view forbidden) const {
    return Id("item", dataset_.item_ids()[item], forbidden);
  }

  void RefusePart(Part part) const {
    if (has_part_.at(static_cast<std::size_t>(part))) {
      throw Error(ErrorKind::kUsage, dataset_.directory().string() + ": --format " + format_ +
                                         " has no place for interactions of part " +
                                         Quoted(kPartNames.at(static_cast<std::size_t>(part))) +
                                         "; expected csv or jsonl, which name the part");
    }
  }

  void FindColumns() {
    const auto add = [&](bool there, const char* name, const std::function<std::string(std::size_t)>& text,
                         bool is_words = false) {
      if (there) {
        columns_.push_back({name, text, is_words});
      }
    };
    add(!dataset_.values().empty(), "rating", [&](std::size_t i) { return FloatText(dataset_.values()[i]); });
    add(!dataset_.times().empty(), "timestamp", [&](std::size_t i) { return std::to_string(dataset_.times()[i]); });
    add(!dataset_.propensities().empty(), "propensity",
        [&](std::size_t i) { return FloatText(dataset_.propensities()[i]); });
    add(!dataset_.positions().empty(), "position",
        [&](std::size_t i) { return std::to_string(dataset_.positions()[i]); });
    add(
        !dataset_.contexts().empty(), "context",
        [&](std::size_t i) {
          const std::int32_t context = dataset_.contexts()[i];
          return context < 0 ? std::string()
                             : std::string(Id("context", dataset_.context_names()[context],
                                              format_ == "csv"       ? "\r"
                                              : format_ == "recbole" ? "\t\r\n"
                                                                     : ""));
        },
        true);
  }
  [[nodiscard]] std::string PartName(std::size_t row) const {
    return std::string(kPartNames.at(dataset_.parts()[row]));
  }

  static std::string CsvField(std::string_view text) {
    if (text.find_first_of(",\"\n\t") == std::string_view::npos) {
      return std::string(text);
    }
    std::string quoted = "\"";
    for (const char c : text) {
      quoted += c == '"' ? "\"\"" : std::string(1, c);
    }
    return quoted + "\"";
  }
  static std::string JsonText(std::string_view text) { return nlohmann::json(text).dump(); }

  void WriteCsv() {
    Write(out_, [&](Text& text) {
      text.Add("user_id,item_id");
      for (const Column& column : columns_) {
        text.Add("," + column.name);
      }
      text.Add(HasParts() ? ",part\n" : "\n");
      ForEachRow([&](std::int64_t user, std::size_t row, std::int32_t item) {
        text.Add(CsvField(User(user, "\r")) + "," + CsvField(Item(item, "\r")));
        for (const Column& column : columns_) {
          text.Add("," + (column.is_words ? CsvField(column.text(row)) : column.text(row)));
        }
        text.Add(HasParts() ? "," + PartName(row) + "\n" : "\n");
      });
    });
  }

  void WriteJsonl() {
    Write(out_, [&](Text& text) {
      ForEachRow([&](std::int64_t user, std::size_t row, std::int32_t item) {
        text.Add("{\"user_id\":" + JsonText(dataset_.user_ids()[user]) +
                 ",\"item_id\":" + JsonText(dataset_.item_ids()[item]));
        for (const Column& column : columns_) {
          const std::string value = column.text(row);
          if (!column.is_words) {
            text.Add(",\"" + column.name + "\":" + value);
          } else if (!value.empty()) {
            text.Add(",\"" + column.name + "\":" + JsonText(value));
          }
        }
        text.Add(HasParts() ? ",\"part\":\"" + PartName(row) + "\"}\n" : "}\n");
      });
    });
  }

  void WriteInter(const std::string& suffix, Part part) {
    Write(out_ / (FolderName(out_) + suffix), [&](Text& text) {
      text.Add("user_id:token\titem_id:token");
      for (const Column& column : columns_) {
        text.Add("\t" + column.name + (column.is_words ? ":token" : ":float"));
      }
      text.Add("\n");
      ForEachRow([&](std::int64_t user, std::size_t row, std::int32_t item) {
        if (In(row, part)) {
          text.Add(std::string(User(user, "\t\r\n")) + "\t" + std::string(Item(item, "\t\r\n")));
          for (const Column& column : columns_) {
            text.Add("\t" + column.text(row));
          }
          text.Add("\n");
        }
      });
    });
  }

  void WriteRecbole() {
    RefusePart(Part::kInput);
    RefuseOtherShape(dataset_, out_);
    if (!HasParts()) {
      WriteInter(".inter", Part::kTrain);
    } else {
      WriteInter(".train.inter", Part::kTrain);
      if (has_part_.at(static_cast<std::size_t>(Part::kValidation))) {
        WriteInter(".valid.inter", Part::kValidation);
      }
      WriteInter(".test.inter", Part::kTest);
    }
    if (dataset_.item_titles().size() > 0) {
      Write(out_ / (FolderName(out_) + ".item"), [&](Text& text) {
        text.Add("item_id:token\ttitle:token_seq\n");
        for (std::int64_t item = 0; item < dataset_.num_items(); ++item) {
          std::string title(dataset_.item_titles()[item]);
          for (char& c : title) {
            c = c == '\t' || c == '\r' || c == '\n' ? ' ' : c;
          }
          text.Add(std::string(Item(item, "\t\r\n")) + "\t" + title + "\n");
        }
      });
    }
  }

  // `user item item ...` of one part; users without items in it have no line.
  void WriteLists(const fs::path& path, Part part) {
    Write(path, [&](Text& text) {
      std::int64_t last = -1;
      ForEachRow([&](std::int64_t user, std::size_t row, std::int32_t item) {
        if (!In(row, part)) {
          return;
        }
        if (user != last) {
          text.Add((last < 0 ? "" : "\n") + std::string(User(user, kBlanks)));
          last = user;
        }
        text.Add(" " + std::string(Item(item, kBlanks)));
      });
      text.Add(last < 0 ? "" : "\n");
    });
  }

  void WriteAdjacency() {
    RefusePart(Part::kValidation);
    RefusePart(Part::kInput);
    if (!HasParts()) {
      WriteLists(out_, Part::kTrain);
    } else {
      WriteLists(out_ / "train.txt", Part::kTrain);
      WriteLists(out_ / "test.txt", Part::kTest);
    }
  }

  void WritePairs() {
    Write(out_, [&](Text& text) {
      ForEachRow([&](std::int64_t user, std::size_t, std::int32_t item) {
        text.Add(std::string(User(user, kBlanks)) + " " + std::string(Item(item, kBlanks)) + "\n");
      });
    });
  }

  // The items of one user that belong to `parts`, as a line; empty without any.
  [[nodiscard]] std::string SessionLine(std::int64_t user, std::initializer_list<Part> parts) const {
    std::string line;
    const CsrView interactions = dataset_.interactions();
    LookForStop(interactions.row(user).size());
    auto row = static_cast<std::size_t>(interactions.offsets[static_cast<std::size_t>(user)]);
    for (const std::int32_t item : interactions.row(user)) {
      if (std::any_of(parts.begin(), parts.end(), [&](Part part) { return In(row, part); })) {
        line.append(line.empty() ? "" : " ").append(Item(item, kBlanks));
      }
      ++row;
    }
    return line.empty() ? line : line + "\n";
  }

  // A test case is the items shown and then one target.
  void CheckTestCase(std::int64_t user) const {
    const CsrView interactions = dataset_.interactions();
    const auto begin = static_cast<std::size_t>(interactions.offsets[static_cast<std::size_t>(user)]);
    const auto end = static_cast<std::size_t>(interactions.offsets[static_cast<std::size_t>(user) + 1]);
    const auto count = [&](Part part) {
      return std::count(dataset_.parts().begin() + static_cast<std::ptrdiff_t>(begin),
                        dataset_.parts().begin() + static_cast<std::ptrdiff_t>(end), static_cast<std::uint8_t>(part));
    };
    const auto inputs = count(Part::kInput);
    const auto targets = count(Part::kTest);
    if (inputs + targets > 0 &&
        (inputs == 0 || targets != 1 || dataset_.parts()[end - 1] != static_cast<std::uint8_t>(Part::kTest))) {
      throw Error(ErrorKind::kUsage, dataset_.directory().string() + ": user " + Quoted(dataset_.user_ids()[user]) +
                                         " is no test session: " + std::to_string(inputs) + " items shown, " +
                                         std::to_string(targets) +
                                         " to be found; expected items shown and one after them; export to another "
                                         "format");
    }
  }

  void WriteSessions() {
    RefusePart(Part::kValidation);
    std::vector<std::int64_t> users(static_cast<std::size_t>(dataset_.num_users()));
    std::iota(users.begin(), users.end(), std::int64_t{0});
    const StringTable& ids = dataset_.user_ids();
    std::stable_sort(users.begin(), users.end(),
                     [&](std::int64_t a, std::int64_t b) { return ids[a].size() < ids[b].size(); });
    Write(HasParts() ? out_ / "train_sessions.txt" : out_, [&](Text& text) {
      for (const std::int64_t user : users) {
        text.Add(SessionLine(user, {Part::kTrain}));
      }
    });
    if (HasParts()) {
      Write(out_ / "test_cases.txt", [&](Text& text) {
        for (const std::int64_t user : users) {
          CheckTestCase(user);
          text.Add(SessionLine(user, {Part::kInput, Part::kTest}));
        }
      });
    }
  }

  static constexpr std::string_view kBlanks = " \t\r\n";

  base::FileSystem& files_;
  const Dataset& dataset_;
  std::string format_;
  fs::path out_;
  const base::StopFlag* stop_;
  mutable std::size_t rows_since_look_ = 0;
  std::array<bool, 4> has_part_{};
  std::vector<Column> columns_;  // after user and item
  ExportReport report_;
};

}  // namespace

const std::vector<std::string>& ExportFormatNames() {
  static const std::vector<std::string> names = {"csv", "recbole", "jsonl", "adjacency", "sessions", "pairs"};
  return names;
}

ExportReport Export(base::FileSystem& files, const Dataset& dataset, const std::string& format, const fs::path& out,
                    const base::StopFlag* stop) {
  const std::vector<std::string>& names = ExportFormatNames();
  if (std::find(names.begin(), names.end(), format) == names.end()) {
    throw Error(ErrorKind::kUsage, "--format: unknown choice " + Quoted(format) + "; expected " +
                                       base::Join(names, ", ") + base::DidYouMean(format, names));
  }
  CheckExportPath(dataset, format, out);
  return Exporter(files, dataset, format, out, stop).Run();
}

}  // namespace recforce::data
