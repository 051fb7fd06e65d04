// SPDX-License-Identifier: Apache-2.0
// Our own format: headers, lines of the catalogue and decisions, told apart by their fields.
#include <algorithm>
#include <functional>
#include <utility>

#include "data/decision_builder.h"
#include "data/decision_fields.h"
#include "data/decision_log_format.h"
#include "data/decision_sink.h"
#include "data/json_reader.h"
#include "data/json_tree.h"
#include "data/parse_fields.h"
#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::data {
namespace {

namespace names = decision_format;
using base::Error;
using base::ErrorKind;

const std::vector<std::string>& AllNames() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> list;
    for (const std::string_view name : {names::kFormat,
                                        names::kVersionField,
                                        names::kItems,
                                        names::kContextNames,
                                        names::kActionContextNames,
                                        names::kCatalogue,
                                        names::kActionContext,
                                        names::kDecisionId,
                                        names::kTime,
                                        names::kUser,
                                        names::kSession,
                                        names::kPolicy,
                                        names::kModelVersion,
                                        names::kPosition,
                                        names::kHistory,
                                        names::kCandidates,
                                        names::kCandidatesHash,
                                        names::kCandidateProbability,
                                        names::kSlate,
                                        names::kPropensity,
                                        names::kReward,
                                        names::kContext,
                                        names::kExploration,
                                        names::kDropRate}) {
      list.emplace_back(name);
    }
    return list;
  }();
  return all;
}

// Refers to its arguments.
class LinesReader {
 public:
  using AddBad = std::function<void(std::string message)>;
  // A whole decision with its rewards. May refuse it by `fields`.
  using Take = std::function<void(const ParsedDecision& decision, const Fields& fields, std::int64_t line)>;

  // `take`: who gets the decisions in place of the log.
  LinesReader(LineSource& source, DecisionReport& report, AddBad add_bad, Take take = {})
      : reader_(source, AllNames()), add_bad_(std::move(add_bad)), take_(std::move(take)), report_(report) {}

  // Error(Data) TruncatedData where compressed data breaks off.
  void ReadLines() {
    while (ReadLine()) {
    }
    if (cut_) {
      report_.lost.push_back(*cut_);
    }
  }
  void RequireHeader() const {
    if (!has_header_) {
      FailWithoutHeader(headless_.empty() ? ": file is empty" : headless_);
    }
  }

  DecisionLog TakeLog() {
    DecisionLog log = builder_.Finish();
    log.context_names = context_names_;
    log.action_context_names = action_names_;
    for (std::size_t item = 0; item < static_cast<std::size_t>(log.num_items()) && !action_names_.empty(); ++item) {
      log.action_context.insert(log.action_context.end(), actions_[item].begin(), actions_[item].end());
    }
    return log;
  }

 private:
  // False at the end.
  bool ReadLine() {
    const JsonReader::Status status = reader_.Next();
    if (status == JsonReader::Status::kEnd) {
      return false;
    }
    const std::optional<JsonTree> tree =
        status == JsonReader::Status::kRow ? ParseJsonTree(reader_.row()) : std::nullopt;
    const bool is_header = tree && tree->Find(names::kFormat) != nullptr;
    if (cut_ && (has_header_ || is_header)) {
      // What broke off before the end or before a header is a line that its writer did not come to finish.
      if (is_header) {
        report_.lost.push_back(*cut_);
      } else {
        add_bad_(*cut_);
      }
      cut_.reset();
    }
    if (!has_header_ && !is_header) {
      // A header that broke off may stand before a whole one.
      const bool goes_on = status == JsonReader::Status::kBad && headless_.empty();
      headless_ = ":" + std::to_string(reader_.line_number()) + ":1: no header: " + Quoted(reader_.row());
      if (!goes_on) {
        FailWithoutHeader(headless_);
      }
    }
    if (status == JsonReader::Status::kBad) {
      cut_ = reader_.fault();
      return true;
    }
    if (!tree) {
      add_bad_(FieldMessage(reader_.name() + ":" + std::to_string(reader_.line_number()) + ":1", "row",
                            "is nested too deeply", reader_.row(), "a decision"));
      return true;
    }
    ReadRow(Fields(reader_, AllNames(), *tree), is_header);
    return true;
  }

  [[noreturn]] void FailWithoutHeader(const std::string& what) const {
    throw Error(ErrorKind::kData, reader_.name() + what + "; expected a header with \"format\":\"" +
                                      std::string(names::kFormatName) + "\"");
  }

  void ReadRow(const Fields& fields, bool is_header) {
    try {
      if (is_header) {
        ReadHeader(fields);
      } else if (fields.Find(names::kCatalogue) != nullptr) {
        ReadCatalogue(fields);
      } else {
        ++report_.rows_read;
        ReadDecision(fields);
      }
    } catch (const LineFault& fault) {
      if (is_header || fields.Find(names::kCatalogue) != nullptr) {
        throw Error(ErrorKind::kData, fault.message);  // nothing after it can be trusted
      }
      add_bad_(fault.message);
    }
  }

