// SPDX-License-Identifier: Apache-2.0
// One line an event. A line is made whole in memory before any of it goes to the file, so that a refused event leaves
// nothing behind.
#include "recforce/data/decision_log_writer.h"

#include <system_error>
#include <utility>

#include "data/decision_log_format.h"
#include "data/json_tree.h"
#include "data/line_source.h"
#include "data/packed_file.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

namespace fs = std::filesystem;
namespace names = decision_format;
using base::Error;
using base::ErrorKind;

constexpr std::size_t kCatalogueLineBytes = std::size_t{1} << 16;

// A JSON object that is being written.
class Line {
 public:
  void Begin() { text_ = "{"; }
  std::string& Current() { return text_; }
  std::string& End() { return text_.append("}\n"); }
  std::string& Name(std::string_view name) {
    if (text_.size() > 1) {
      text_ += ',';
    }
    text_.append("\"").append(name).append("\":");
    return text_;
  }
  void Text(std::string_view name, std::string_view value) { AppendJsonText(value, Name(name)); }
  void TextIfKnown(std::string_view name, std::string_view value) {
    if (!value.empty()) {
      Text(name, value);
    }
  }
  template <class Values, class Append>
  void List(std::string_view name, const Values& values, const Append& append) {
    AppendList(values, append, Name(name));
  }
  template <class Values, class Append>
  static void AppendList(const Values& values, const Append& append, std::string& text) {
    text += '[';
    bool first = true;
    for (const auto& value : values) {
      if (!std::exchange(first, false)) {
        text += ',';
      }
      append(value, text);
    }
    text += ']';
  }

 private:
  std::string text_;
};

void AppendText(std::string_view value, std::string& text) { AppendJsonText(value, text); }
void AppendReal(double value, std::string& text) { AppendJsonNumber(value, text); }
void AppendFloat(float value, std::string& text) { AppendJsonNumber(value, text); }
void AppendReward(const std::optional<double>& value, std::string& text) {
  if (value) {
    AppendJsonNumber(*value, text);
  } else {
    text += "null";
  }
}

std::string HashOf(std::span<const std::string> ids) {
  base::Hasher hasher;
  for (const std::string& id : ids) {
    hasher.Add(std::to_string(id.size()) + ":" + id);
  }
  return hasher.Hex();
}

// The file behind a link, which stays one. What is no file and no folder cannot be replaced, only written.
fs::path TargetOf(const fs::path& path) {
  std::error_code ignored;
  return fs::is_symlink(path, ignored) ? fs::weakly_canonical(path) : path;
}
fs::path TemporaryOf(const fs::path& target) {
  std::error_code ignored;
  return fs::is_other(target, ignored) ? target : target.parent_path() / ("." + target.filename().string() + ".tmp");
}

// Whether the last line of a file has its end.
bool EndsWithNewline(const fs::path& path) {
  const base::MappedFile file(path);
  return file.bytes().empty() || std::to_integer<char>(file.bytes().back()) == '\n';
}

}  // namespace

class DecisionLogWriter::Impl {
 public:
  Impl(base::FileSystem& files, const fs::path& path, const DecisionLogHeader& header, DecisionLogMode mode)
      : files_(files), path_(path), target_(TargetOf(path)), temporary_(TemporaryOf(target_)) {
    item_ids_.assign(header.item_ids.begin(), header.item_ids.end());
    if (mode == DecisionLogMode::kAppend) {
      OpenBehind();
    } else {
      created_ = true;
      file_ = std::make_unique<PackedFile>(files_.Create(temporary_), PackingOf(path));
    }
    WriteHeader(header);
  }

