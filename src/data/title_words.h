// SPDX-License-Identifier: Apache-2.0
// Words from which the generator makes theme names and item titles that people can tell apart.
#pragma once

#include <array>
#include <string_view>

namespace recforce::data {

inline constexpr std::array<std::string_view, 24> kThemeWords = {
    "jazz",   "western", "thriller", "comedy",    "ballet",  "folk",   "mystery", "opera",
    "space",  "history", "romance",  "animation", "cooking", "travel", "nature",  "chess",
    "horror", "sports",  "family",   "war",       "fantasy", "crime",  "musical", "documentary"};

inline constexpr std::array<std::string_view, 64> kFirstWords = {
    "Harbour", "Silver",   "Midnight", "Paper",     "Northern",  "Quiet",   "Golden",   "Broken",
    "Winter",  "Crimson",  "Hidden",   "Electric",  "Summer",    "Velvet",  "Distant",  "Copper",
    "Lonely",  "Burning",  "Emerald",  "Wandering", "Sleeping",  "Amber",   "Hollow",   "Painted",
    "Secret",  "Rising",   "Frozen",   "Scarlet",   "Gentle",    "Iron",    "Morning",  "Lost",
    "Crystal", "Restless", "Country",  "Violet",    "Forgotten", "Marble",  "Southern", "Wild",
    "Cobalt",  "Evening",  "Little",   "Stolen",    "Sunken",    "Ivory",   "Second",   "Whispering",
    "Autumn",  "Glass",    "Dancing",  "Western",   "Patient",   "Thunder", "Cinnamon", "Borrowed",
    "Lunar",   "Faithful", "Desert",   "Clever",    "Salt",      "Honest",  "Floating", "Last"};

inline constexpr std::array<std::string_view, 64> kSecondWords = {
    "Lights",     "Garden",   "Letters",    "River",    "Station",  "Mirrors",   "Orchard",   "Bridge",
    "Voyage",     "Shadows",  "Parade",     "Island",   "Promise",  "Lanterns",  "Market",    "Echoes",
    "Harvest",    "Compass",  "Stairway",   "Dreams",   "Railway",  "Meadow",    "Signals",   "Theatre",
    "Horizon",    "Keys",     "Village",    "Feathers", "Crossing", "Rain",      "Library",   "Sparrow",
    "Windows",    "Carnival", "Canyon",     "Stories",  "Tides",    "Kingdom",   "Clockwork", "Roads",
    "Lighthouse", "Waltz",    "Embers",     "Gallery",  "Pilgrim",  "Sky",       "Secrets",   "Hotel",
    "Arrows",     "Machine",  "Neighbours", "Fire",     "Mountain", "Postcards", "Circus",    "Anchor",
    "Season",     "Bells",    "Corner",     "Passage",  "Summit",   "Kites",     "Archive",   "Goodbye"};

}  // namespace recforce::data
