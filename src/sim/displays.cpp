// SPDX-License-Identifier: Apache-2.0
#include "sim/displays.h"

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "sim/random_slate.h"

namespace recforce::sim {
namespace {

// What all users were shown and clicked, by page.
struct Page {
  std::vector<std::int32_t> slates;  // [U, shown]
  std::vector<std::int32_t> clicked;
  std::vector<std::uint8_t> seen;  // [U] 0: the user had left before
};

void RequireUsable(const core::Environment& env, std::int64_t users, std::int64_t pages, std::int64_t shown) {
  if (users < 0 || pages < 0 || shown < 1 || shown > env.NumItems()) {
    throw base::Error(base::ErrorKind::kUsage, "displays of " + env.identity() + ": users, pages, items shown: '" +
                                                   std::to_string(users) + ", " + std::to_string(pages) + ", " +
                                                   std::to_string(shown) + "'; expected counts, and 1 to " +
                                                   std::to_string(env.NumItems()) + " items");
  }
}

}  // namespace

data::DisplaySet GenerateDisplays(const core::Environment& env, std::int64_t users, std::int64_t pages,
                                  std::int64_t shown, std::uint64_t seed) {
  RequireUsable(env, users, pages, shown);
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(users));
  std::iota(numbers.begin(), numbers.end(), 0);
  const std::unique_ptr<core::Episodes> episodes = env.Start(numbers, seed);
  std::vector<Page> log(static_cast<std::size_t>(pages));
  core::Feedback feedback;
  for (std::size_t page = 0; page < log.size(); ++page) {
    std::vector<std::int32_t>& slates = log[page].slates;
    slates.resize(static_cast<std::size_t>(users * shown));
    for (std::int64_t user = 0; user < users; ++user) {
      base::Rng rng(seed, base::Stream::kPolicy, static_cast<std::uint64_t>(user), static_cast<std::uint32_t>(page));
      DrawSlate(rng, env.NumItems(), base::MatrixView<std::int32_t>{slates.data(), users, shown}.row(user));
    }
    for (const std::uint8_t left : episodes->left()) {
      log[page].seen.push_back(left == 0 ? 1 : 0);
    }
    episodes->Step({slates.data(), users, shown}, feedback);
    log[page].clicked = feedback.clicked;
  }

  data::DisplaySet displays;
  for (std::int64_t user = 0; user < users; ++user) {
    const auto u = static_cast<std::size_t>(user);
    for (const Page& page : log) {
      if (page.seen[u] != 0) {
        const auto first = page.slates.begin() + user * shown;
        displays.items.insert(displays.items.end(), first, first + shown);
        displays.offsets.push_back(static_cast<std::int64_t>(displays.items.size()));
        displays.choice.push_back(page.clicked[u]);
      }
    }
    displays.users.push_back(static_cast<std::int32_t>(user));
    displays.user_offsets.push_back(displays.size());
  }
  return displays;
}

}  // namespace recforce::sim
