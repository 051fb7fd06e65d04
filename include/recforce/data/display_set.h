// SPDX-License-Identifier: Apache-2.0
// What was shown together and what was chosen of it, as choice models read it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace recforce::data {

// Choices of some users, by user and in time order: user u made choices user_offsets[u] .. user_offsets[u + 1], choice
// d was among items[offsets[d] .. offsets[d + 1]). A display with several clicks is several choices, each from what the
// ones before left. The order of a display's items is shuffled: in published logs it gives the click away.
struct DisplaySet {
  std::vector<std::int32_t> users;            // [U] dataset index
  std::vector<std::int64_t> user_offsets{0};  // [U + 1]
  std::vector<std::int64_t> offsets{0};       // [D + 1]
  std::vector<std::int32_t> items;            // over the catalogue, distinct inside a display
  std::vector<std::int32_t> choice;           // [D] place among the display's items, -1: nothing was clicked

  // Adds a choice to the user that AddUser names next.
  void AddChoice(std::span<const std::int32_t> among, std::int32_t place) {
    items.insert(items.end(), among.begin(), among.end());
    offsets.push_back(static_cast<std::int64_t>(items.size()));
    choice.push_back(place);
  }
  // The choices added since the last user, if any, are those of `user`.
  void AddUser(std::int32_t user) {
    users.push_back(user);
    user_offsets.push_back(size());
  }

  [[nodiscard]] std::int64_t num_users() const { return static_cast<std::int64_t>(user_offsets.size()) - 1; }
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }  // D
  [[nodiscard]] std::span<const std::int32_t> shown(std::int64_t display) const {
    const auto d = static_cast<std::size_t>(display);
    return std::span(items).subspan(static_cast<std::size_t>(offsets[d]),
                                    static_cast<std::size_t>(offsets[d + 1] - offsets[d]));
  }
  // The item chosen, -1 for none.
  [[nodiscard]] std::int32_t chosen(std::int64_t display) const {
    const std::int32_t place = choice[static_cast<std::size_t>(display)];
    return place < 0 ? -1 : shown(display)[static_cast<std::size_t>(place)];
  }
  // Whether nothing was clicked at least once.
  [[nodiscard]] bool has_no_clicks() const {
    return std::any_of(choice.begin(), choice.end(), [](std::int32_t place) { return place < 0; });
  }
};

}  // namespace recforce::data