  void ReadHeader(const Fields& fields) {
    if (fields.Text(names::kFormat) != names::kFormatName) {
      fields.Fail(names::kFormat, "is not that of a decision log", std::string(names::kFormatName));
    }
    const JsonTree* version = fields.Find(names::kVersionField);
    if (version == nullptr || !version->IsNumber() || version->text != std::to_string(names::kVersion)) {
      fields.Fail(names::kVersionField, "is not known here", std::to_string(names::kVersion));
    }
    policy_ = {std::string(fields.Text(names::kPolicy)), std::string(fields.Text(names::kModelVersion))};
    ReadNames(fields, names::kContextNames, context_names_);
    ReadNames(fields, names::kActionContextNames, action_names_);
    has_header_ = true;
  }

  void ReadNames(const Fields& fields, std::string_view name, std::vector<std::string>& kept) const {
    const std::vector<std::string_view> ids = fields.Ids(name);
    if (has_header_ && !std::equal(ids.begin(), ids.end(), kept.begin(), kept.end())) {
      fields.Fail(name, "differs from the first header", "the same columns in all of a log");
    }
    kept.assign(ids.begin(), ids.end());
  }

  void ReadCatalogue(const Fields& fields) {
    const std::vector<std::string_view> ids = fields.Ids(names::kCatalogue);
    const std::vector<JsonTree>& rows = fields.Array(names::kActionContext, "an array for each item");
    fields.CheckLength(names::kActionContext, rows.size(), action_names_.empty() ? 0 : ids.size(), "the catalogue");
    for (std::size_t i = 0; i < ids.size(); ++i) {
      builder_.AddItem(ids[i]);
      if (action_names_.empty()) {
        continue;
      }
      if (!rows[i].IsArray() || rows[i].values.size() != action_names_.size()) {
        fields.Fail(names::kActionContext, "has a row of another length",
                    std::to_string(action_names_.size()) + " numbers, as the header names");
      }
      actions_.resize(static_cast<std::size_t>(builder_.num_items()));
      actions_[static_cast<std::size_t>(*builder_.FindItem(ids[i]))] =
          fields.Floats(names::kActionContext, rows[i].values);
    }
  }

  void ReadDecision(const Fields& fields) {
    ParsedDecision decision;
    TakeWho(fields, decision);
    TakeLists(fields, decision);
    const bool has_reward = TakeSlate(fields, decision);
    if (const std::optional<DecisionProblem> problem = builder_.FindProblem(decision)) {
      fields.Fail(problem->field, problem->what, problem->expected,
                  problem->found.empty() ? std::nullopt : std::optional(problem->found));
    }
    if (!action_names_.empty() && builder_.num_items() == 0) {
      fields.Fail(names::kSlate, "comes before the catalogue", "the items whose features the header announces");
    }
    if (!has_reward) {
      ++report_.without_reward;
      return;
    }
    report_.without_candidates += decision.candidates.empty() && fields.Find(names::kCandidatesHash) != nullptr ? 1 : 0;
    if (take_) {
      take_(decision, fields, reader_.line_number());
    } else {
      report_.foreign_history += builder_.Add(decision);
    }
  }

  void TakeWho(const Fields& fields, ParsedDecision& decision) const {
    decision.decision_id = fields.Text(names::kDecisionId);
    decision.user = fields.Text(names::kUser);
    decision.session = fields.Text(names::kSession);
    decision.policy = policy_;
    if (fields.Find(names::kPolicy) != nullptr || fields.Find(names::kModelVersion) != nullptr) {
      decision.policy = {std::string(fields.Text(names::kPolicy)), std::string(fields.Text(names::kModelVersion))};
    }
    decision.time = fields.Time(names::kTime);
    if (const JsonTree* position = fields.Find(names::kPosition)) {
      std::int32_t number = 0;
      if (!position->IsNumber() || ParsePosition(position->text, number) != FieldFault::kNone) {
        fields.Fail(names::kPosition, "is not a whole number", "a place like 3");
      }
      decision.position = number;
    }
  }

  void TakeLists(const Fields& fields, ParsedDecision& decision) const {
    decision.has_history = fields.Find(names::kHistory) != nullptr;
    decision.history = fields.Ids(names::kHistory);
    decision.candidates = fields.Ids(names::kCandidates);
    for (const JsonTree& value : fields.Array(names::kCandidateProbability, "an array of probabilities")) {
      decision.candidate_probability.push_back(fields.ProbabilityOf(names::kCandidateProbability, value));
    }
    if (!decision.candidate_probability.empty()) {
      fields.CheckLength(names::kCandidateProbability, decision.candidate_probability.size(),
                         decision.candidates.size(), "candidates");
    }
    const std::vector<JsonTree>& context = fields.Array(names::kContext, "an array of numbers");
    fields.CheckLength(names::kContext, context.size(), context_names_.size(), "the header names");
    decision.context = fields.Floats(names::kContext, context);
    TakeExploration(fields, decision);
  }

  void TakeExploration(const Fields& fields, ParsedDecision& decision) const {
    if (const JsonTree* exploration = fields.Find(names::kExploration)) {
      if (!exploration->IsObject()) {
        fields.Fail(names::kExploration, "is no object", "an object like {\"seed\":7}");
      }
      decision.exploration = RawValue(exploration_place_);
    }
    decision.drop_rate = fields.Share(names::kDropRate);
  }

