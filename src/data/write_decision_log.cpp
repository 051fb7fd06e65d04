// SPDX-License-Identifier: Apache-2.0
// A log in memory to a file, decision by decision.
#include "recforce/data/decision_log_writer.h"

namespace recforce::data {
namespace {

template <class T>
std::span<const T> RowOf(const std::vector<T>& values, const Csr& lists, std::size_t r) {
  if (values.empty()) {
    return {};
  }
  return std::span(values).subspan(static_cast<std::size_t>(lists.offsets[r]),
                                   static_cast<std::size_t>(lists.offsets[r + 1] - lists.offsets[r]));
}

std::string_view TextOf(const std::vector<std::int32_t>& column, const std::vector<std::string>& ids, std::size_t r) {
  return column.empty() || column[r] < 0 ? std::string_view()
                                         : std::string_view(ids[static_cast<std::size_t>(column[r])]);
}

std::string_view RowText(const std::vector<std::string>& column, std::size_t r) {
  return column.empty() ? std::string_view() : std::string_view(column[r]);
}

DecisionEvent EventOf(const DecisionLog& log, std::size_t r, std::vector<std::optional<double>>& rewards) {
  static const LoggedPolicy unknown;
  const auto begin = static_cast<std::size_t>(log.first[r]);
  const auto slots = static_cast<std::size_t>(log.first[r + 1]) - begin;
  const auto columns = log.context_names.size();
  rewards.assign(log.reward.begin() + log.first[r], log.reward.begin() + log.first[r + 1]);
  DecisionEvent event;
  event.decision_id = RowText(log.decision_ids, r);
  event.time = log.time.empty() ? std::nullopt : std::optional(log.time[r]);
  event.user = TextOf(log.user, log.user_ids, r);
  event.session = TextOf(log.session, log.session_ids, r);
  if (!log.policy.empty() && log.policy[r] != 0) {
    event.policy = log.policy[r] < 0 ? &unknown : &log.policies[static_cast<std::size_t>(log.policy[r])];
  }
  event.position = log.position.empty() ? std::nullopt : std::optional(log.position[r]);
  event.slate = log.slate(static_cast<std::int64_t>(r));
  event.propensity = std::span(log.propensity).subspan(begin, slots);
  event.reward = rewards;
  event.context = std::span(log.context).subspan(r * columns, columns);
  event.has_history = log.history.rows() > 0;
  event.history = event.has_history ? RowOf(log.history.items, log.history, r) : std::span<const std::int32_t>();
  event.candidates = RowOf(log.candidates.items, log.candidates, r);
  event.candidate_probability = RowOf(log.candidate_probability, log.candidates, r);
  event.exploration = RowText(log.exploration, r);
  event.drop_rate = log.drop_rate.empty() ? std::nullopt : std::optional(log.drop_rate[r]);
  return event;
}

}  // namespace

void WriteDecisionLog(base::FileSystem& files, const std::filesystem::path& path, const DecisionLog& log) {
  const LoggedPolicy policy = log.policies.empty() ? LoggedPolicy{} : log.policies.front();
  DecisionLogWriter writer(files, path,
                           {.policy = policy,
                            .item_ids = log.item_ids,
                            .context_names = log.context_names,
                            .action_context_names = log.action_context_names,
                            .action_context = log.action_contexts()});
  std::vector<std::optional<double>> rewards;
  for (std::size_t r = 0; r < static_cast<std::size_t>(log.size()); ++r) {
    writer.Add(EventOf(log, r, rewards));
  }
  writer.Finish();
}

}  // namespace recforce::data
