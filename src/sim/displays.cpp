// SPDX-License-Identifier: Apache-2.0
#include "sim/displays.h"

#include <algorithm>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "sim/policies.h"
#include "sim/runner.h"

namespace recforce::sim {
namespace {

// What all users were shown and clicked, by page.
struct Page {
  std::vector<std::int32_t> slates;   // [U, shown]
  std::vector<std::int32_t> clicked;  // [U]
  std::vector<std::uint8_t> absent;   // [U] 1: the user had left before
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
  const auto count = static_cast<std::size_t>(users);
  // Of pages that nobody is left to see, no step is told.
  const Page unseen{std::vector<std::int32_t>(count * static_cast<std::size_t>(shown)),
                    std::vector<std::int32_t>(count, -1), std::vector<std::uint8_t>(count, 1)};
  std::vector<Page> log(static_cast<std::size_t>(pages), unseen);
  const auto keep = [&](const ShownStep& step) {
    Page& page = log[static_cast<std::size_t>(step.step)];
    std::copy_n(step.slates.data, step.slates.rows * shown, page.slates.begin() + step.first * shown);
    std::copy(step.clicked.begin(), step.clicked.end(), page.clicked.begin() + step.first);
    std::copy(step.absent.begin(), step.absent.end(), page.absent.begin() + step.first);
  };
  (void)Simulate(env, *MakeRandomPolicy(env.NumItems()),
                 {.users = users, .horizon = pages, .slate = shown, .seed = seed}, {.on_step = keep});

  data::DisplaySet displays;
  for (std::int64_t user = 0; user < users; ++user) {
    const auto u = static_cast<std::size_t>(user);
    for (const Page& page : log) {
      if (page.absent[u] == 0) {
        displays.AddChoice({page.slates.data() + user * shown, static_cast<std::size_t>(shown)}, page.clicked[u]);
      }
    }
    displays.AddUser(static_cast<std::int32_t>(user));
  }
  return displays;
}

}  // namespace recforce::sim