  // The text of an object as it stands in the row: up to the brace that closes it.
  [[nodiscard]] std::string_view RawValue(std::size_t place) const {
    const std::string_view rest = reader_.Found(place);
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < rest.size(); ++i) {
      if (quoted && rest[i] == '\\') {
        ++i;  // whatever is escaped
      } else if (rest[i] == '"') {
        quoted = !quoted;
      } else if (!quoted && rest[i] == '{') {
        ++depth;
      } else if (!quoted && rest[i] == '}' && --depth == 0) {
        return rest.substr(0, i + 1);
      }
    }
    return rest;
  }

  // False when a reward never came.
  static bool TakeSlate(const Fields& fields, ParsedDecision& decision) {
    decision.slate = fields.Ids(names::kSlate);
    if (decision.slate.empty()) {
      fields.Fail(names::kSlate, fields.Find(names::kSlate) == nullptr ? "is missing" : "is empty",
                  "the items that were shown");
    }
    const std::vector<JsonTree>& propensity = fields.Array(names::kPropensity, "an array of probabilities");
    fields.CheckLength(names::kPropensity, propensity.size(), decision.slate.size(), "slate");
    for (const JsonTree& value : propensity) {
      decision.propensity.push_back(fields.PropensityOf(names::kPropensity, value));
    }
    if (fields.Find(names::kReward) == nullptr) {
      return false;
    }
    const std::vector<JsonTree>& reward = fields.Array(names::kReward, "an array of numbers and nulls");
    fields.CheckLength(names::kReward, reward.size(), decision.slate.size(), "slate");
    for (const JsonTree& value : reward) {
      decision.reward.push_back(value.IsNull() ? 0.0 : fields.NumberOf(names::kReward, value));
    }
    return std::none_of(reward.begin(), reward.end(), [](const JsonTree& value) { return value.IsNull(); });
  }

  JsonReader reader_;
  AddBad add_bad_;
  Take take_;
  DecisionReport& report_;
  DecisionBuilder builder_;
  bool has_header_ = false;
  std::string headless_;            // of a line before the first header: why it is none
  std::optional<std::string> cut_;  // the message about a line that is no object, until it is known what follows
  LoggedPolicy policy_;
  std::vector<std::string> context_names_;
  std::vector<std::string> action_names_;
  std::vector<std::vector<float>> actions_;  // by item
  std::size_t exploration_place_ = static_cast<std::size_t>(
      std::find(AllNames().begin(), AllNames().end(), names::kExploration) - AllNames().begin());
};

// Slots of decisions as rows of a log.
class RowsOfDecisions {
 public:
  explicit RowsOfDecisions(RowSink& sink) : sink_(sink) {}

  void Add(const ParsedDecision& decision, const Fields& fields, std::int64_t line) {
    const std::string_view user = decision.user.empty() ? decision.session : decision.user;
    if (user.empty()) {
      fields.Fail(names::kUser, "is missing", "a user, or a session");
    }
    Begin(decision.time.has_value());
    if (decision.time.has_value() != has_time_) {
      fields.Fail(names::kTime, has_time_ ? "is missing" : "is new", "the same in all decisions of a log");
    }
    LogRow row;
    row.user = user;
    row.time = decision.time.value_or(0);
    row.line = line;
    for (std::size_t slot = 0; slot < decision.slate.size(); ++slot) {
      row.item = decision.slate[slot];
      row.value = decision.reward[slot];
      row.propensity = static_cast<float>(decision.propensity[slot]);
      row.position = decision.position.value_or(static_cast<std::int32_t>(slot) + 1);
      sink_.Add(row);
    }
  }
  void Begin(bool has_time) {
    if (!begun_) {
      begun_ = true;
      has_time_ = has_time;
      sink_.Begin({.time = has_time, .value = true, .propensity = true, .position = true});
    }
  }

 private:
  RowSink& sink_;
  bool begun_ = false;
  bool has_time_ = false;
};

}  // namespace

DecisionLog ReadDecisionLines(LineSource& source, const DecisionReadOptions& options, DecisionReport& report) {
  BadDecisions bad(options.max_bad_rows, report);
  LinesReader reader(source, report, [&](std::string message) { bad.Add(std::move(message)); });
  try {
    reader.ReadLines();
  } catch (const TruncatedData& error) {
    report.lost.emplace_back(error.what());
  }
  reader.RequireHeader();
  return reader.TakeLog();
}

void ReadDecisionRows(LineSource& source, RowSink& sink) {
  DecisionReport report;
  RowsOfDecisions rows(sink);
  LinesReader reader(
      source, report, [&](std::string message) { sink.AddBad(std::move(message)); },
      [&](const ParsedDecision& decision, const Fields& fields, std::int64_t line) {
        rows.Add(decision, fields, line);
      });
  reader.ReadLines();
  reader.RequireHeader();
  rows.Begin(false);
  for (std::string& message : report.lost) {
    sink.AddBad(std::move(message));
  }
}

}  // namespace recforce::data
