// SPDX-License-Identifier: Apache-2.0
// Writes our own decision log, JSON lines as docs/formats/decision_log.md describes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recforce/base/file_system.h"
#include "recforce/base/matrix_view.h"
#include "recforce/data/decision_log.h"

namespace recforce::data {

// What is the same for all decisions until the next header. Views must outlive the writer's constructor alone.
struct DecisionLogHeader {
  LoggedPolicy policy;
  std::span<const std::string> item_ids;              // the catalogue, distinct; indices of events mean it
  std::span<const std::string> context_names;         // [d]
  std::span<const std::string> action_context_names;  // [e]
  base::MatrixView<const float> action_context;       // [items, e], or 0 x 0
};

// One decision. Views are copied when it is added. Texts that are empty are not known and are not written.
struct DecisionEvent {
  std::string_view decision_id;
  std::optional<std::int64_t> time;  // whole seconds since 1970
  std::string_view user;
  std::string_view session;
  const LoggedPolicy* policy = nullptr;  // where it is not that of the header
  std::optional<std::int32_t> position;
  std::span<const std::int32_t> slate;            // [k] item indices, at least one
  std::span<const double> propensity;             // [k] in (0, 1]
  std::span<const std::optional<double>> reward;  // [k]; nothing where it never came
  std::span<const float> context;                 // [d]
  bool has_history = false;                       // an empty history is one too
  std::span<const std::int32_t> history;
  std::span<const std::int32_t> candidates;       // empty: all items, or those of candidates_hash
  std::span<const double> candidate_probability;  // parallel to candidates, or empty
  std::string_view candidates_hash;               // names candidates that are not written
  std::string_view exploration;                   // a JSON object, or ""
  std::optional<double> drop_rate;                // in [0, 1)
};

enum class DecisionLogMode {
  // The log appears under its name when Finish() is called, whole or not at all. Compressed when the name ends with
  // .gz or .zst.
  kCreate,
  // Goes on behind what is there, after a header of its own; a line that a dead writer left half-written is closed
  // first, and readers report it as lost. Each Flush() makes what was added before durable. Plain text only:
  // Error(Usage)
  // for .gz and .zst.
  kAppend,
};

// Not thread-safe. Calls: Add* (Flush Add*)* Finish. Errors: Error(Io) with path and reason, after which the writer is
// of no use. A writer that goes without Finish() leaves no trace of a created log but a temporary neighbour, and of an
// appended one the lines that were added.
// Memory: a line and 64 KiB.
class DecisionLogWriter {
 public:
  // Writes the header and the catalogue. REQUIRES: a header that Check() would accept in a log.
  DecisionLogWriter(base::FileSystem& files, const std::filesystem::path& path, const DecisionLogHeader& header,
                    DecisionLogMode mode = DecisionLogMode::kCreate);
  ~DecisionLogWriter();
  DecisionLogWriter(const DecisionLogWriter&) = delete;
  DecisionLogWriter& operator=(const DecisionLogWriter&) = delete;

  // REQUIRES: an event that Check() would accept in a log. Error(Data) for a text that is not UTF-8 or holds a NUL, for
  // an `exploration` that is no JSON object, and for a line that readers would refuse as too long; nothing of such an
  // event is written, and the writer goes on.
  void Add(const DecisionEvent& event);
  void Flush();
  void Finish();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// A whole log. REQUIRES: Check(log) passes.
void WriteDecisionLog(base::FileSystem& files, const std::filesystem::path& path, const DecisionLog& log);

}  // namespace recforce::data
