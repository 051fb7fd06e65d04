// SPDX-License-Identifier: Apache-2.0
#include "algos/ract/stages.h"

#include <string_view>

#include "recforce/base/error.h"
#include "recforce/base/text.h"

namespace recforce::algos {
namespace {

[[noreturn]] void Refuse(const std::string& text, const std::string& what) {
  throw base::Error(base::ErrorKind::kUsage, "ract.stages: " + what + ": '" + text +
                                                 "'; expected actor, critic or finetune with its epochs and perhaps "
                                                 "its patience, as in actor:200 or finetune:50:10");
}

std::int64_t Count(const std::string& text, std::string_view part, std::int64_t least) {
  const auto count = base::ParseInt(part);
  if (!count || *count < least || *count > 1000000) {
    Refuse(text, "'" + std::string(part) + "' is no number from " + std::to_string(least) + " to 1000000");
  }
  return *count;
}

std::vector<std::string_view> Parts(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t end = 0;
  for (std::size_t begin = 0; end != std::string_view::npos; begin = end + 1) {
    end = text.find(':', begin);
    parts.push_back(text.substr(begin, end == std::string_view::npos ? end : end - begin));
  }
  return parts;
}

core::Phase ParseStage(const std::string& text, std::int64_t patience) {
  const std::vector<std::string_view> parts = Parts(text);
  if (parts.size() < 2 || parts.size() > 3) {
    Refuse(text, "is no stage");
  }
  core::Phase phase;
  phase.name = parts[0] == "ac" ? kFinetuneStage : std::string(parts[0]);
  if (phase.name != kActorStage && phase.name != kCriticStage && phase.name != kFinetuneStage) {
    Refuse(text, "there is no such stage");
  }
  phase.epochs = Count(text, parts[1], 1);
  phase.patience = parts.size() == 3 ? Count(text, parts[2], 0) : phase.name == kCriticStage ? 0 : patience;
  return phase;
}

}  // namespace

std::vector<core::Phase> ParseStages(const std::vector<std::string>& texts, std::int64_t patience) {
  std::vector<core::Phase> phases;
  for (const std::string& text : texts) {
    phases.push_back(ParseStage(text, patience));
    const bool after_others = phases.size() > 1 && phases[phases.size() - 2].name != kActorStage;
    if (phases.back().name == kActorStage && after_others) {
      Refuse(text, "comes after another stage, whose work it would undo");
    }
  }
  return phases;
}

}  // namespace recforce::algos
