// SPDX-License-Identifier: Apache-2.0
// Decision logs for tests: small ones by hand, and files of the formats that are read.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "recforce/data/decision_log.h"

namespace recforce::test {

// Single actions with a context column, on items named "a", "b", "c" ...
inline data::DecisionLog SingleActions(const std::vector<std::int32_t>& items, const std::vector<double>& propensities,
                                       const std::vector<double>& rewards, int num_items) {
  data::DecisionLog log;
  log.source = "test";
  for (int item = 0; item < num_items; ++item) {
    log.item_ids.emplace_back(1, static_cast<char>('a' + item));
  }
  log.item = items;
  log.propensity = propensities;
  log.reward = rewards;
  for (std::size_t r = 0; r < items.size(); ++r) {
    log.first.push_back(static_cast<std::int64_t>(r) + 1);
  }
  return log;
}

// Two slates of two slots with everything that a log can have.
inline data::DecisionLog FullLog() {
  data::DecisionLog log;
  log.source = "full";
  log.policies = {{"topk", "7"}, {"topk", "8"}};
  log.item_ids = {"a", "b \"quoted\"", "c"};
  log.user_ids = {"u\n1"};
  log.session_ids = {"s"};
  log.decision_ids = {"d1", "d2"};
  log.policy = {0, 1};
  log.time = {1700000000, 1700000060};
  log.user = {0, -1};
  log.session = {0, 0};
  log.drop_rate = {0.0, 0.25};
  log.exploration = {R"({"seed":7,"greedy":[0]})", ""};
  log.context_names = {"age", "night"};
  log.context = {0.1F, 1.0F, -3.5F, 0.0F};
  log.history.AddRow(std::vector<std::int32_t>{2, 0, 2});
  log.history.AddRow(std::vector<std::int32_t>{});
  log.candidates.AddRow(std::vector<std::int32_t>{2, 1, 0});
  log.candidates.AddRow(std::vector<std::int32_t>{0, 1});
  log.candidate_probability = {0.5, 0.25, 0.25, 0.9, 0.1};
  log.first = {0, 2, 4};
  log.item = {2, 0, 0, 1};
  log.propensity = {0.5, 1.0 / 3.0, 0.9, 1.0};
  log.reward = {1.0, 0.0, -0.5, 1e-300};
  log.action_context_names = {"price"};
  log.action_context = {1.0F, 2.5F, 1e-7F};
  return log;
}

inline void PutNumber(std::uint32_t value, int bytes, std::string& out) {
  for (int i = 0; i < bytes; ++i) {
    out += static_cast<char>(value >> (8 * i));
  }
}

// A zip archive as numpy.savez or, deflated, as numpy.savez_compressed writes it.
inline std::string ZipOf(const std::vector<std::pair<std::string, std::string>>& files, bool deflated = false) {
  std::string out;
  std::string list;
  for (const auto& [name, content] : files) {
    std::string packed = content;
    if (deflated) {
      z_stream stream{};
      deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
      packed.resize(deflateBound(&stream, content.size()) + 16);
      std::string in = content;
      stream.next_in = reinterpret_cast<Bytef*>(in.data());
      stream.avail_in = static_cast<uInt>(in.size());
      stream.next_out = reinterpret_cast<Bytef*>(packed.data());
      stream.avail_out = static_cast<uInt>(packed.size());
      deflate(&stream, Z_FINISH);
      packed.resize(stream.total_out);
      deflateEnd(&stream);
    }
    const auto checksum =
        static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
    const auto offset = static_cast<std::uint32_t>(out.size());
    std::string common;
    PutNumber(20, 2, common);                // version
    PutNumber(0, 2, common);                 // flags
    PutNumber(deflated ? 8 : 0, 2, common);  // method
    PutNumber(0, 4, common);                 // time and date
    PutNumber(checksum, 4, common);
    PutNumber(static_cast<std::uint32_t>(packed.size()), 4, common);
    PutNumber(static_cast<std::uint32_t>(content.size()), 4, common);
    PutNumber(static_cast<std::uint32_t>(name.size()), 2, common);
    PutNumber(0, 2, common);  // extra field
    out += "PK\x03\x04" + common + name + packed;
    list += "PK\x01\x02";
    PutNumber(20, 2, list);
    list += common;
    PutNumber(0, 2, list);  // comment
    PutNumber(0, 4, list);  // disk, internal attributes
    PutNumber(0, 4, list);  // external attributes
    PutNumber(offset, 4, list);
    list += name;
  }
  std::string end = "PK\x05\x06";
  PutNumber(0, 4, end);
  PutNumber(static_cast<std::uint32_t>(files.size()), 2, end);
  PutNumber(static_cast<std::uint32_t>(files.size()), 2, end);
  PutNumber(static_cast<std::uint32_t>(list.size()), 4, end);
  PutNumber(static_cast<std::uint32_t>(out.size()), 4, end);
  PutNumber(0, 2, end);
  return out + list + end;
}

// A .npy file of any type. `shape` as Python writes it: "(3,)".
template <class T>
std::string NpyOf(const std::string& descr, const std::string& shape, const std::vector<T>& values,
                  bool fortran_order = false) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': " + (fortran_order ? "True" : "False") +
                       ", 'shape': " + shape + ", }";
  header.resize(117, ' ');
  header += '\n';
  std::string bytes = "\x93NUMPY\x01";
  bytes += '\0';
  PutNumber(static_cast<std::uint32_t>(header.size()), 2, bytes);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return bytes;
}

}  // namespace recforce::test