  ~Impl() {
    file_.reset();
    if (created_ && temporary_ != target_) {
      try {
        files_.Remove(temporary_);
      } catch (...) {  // a temporary that stays behind is overwritten by the next writer
      }
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void Add(const DecisionEvent& event) {
    CheckTexts(event);
    line_.Begin();
    WriteWho(event);
    WriteLists(event);
    line_.Name(names::kSlate);
    AppendItems(event.slate);
    line_.List(names::kPropensity, event.propensity, AppendReal);
    line_.List(names::kReward, event.reward, AppendReward);
    if (!event.context.empty()) {
      line_.List(names::kContext, event.context, AppendFloat);
    }
    if (!event.exploration.empty()) {
      line_.Name(names::kExploration) += event.exploration;
    }
    if (event.drop_rate) {
      AppendReal(*event.drop_rate, line_.Name(names::kDropRate));
    }
    Send(line_.End());
  }

  void Flush() { file_->Flush(); }

  void Finish() {
    file_->Finish();
    if (created_ && temporary_ != target_) {
      files_.Rename(temporary_, target_);
    }
    created_ = false;
  }

 private:
  void OpenBehind() {
    if (PackingOf(path_) != Packing::kPlain) {
      throw Error(ErrorKind::kUsage, path_.string() +
                                         ": a compressed log cannot be gone on with; expected a plain "
                                         ".jsonl file, or a new one");
    }
    std::error_code ignored;
    const bool is_cut = fs::is_regular_file(path_, ignored) && !EndsWithNewline(path_);
    file_ = std::make_unique<PackedFile>(files_.OpenAppend(path_), Packing::kPlain);
    if (is_cut) {
      file_->Append("\n");
    }
  }

  void WriteHeader(const DecisionLogHeader& header) {
    line_.Begin();
    line_.Text(names::kFormat, names::kFormatName);
    line_.Name(names::kVersionField) += std::to_string(names::kVersion);
    line_.TextIfKnown(names::kPolicy, header.policy.name);
    line_.TextIfKnown(names::kModelVersion, header.policy.model_version);
    line_.Name(names::kItems) += std::to_string(item_ids_.size());
    line_.Text(names::kCatalogueHash, HashOf(item_ids_));
    if (!header.context_names.empty()) {
      line_.List(names::kContextNames, header.context_names, AppendText);
    }
    if (!header.action_context_names.empty()) {
      line_.List(names::kActionContextNames, header.action_context_names, AppendText);
    }
    Send(line_.End());
    std::size_t begin = 0;
    while (begin < item_ids_.size()) {
      const std::size_t end = CatalogueLineEnd(begin, header.action_context_names.size());
      WriteCatalogue(header, begin, end);
      begin = end;
    }
  }

  // How many items a line takes; a number is assumed to be of 16 bytes.
  [[nodiscard]] std::size_t CatalogueLineEnd(std::size_t begin, std::size_t columns) const {
    std::size_t bytes = 0;
    std::size_t end = begin;
    while (end < item_ids_.size() && (end == begin || bytes < kCatalogueLineBytes)) {
      bytes += item_ids_[end++].size() + 3 + 16 * columns;
    }
    return end;
  }

  void WriteCatalogue(const DecisionLogHeader& header, std::size_t begin, std::size_t end) {
    line_.Begin();
    line_.List(names::kCatalogue, std::span(item_ids_).subspan(begin, end - begin), AppendText);
    if (!header.action_context_names.empty()) {
      std::string& text = line_.Name(names::kActionContext);
      text += '[';
      for (std::size_t item = begin; item < end; ++item) {
        text += item == begin ? "" : ",";
        Line::AppendList(header.action_context.row(static_cast<std::int64_t>(item)), AppendFloat, text);
      }
      text += ']';
    }
    Send(line_.End());
  }

  void WriteWho(const DecisionEvent& event) {
    line_.TextIfKnown(names::kDecisionId, event.decision_id);
    if (event.time) {
      line_.Name(names::kTime) += std::to_string(*event.time);
    }
    line_.TextIfKnown(names::kUser, event.user);
    line_.TextIfKnown(names::kSession, event.session);
    if (event.policy != nullptr) {
      line_.Text(names::kPolicy, event.policy->name);
      line_.Text(names::kModelVersion, event.policy->model_version);
    }
    if (event.position) {
      line_.Name(names::kPosition) += std::to_string(*event.position);
    }
  }

  void WriteLists(const DecisionEvent& event) {
    if (event.has_history) {
      line_.Name(names::kHistory);
      AppendItems(event.history);
    }
    if (!event.candidates.empty()) {
      line_.Name(names::kCandidates);
      AppendItems(event.candidates);
    }
    line_.TextIfKnown(names::kCandidatesHash, event.candidates_hash);
    if (!event.candidate_probability.empty()) {
      line_.List(names::kCandidateProbability, event.candidate_probability, AppendReal);
    }
  }

  void AppendItems(std::span<const std::int32_t> items) {
    Line::AppendList(
        items,
        [this](std::int32_t item, std::string& text) {
          AppendJsonText(item_ids_[static_cast<std::size_t>(item)], text);
        },
        line_.Current());
  }

  void CheckTexts(const DecisionEvent& event) const {
    const auto check = [&](std::string_view name, std::string_view text) {
      if (FindTextFault(text)) {
        throw Error(ErrorKind::kData, path_.string() + ": " + std::string(name) + " is no text: " + Quoted(text) +
                                          "; expected UTF-8 without NUL bytes");
      }
    };
    check(names::kDecisionId, event.decision_id);
    check(names::kUser, event.user);
    check(names::kSession, event.session);
    check(names::kCandidatesHash, event.candidates_hash);
    check(names::kExploration, event.exploration);
    if (!event.exploration.empty()) {
      const std::optional<JsonTree> tree = ParseJsonTree(event.exploration);
      if (!tree || !tree->IsObject() || event.exploration.find('\n') != std::string_view::npos) {
        throw Error(ErrorKind::kData, path_.string() + ": " + std::string(names::kExploration) +
                                          " is no JSON object on one line: " + Quoted(event.exploration) +
                                          "; expected one like {\"seed\":7}");
      }
    }
  }

  void Send(const std::string& line) {
    if (line.size() > kMaxLineBytes) {
      throw Error(ErrorKind::kData, path_.string() + ": line is too long: " + Quoted(line) + "; expected at most " +
                                        base::FormatCount(static_cast<std::int64_t>(kMaxLineBytes)) +
                                        " bytes. name candidates by a hash");
    }
    file_->Append(line);
  }

  base::FileSystem& files_;
  fs::path path_;
  fs::path target_;
  fs::path temporary_;
  bool created_ = false;  // and not yet under its name
  std::vector<std::string> item_ids_;
  std::unique_ptr<PackedFile> file_;
  Line line_;
};

DecisionLogWriter::DecisionLogWriter(base::FileSystem& files, const fs::path& path, const DecisionLogHeader& header,
                                     DecisionLogMode mode)
    : impl_(std::make_unique<Impl>(files, path, header, mode)) {}
DecisionLogWriter::~DecisionLogWriter() = default;
void DecisionLogWriter::Add(const DecisionEvent& event) { impl_->Add(event); }
void DecisionLogWriter::Flush() { impl_->Flush(); }
void DecisionLogWriter::Finish() { impl_->Finish(); }

}  // namespace recforce::data
