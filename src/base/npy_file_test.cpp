// SPDX-License-Identifier: Apache-2.0
#include "base/npy_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "support/temp_dir.h"

namespace recforce::base {
namespace {

template <class T>
std::string File(const std::string& header, const std::vector<T>& values, char version = 1) {
  std::string bytes = std::string("\x93NUMPY") + version + '\0';
  bytes += static_cast<char>(header.size() & 0xFF);
  bytes += static_cast<char>(header.size() >> 8);
  if (version > 1) {
    bytes += std::string(2, '\0');
  }
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return bytes;
}

NpyMatrix Parse(const std::string& bytes) {
  return ParseNpyMatrix(std::as_bytes(std::span(bytes.data(), bytes.size())), "m.npy");
}

std::string Refused(const std::string& bytes) {
  try {
    Parse(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kData);
    return error.what();
  }
  return "accepted";
}

const std::string kFloat = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n";

TEST(NpyFile, ReadsFloatsAndDoubles) {
  const NpyMatrix floats = Parse(File<float>(kFloat, {1, 2, 3, 4, 5, 6.5F}));
  EXPECT_EQ(floats.rows, 2);
  EXPECT_EQ(floats.cols, 3);
  EXPECT_EQ(floats.values, (std::vector<float>{1, 2, 3, 4, 5, 6.5F}));
  const NpyMatrix doubles =
      Parse(File<double>("{\"shape\": (1,2), \"descr\": \"<f8\", \"fortran_order\": False}", {0.5, -2}, 2));
  EXPECT_EQ(doubles.rows, 1);
  EXPECT_EQ(doubles.values, (std::vector<float>{0.5F, -2}));
}

TEST(NpyFile, OneDimensionIsOneColumn) {
  const NpyMatrix matrix = Parse(File<float>("{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}", {1, 2}, 3));
  EXPECT_EQ(matrix.rows, 2);
  EXPECT_EQ(matrix.cols, 1);
}

TEST(NpyFile, EmptyMatricesAreFine) {
  EXPECT_EQ(Parse(File<float>("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}", {})).cols, 3);
}

TEST(NpyFile, SaysWhatIsWrong) {
  const std::vector<float> six(6, 1.0F);
  EXPECT_EQ(Refused(""), "m.npy: not a .npy file: it does not begin with the mark of one");
  EXPECT_EQ(Refused("\x93NUMPY"), "m.npy: not a .npy file: it does not begin with the mark of one");
  EXPECT_EQ(Refused(File<float>(kFloat, six, 4)), "m.npy: unknown version of .npy: '4'; expected 1, 2 or 3");
  EXPECT_EQ(Refused(File<float>(kFloat, six).substr(0, 30)), "m.npy: truncated: the header is not whole");
  EXPECT_EQ(Refused(File<float>(kFloat, six).substr(0, 9)), "m.npy: truncated: the header is not whole");
  EXPECT_EQ(Refused(File<float>("{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3)}", six)),
            "m.npy: unsupported type of numbers: '<i4'; expected <f4 or <f8");
  EXPECT_EQ(Refused(File<float>("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", six)),
            "m.npy: the array has '0' dimensions; expected 1 or 2");
  EXPECT_EQ(Refused(File<float>("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", six)),
            "m.npy: the array lies in Fortran order; expected C order. save numpy.ascontiguousarray(array)");
  EXPECT_EQ(Refused(File<float>("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4)}", six)),
            "m.npy: the data has '24' bytes, which is not what its shape takes: 2 x 4 numbers of 4 bytes");
  EXPECT_EQ(Refused(File<float>("{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4)}", six)),
            "m.npy: the data has '24' bytes, which is not what its shape takes: 9223372036854775807 x 4 numbers of 4 "
            "bytes");
  std::vector<float> broken = six;
  broken[4] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Refused(File<float>(kFloat, broken)), "m.npy: row 1, column 1: not a finite float32");
  EXPECT_EQ(Refused(File<double>("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1)}", {1e300})),
            "m.npy: row 0, column 0: not a finite float32");
}

TEST(NpyFile, SaysWhereAHeaderCannotBeRead) {
  const std::string wrong =
      "; expected a dictionary with 'descr', 'fortran_order' and 'shape', as numpy.save writes it";
  const auto refused = [&](const std::string& header) { return Refused(File<float>(header, {})); };
  EXPECT_EQ(refused(""), "m.npy: header cannot be read at character '0'" + wrong);
  EXPECT_EQ(refused("{}"), "m.npy: header cannot be read at character '2'" + wrong);
  EXPECT_EQ(refused("{'descr': '<f4', 'descr': '<f4'"), "m.npy: header cannot be read at character '25'" + wrong);
  EXPECT_EQ(refused("{'descr': '<f4"), "m.npy: header cannot be read at character '11'" + wrong);
  EXPECT_EQ(refused("{'shape': (2 3)}"), "m.npy: header cannot be read at character '13'" + wrong);
  EXPECT_EQ(refused("{'shape': (-2,)}"), "m.npy: header cannot be read at character '11'" + wrong);
  EXPECT_EQ(refused("{'fortran_order': 0}"), "m.npy: header cannot be read at character '18'" + wrong);
}

TEST(NpyFile, ReadsAFile) {
  test::TempDir dir;
  EXPECT_EQ(ReadNpyMatrix(dir.Write("m.npy", File<float>(kFloat, {1, 2, 3, 4, 5, 6}))).values.back(), 6.0F);
  EXPECT_THROW(ReadNpyMatrix(dir / "none.npy"), Error);
}

}  // namespace
}  // namespace recforce::base
