// SPDX-License-Identifier: Apache-2.0
// A sink that keeps what a reader gives as lines of text that tests compare.
#pragma once

#include <string>
#include <vector>

#include "data/readers.h"

namespace recforce::test {

struct CollectingSink final : data::RowSink {
  void Begin(const data::LogContent& what) override {
    ++begins;
    content = what;
  }
  // "user|item" and then what the log has: t time, v value, p propensity, @ position, # part, : line.
  void Add(const data::LogRow& row) override {
    std::string text = std::string(row.user) + "|" + std::string(row.item);
    text += content.time ? "|t" + std::to_string(row.time) : "";
    text += content.value ? "|v" + std::to_string(row.value).substr(0, 4) : "";
    text += content.propensity ? "|p" + std::to_string(row.propensity).substr(0, 5) : "";
    text += content.position ? "|@" + std::to_string(row.position) : "";
    text += content.part ? "|#" + std::to_string(static_cast<int>(row.part)) : "";
    rows.push_back(text + ":" + std::to_string(row.line));
  }
  // "user t time # part: item item* ..." with a star after what was clicked.
  void AddDisplay(const data::LogDisplay& display) override {
    std::string text = std::string(display.user) + " t" + std::to_string(display.time) + " #" +
                       std::to_string(static_cast<int>(display.part)) + ":";
    for (std::size_t i = 0; i < display.items.size(); ++i) {
      text += " " + std::string(display.items[i]) + (display.clicked[i] != 0 ? "*" : "");
    }
    displays.push_back(text);
  }
  void AddCandidates(std::string_view user, std::span<const std::string_view> items) override {
    std::string text = std::string(user) + ":";
    for (const std::string_view item : items) {
      text += " " + std::string(item);
    }
    candidates.push_back(text);
  }
  void AddBad(std::string message) override { bad.push_back(std::move(message)); }

  int begins = 0;
  data::LogContent content;
  std::vector<std::string> rows;
  std::vector<std::string> displays;
  std::vector<std::string> candidates;
  std::vector<std::string> bad;
};

}  // namespace recforce::test
