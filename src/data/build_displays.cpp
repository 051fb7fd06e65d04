// SPDX-License-Identifier: Apache-2.0
// A display for every interaction of a dataset, and the dataset that holds both. Blocks of users are worked on one
// after the other, so that only one block is in memory twice.
#include "recforce/data/build_displays.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

#include "data/display_neighbours.h"
#include "data/line_source.h"
#include "data/output_folder.h"
#include "recforce/base/error.h"
#include "recforce/base/rng.h"
#include "recforce/base/text.h"
#include "recforce/base/threads.h"

namespace recforce::data {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::int64_t kLargestDisplay = 1000;
constexpr std::int64_t kUsersPerBlock = 1 << 14;
constexpr std::int64_t kUsersPerChunk = 1 << 10;

void CheckOptions(const Dataset& dataset, const DisplayOptions& options) {
  const std::vector<std::string>& kinds = DisplayKinds();
  if (std::find(kinds.begin(), kinds.end(), options.kind) == kinds.end()) {
    throw Error(ErrorKind::kUsage, "--kind: no such kind of displays: " + Quoted(options.kind) +
                                       "; allowed: " + base::Join(kinds, ", ") + base::DidYouMean(options.kind, kinds));
  }
  if (options.size < 2 || options.size > kLargestDisplay) {
    throw Error(ErrorKind::kUsage, "--size: is out of range: '" + std::to_string(options.size) + "'; expected 2 to " +
                                       std::to_string(kLargestDisplay));
  }
  const std::string where = dataset.directory().string();
  if (dataset.num_interactions() == 0) {
    throw Error(ErrorKind::kData, where + ": no interactions: '0'; expected at least one to show");
  }
  if (options.kind == "time_neighbours" && dataset.times().empty()) {
    throw Error(ErrorKind::kData,
                where + ": the dataset has no times: 'time_neighbours'; allowed without times: popularity, session");
  }
}

// Fills the displays of the interactions of users [first, last), one an interaction.
void FillUsers(const Dataset& dataset, const DisplayOptions& options, const NeighbourRule& rule, std::int64_t first,
               std::int64_t last, std::span<std::vector<std::int32_t>> shown) {
  const CsrView log = dataset.interactions();
  const std::unique_ptr<DisplayNeighbours> neighbours = rule.Make();
  auto next = shown.begin();
  for (std::int64_t user = first; user < last; ++user) {
    neighbours->Begin(user);
    const std::int64_t begin = log.offsets[static_cast<std::size_t>(user)];
    const std::int64_t end = log.offsets[static_cast<std::size_t>(user) + 1];
    for (std::int64_t place = begin; place < end; ++place, ++next) {
      next->push_back(log.items[static_cast<std::size_t>(place)]);
      neighbours->Add(place, *next);
      base::Rng rng(static_cast<std::uint64_t>(options.seed), base::Stream::kShuffle,
                    static_cast<std::uint64_t>(place));
      rng.Shuffle(std::span(*next));
    }
  }
}

// Appends what the displays of users [first, last) show.
void AddBlock(const Dataset& dataset, const DisplayOptions& options, const NeighbourRule& rule, std::int64_t first,
              std::int64_t last, DisplayColumns& displays) {
  const CsrView log = dataset.interactions();
  const auto begin = static_cast<std::size_t>(log.offsets[static_cast<std::size_t>(first)]);
  const auto end = static_cast<std::size_t>(log.offsets[static_cast<std::size_t>(last)]);
  std::vector<std::vector<std::int32_t>> shown(end - begin);
  base::ParallelFor(first, last, kUsersPerChunk, [&](std::int64_t from, std::int64_t to) {
    const auto chunk = static_cast<std::size_t>(log.offsets[static_cast<std::size_t>(from)]);
    const auto chunk_end = static_cast<std::size_t>(log.offsets[static_cast<std::size_t>(to)]);
    FillUsers(dataset, options, rule, from, to, std::span(shown).subspan(chunk - begin, chunk_end - chunk));
  });
  for (std::size_t place = begin; place < end; ++place) {
    for (const std::int32_t item : shown[place - begin]) {
      displays.item.push_back(item);
      displays.clicked.push_back(item == log.items[place] ? 1 : 0);
    }
    displays.offsets.push_back(static_cast<std::int64_t>(displays.item.size()));
  }
}

template <class T>
std::vector<T> Copy(std::span<const T> values) {
  return {values.begin(), values.end()};
}

// [N] whose the interactions are.
std::vector<std::int32_t> UsersOf(const Dataset& dataset) {
  std::vector<std::int32_t> users;
  users.reserve(static_cast<std::size_t>(dataset.num_interactions()));
  for (std::int64_t user = 0; user < dataset.num_users(); ++user) {
    users.insert(users.end(), dataset.interactions().row(user).size(), static_cast<std::int32_t>(user));
  }
  return users;
}

// Everything but displays.
Columns CopyOf(const Dataset& dataset) {
  Columns columns;
  columns.user_ids = dataset.user_ids().ToVector();
  columns.item_ids = dataset.item_ids().ToVector();
  columns.item_titles = dataset.item_titles().ToVector();
  columns.item = Copy(dataset.interactions().items);
  columns.user = UsersOf(dataset);
  columns.time = Copy(dataset.times());
  columns.value = Copy(dataset.values());
  columns.propensity = Copy(dataset.propensities());
  columns.position = Copy(dataset.positions());
  columns.part = Copy(dataset.parts());
  columns.context = Copy(dataset.contexts());
  columns.context_names = dataset.context_names().ToVector();
  columns.candidate_offsets = Copy(dataset.candidates().offsets);
  columns.candidate_items = Copy(dataset.candidates().items);
  return columns;
}

void CheckPlaces(const Dataset& dataset, const DisplayOptions& options, const Preprocessing& wanted,
                 const std::filesystem::path& output) {
  if (dataset.displays().size() > 0) {
    throw Error(ErrorKind::kUsage, dataset.directory().string() + ": the dataset has displays already: " +
                                       Quoted(dataset.preprocessing().displays) + "; expected one without");
  }
  CheckOutput(output);
  std::error_code ignored;
  if (std::filesystem::equivalent(dataset.directory(), output, ignored)) {
    throw Error(ErrorKind::kUsage, "--out: is the folder of the dataset itself: " + Quoted(output.string()) +
                                       "; expected another one, because runs name their dataset by its place");
  }
  if (!options.overwrite) {
    RefuseOther(output, wanted);
  }
}

}  // namespace

