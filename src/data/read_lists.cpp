// SPDX-License-Identifier: Apache-2.0
// Lists of ids: users with items, sessions, test cases, pairs, candidates.
#include "data/read_lists.h"

#include <functional>

#include "data/id_table.h"
#include "data/word_reader.h"

namespace recforce::data {
namespace {

// Calls `take` for each line of words; lines that are not text are bad.
void ForEachLine(LineSource& source, RowSink& sink, const std::function<void(const WordReader&)>& take) {
  WordReader words(source);
  while (true) {
    switch (words.Next()) {
      case WordReader::Status::kEnd:
        return;
      case WordReader::Status::kBad:
        sink.AddBad(words.fault());
        break;
      case WordReader::Status::kRow:
        take(words);
        break;
    }
  }
}

// Which users had their line already.
class Users {
 public:
  // The line of the user's first appearance, or nothing and the user is taken note of.
  std::optional<std::int64_t> Seen(std::string_view user, std::int64_t line) {
    const std::int32_t known = users_.size();
    const std::int32_t number = users_.Add(user);
    if (number < known) {
      return lines_[static_cast<std::size_t>(number)];
    }
    lines_.push_back(line);
    return std::nullopt;
  }

 private:
  IdTable users_;
  std::vector<std::int64_t> lines_;
};

std::string StandsTwice(const std::string& where, std::string_view user, std::int64_t line) {
  return where + ": user stands twice: " + Quoted(user) + ", also in line " + std::to_string(line) +
         "; expected each user on one line";
}

}  // namespace

void ReadAdjacency(LineSource& source, RowSink& sink) {
  sink.Begin({});
  Users users;
  ForEachLine(source, sink, [&](const WordReader& words) {
    if (const auto line = users.Seen(words.word(0), words.line_number())) {
      sink.AddBad(StandsTwice(words.Where(0), words.word(0), *line));
      return;
    }
    LogRow row;
    row.user = words.word(0);
    row.line = words.line_number();
    for (std::size_t i = 1; i < words.size(); ++i) {
      row.item = words.word(i);
      sink.Add(row);
    }
  });
}

void ReadSessions(LineSource& source, RowSink& sink) {
  sink.Begin({});
  ForEachLine(source, sink, [&](const WordReader& words) {
    const std::string id = "s" + std::to_string(words.line_number());
    LogRow row;
    row.user = id;
    row.line = words.line_number();
    for (const std::string_view item : words.words()) {
      row.item = item;
      sink.Add(row);
    }
  });
}

void ReadTestCases(LineSource& source, RowSink& sink) {
  sink.Begin({.part = true});
  ForEachLine(source, sink, [&](const WordReader& words) {
    if (words.size() < 2) {
      sink.AddBad(words.Where(0) + ": test case has one item: " + Quoted(words.row()) +
                  "; expected the items seen and then the next one");
      return;
    }
    const std::string id = "t" + std::to_string(words.line_number());
    LogRow row;
    row.user = id;
    row.line = words.line_number();
    for (std::size_t i = 0; i < words.size(); ++i) {
      row.item = words.word(i);
      row.part = i + 1 < words.size() ? Part::kInput : Part::kTest;
      sink.Add(row);
    }
  });
}

void ReadPairs(LineSource& source, RowSink& sink) {
  sink.Begin({});
  ForEachLine(source, sink, [&](const WordReader& words) {
    if (words.size() != 2) {
      sink.AddBad(words.Where(std::min<std::size_t>(words.size(), 2)) + ": row has " + std::to_string(words.size()) +
                  (words.size() == 1 ? " word: " : " words: ") + Quoted(words.row()) +
                  "; expected 2, a user and an item, separated by blanks");
      return;
    }
    LogRow row;
    row.user = words.word(0);
    row.item = words.word(1);
    row.line = words.line_number();
    sink.Add(row);
  });
}

void ReadNegatives(LineSource& source, RowSink& sink) {
  sink.Begin({});
  Users users;
  ForEachLine(source, sink, [&](const WordReader& words) {
    const std::string_view pair = words.word(0);
    const std::size_t comma = pair.rfind(',');
    if (pair.front() != '(' || pair.back() != ')' || comma == std::string_view::npos || comma < 2 ||
        comma + 2 >= pair.size()) {
      sink.AddBad(words.Where(0) + ": row does not begin with a pair: " + Quoted(pair) +
                  "; expected (user,item) and then items");
      return;
    }
    const std::string_view user = pair.substr(1, comma - 1);
    if (words.size() == 1) {
      sink.AddBad(words.Where(1) + ": row has no items to rank against: " + Quoted(pair) +
                  "; expected (user,item) and then items");
    } else if (const auto line = users.Seen(user, words.line_number())) {
      sink.AddBad(StandsTwice(words.Where(0), user, *line));
    } else {
      sink.AddCandidates(user, std::span(words.words()).subspan(1));
    }
  });
}

}  // namespace recforce::data