const std::vector<std::string>& DisplayKinds() {
  static const std::vector<std::string> kinds = {"time_neighbours", "popularity", "session"};
  return kinds;
}

std::string DescribeDisplays(const DisplayOptions& options) {
  return options.kind + " " + std::to_string(options.size) + " seed " + std::to_string(options.seed) +
         (options.parts ? "" : " without parts");
}

DisplayColumns BuildDisplays(const Dataset& dataset, const DisplayOptions& options) {
  CheckOptions(dataset, options);
  const std::unique_ptr<NeighbourRule> rule = MakeNeighbourRule(dataset, options);
  DisplayColumns displays;
  displays.user = UsersOf(dataset);
  displays.time = Copy(dataset.times());
  if (options.parts) {
    displays.part = Copy(dataset.parts());
  }
  for (std::int64_t first = 0; first < dataset.num_users(); first += kUsersPerBlock) {
    if (options.stop != nullptr) {
      options.stop->ThrowIfSet();
    }
    AddBlock(dataset, options, *rule, first, std::min(first + kUsersPerBlock, dataset.num_users()), displays);
  }
  return displays;
}

DisplayReport AddDisplaysTo(base::FileSystem& files, const Dataset& dataset, const DisplayOptions& options,
                            const std::filesystem::path& output) {
  Preprocessing preprocessing = dataset.preprocessing();
  preprocessing.displays = DescribeDisplays(options);
  CheckPlaces(dataset, options, preprocessing, output);
  DisplayReport report;
  report.made = preprocessing.displays;
  Columns columns = CopyOf(dataset);
  columns.displays = BuildDisplays(dataset, options);
  report.displays = static_cast<std::int64_t>(columns.displays.user.size());
  report.items = static_cast<std::int64_t>(columns.displays.item.size());
  for (std::size_t display = 0; display < columns.displays.user.size(); ++display) {
    report.single_item += columns.displays.offsets[display + 1] - columns.displays.offsets[display] == 1 ? 1 : 0;
  }
  WriteDataset(files, output, std::move(columns), preprocessing);
  return report;
}

}  // namespace recforce::data
