// SPDX-License-Identifier: Apache-2.0
// Bundles there and back, under every single-bit change, every truncation and a crash at every file operation.
#include "recforce/model/bundle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "support/temp_dir.h"

namespace recforce::model {
namespace {

namespace fs = std::filesystem;

Bundle MakeBundle(float weight = 0.5F, bool with_histories = true) {
  Bundle bundle;
  Manifest& manifest = bundle.manifest;
  manifest.algorithm = "ease";
  manifest.recforce_version = "0.1.0";
  manifest.num_items = 3;
  manifest.dataset_fingerprint = "d41d";
  manifest.split_fingerprint = "8cd9";
  manifest.config = {{"regularization", "250"}, {"a \"quoted\" key", "line\nbreak"}};
  manifest.preprocessing = {{"source", "log.csv"}, {"min_rating", "4"}};
  manifest.validation = {{"ndcg@100", 0.1 + 0.2}, {"epoch", 7.0}};
  bundle.weights.AddOwned<float>("weights", {weight, -1.25F, 3.0F, 0.0F, 1.0F, 2.0F}, {2, 3});
  bundle.weights.SetMeta("kind", "dense");
  bundle.catalogue.AddOwned<std::int64_t>("item_ids.offsets", {0, 1, 2, 3});
  bundle.catalogue.AddOwned<std::uint8_t>("item_ids.bytes", {'a', 'b', 'c'});
  if (with_histories) {
    bundle.histories.AddOwned<std::int64_t>("offsets", {0, 2});
    bundle.histories.AddOwned<std::int32_t>("items", {2, 0});
  }
  return bundle;
}

void ExpectSameTensors(const base::TensorSet& found, const base::TensorSet& expected) {
  ASSERT_EQ(found.tensors().size(), expected.tensors().size());
  for (const auto& [name, view] : expected.tensors()) {
    const base::TensorView& other = found.Get(name);
    EXPECT_EQ(other.dtype, view.dtype) << name;
    EXPECT_EQ(other.shape, view.shape) << name;
    EXPECT_TRUE(std::equal(view.data, view.data + view.NumBytes(), other.data)) << name;
  }
}

void ExpectSame(const Bundle& found, const Bundle& expected) {
  const Manifest& a = found.manifest;
  const Manifest& b = expected.manifest;
  EXPECT_EQ(a.algorithm, b.algorithm);
  EXPECT_EQ(a.recforce_version, b.recforce_version);
  EXPECT_EQ(a.num_items, b.num_items);
  EXPECT_EQ(a.dataset_fingerprint, b.dataset_fingerprint);
  EXPECT_EQ(a.split_fingerprint, b.split_fingerprint);
  EXPECT_EQ(a.config, b.config);
  EXPECT_EQ(a.preprocessing, b.preprocessing);
  EXPECT_EQ(a.validation, b.validation);
  ExpectSameTensors(found.weights, expected.weights);
  ExpectSameTensors(found.catalogue, expected.catalogue);
  ExpectSameTensors(found.histories, expected.histories);
}

void Write(const fs::path& directory, const Bundle& bundle) { WriteBundle(base::RealFileSystem(), directory, bundle); }

// The message of the Error(kind) that reading throws, or "read".
std::string MessageOf(const fs::path& directory, base::ErrorKind kind = base::ErrorKind::kData) {
  try {
    (void)ReadBundle(directory);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  return "read";
}

std::vector<std::string> Listing(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void Overwrite(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

void Replace(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = base::ReadTextFile(file);
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos);
  Overwrite(file, text.replace(at, from.size(), to));
}

// The disk, until `operations` have been done; the next one fails, and all after it when `for_good`.
class FailingFileSystem : public base::FileSystem {
 public:
  FailingFileSystem(int operations, bool for_good) : left_(operations), for_good_(for_good) {}
  [[nodiscard]] bool failed() const { return failed_; }

  std::unique_ptr<base::WritableFile> Create(const fs::path& path) override {
    Count();
    return std::make_unique<File>(this, base::RealFileSystem().Create(path));
  }
  std::unique_ptr<base::WritableFile> OpenAppend(const fs::path& path) override {
    Count();
    return std::make_unique<File>(this, base::RealFileSystem().OpenAppend(path));
  }
  void Rename(const fs::path& from, const fs::path& to) override {
    Count();
    base::RealFileSystem().Rename(from, to);
  }
  void Remove(const fs::path& path) override {
    Count();
    base::RealFileSystem().Remove(path);
  }
  void MakeDirectories(const fs::path& path) override {
    Count();
    base::RealFileSystem().MakeDirectories(path);
  }

 private:
  class File : public base::WritableFile {
   public:
    File(FailingFileSystem* owner, std::unique_ptr<base::WritableFile> real) : owner_(owner), real_(std::move(real)) {}
    void Append(std::span<const std::byte> bytes) override {
      owner_->Count();
      real_->Append(bytes);
    }
    void Sync() override {
      owner_->Count();
      real_->Sync();
    }
    void Close() override {
      owner_->Count();
      real_->Close();
    }

   private:
    FailingFileSystem* owner_;
    std::unique_ptr<base::WritableFile> real_;
  };

  void Count() {
    if (left_-- == 0 || (failed_ && for_good_)) {
      failed_ = true;
      throw base::Error(base::ErrorKind::kIo, "disk full");
    }
  }
  int left_;
  bool for_good_;
  bool failed_ = false;
};

TEST(Bundle, ThereAndBack) {
  const test::TempDir dir;
  for (const bool with_histories : {true, false}) {
    Write(dir / "run/model", MakeBundle(0.5F, with_histories));
    const Bundle found = ReadBundle(dir / "run/model");
    ExpectSame(found, MakeBundle(0.5F, with_histories));
    EXPECT_EQ(found.weights.Meta("kind"), "dense");
    EXPECT_EQ(Listing(dir / "run"), (std::vector<std::string>{"model"}));
    EXPECT_EQ(fs::exists(dir / "run/model/histories.safetensors"), with_histories);
  }
}

TEST(Bundle, EqualBundlesAreEqualBytes) {
  const test::TempDir dir;
  Write(dir / "a", MakeBundle());
  Write(dir / "b", ReadBundle(dir / "a"));
  for (const std::string& name : Listing(dir / "a")) {
    EXPECT_EQ(base::ReadTextFile(dir / "a" / name), base::ReadTextFile(dir / "b" / name)) << name;
  }
  EXPECT_EQ(Listing(dir / "b").size(), 4);
}

TEST(Bundle, ATrailingSlashIsTheSameFolder) {
  const test::TempDir dir;
  Write(dir.path().string() + "/model/", MakeBundle());
  Write(dir.path().string() + "/model/", MakeBundle(2.0F));
  ExpectSame(ReadBundle(dir.path().string() + "/model/"), MakeBundle(2.0F));
  EXPECT_EQ(Listing(dir.path()), (std::vector<std::string>{"model"}));
}

TEST(Bundle, TextThatIsNotUtf8KeepsItsReadablePart) {
  const test::TempDir dir;
  Bundle bundle = MakeBundle();
  bundle.manifest.preprocessing = {{"source", "caf\xE9.csv"}};
  Write(dir / "model", bundle);
  EXPECT_EQ(ReadBundle(dir / "model").manifest.preprocessing[0].second, "caf\xEF\xBF\xBD.csv");
}

TEST(Bundle, ReplacesAnOlderBundleOrAnEmptyFolderButNothingElse) {
  const test::TempDir dir;
  fs::create_directory(dir / "model");
  Write(dir / "model", MakeBundle());
  Write(dir / "model", MakeBundle(9.0F, false));
  ExpectSame(ReadBundle(dir / "model"), MakeBundle(9.0F, false));
  (void)dir.Write("home/letter.txt", "dear");
  try {
    Write(dir / "home", MakeBundle());
    FAIL() << "a folder with other files was replaced";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    EXPECT_EQ(error.what(), (dir / "home").string() +
                                ": holds something else than a model bundle, which would be lost; expected a bundle, "
                                "an empty folder or nothing");
  }
  EXPECT_TRUE(fs::exists(dir / "home/letter.txt"));
}

TEST(Bundle, SaysWhenThereIsNone) {
  const test::TempDir dir;
  for (const char* name : {"nowhere", "empty"}) {
    fs::create_directory(dir / "empty");
    EXPECT_EQ(MessageOf(dir / name, base::ErrorKind::kNotFound),
              (dir / name).string() + ": no model bundle there: manifest.json is missing");
  }
}

TEST(Bundle, RefusesANewerVersion) {
  const test::TempDir dir;
  Write(dir / "model", MakeBundle());
  Replace(dir / "model/manifest.json", "\"version\": 1", "\"version\": 2");
  EXPECT_EQ(MessageOf(dir / "model"), (dir / "model/manifest.json").string() +
                                          ": unknown bundle version: 2; this recforce reads version 1. a newer "
                                          "recforce wrote the bundle: install that one");
}

TEST(Bundle, RefusesAManifestThatWasEdited) {
  const test::TempDir dir;
  Write(dir / "model", MakeBundle());
  Replace(dir / "model/manifest.json", "\"num_items\": 3", "\"num_items\": 4");
  EXPECT_EQ(MessageOf(dir / "model").find((dir / "model/manifest.json").string() + ": wrong checksum: '"), 0);
}

TEST(Bundle, RefusesManifestsThatAreNone) {
  const test::TempDir dir;
  Write(dir / "model", MakeBundle());
  const fs::path file = dir / "model/manifest.json";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not a JSON object; the file is truncated or corrupt"},
      {"[1]", "not a JSON object; the file is truncated or corrupt"},
      {"{}", "'format' is missing"},
      {R"({"format": 1})", "'format' has the wrong type: number; expected a string"},
      {R"({"format": "zip"})", "not a model bundle: 'zip'; expected 'recforce-bundle'"},
      {R"({"format": "recforce-bundle", "version": -1})",
       "'version' has the wrong type: number; expected a whole number that is not negative"},
      {R"({"format": "recforce-bundle", "version": 0})", "unknown bundle version: 0; this recforce reads version 1"},
      {R"({"format": "recforce-bundle", "version": 1})", "'checksum' is missing"}};
  for (const auto& [text, message] : cases) {
    Overwrite(file, text);
    EXPECT_EQ(MessageOf(dir / "model"), file.string() + ": " + message);
  }
}

TEST(Bundle, RefusesFilesOfAnotherBundle) {
  const test::TempDir dir;
  Write(dir / "a", MakeBundle(1.0F));
  Write(dir / "b", MakeBundle(2.0F));
  fs::copy_file(dir / "b/model.safetensors", dir / "a/model.safetensors", fs::copy_options::overwrite_existing);
  const std::string message = MessageOf(dir / "a");
  EXPECT_EQ(message.find((dir / "a/model.safetensors").string() + ": wrong contents: '"), 0) << message;
  EXPECT_NE(message.find("the file is corrupt, or of another bundle"), std::string::npos) << message;

  Write(dir / "c", MakeBundle(1.0F, false));
  fs::copy_file(dir / "b/histories.safetensors", dir / "c/histories.safetensors");
  EXPECT_EQ(MessageOf(dir / "c"), (dir / "c/histories.safetensors").string() +
                                      ": not listed in manifest.json; the files are of different bundles");
}

TEST(Bundle, SaysWhichFileIsMissing) {
  const test::TempDir dir;
  for (const char* name : {"model.safetensors", "catalogue.safetensors", "histories.safetensors"}) {
    Write(dir / "model", MakeBundle());
    fs::remove(dir / "model" / name);
    EXPECT_EQ(MessageOf(dir / "model"),
              (dir / "model" / name).string() + ": the file is missing, and manifest.json lists it");
  }
}

// A changed file is refused by its name, or says the same as before (another spelling of the same number).
void ExpectRefusedOrSame(const fs::path& directory, const std::string& name, const std::string& what) {
  try {
    const Bundle found = ReadBundle(directory);
    ExpectSame(found, MakeBundle());
  } catch (const base::Error& error) {
    ASSERT_EQ(error.kind(), base::ErrorKind::kData) << what << ": " << error.what();
    ASSERT_NE(std::string(error.what()).find(name), std::string::npos) << what << ": " << error.what();
  }
}

TEST(Bundle, EveryFlippedBitAndEveryTruncationIsNoticed) {
  const test::TempDir dir;
  Write(dir / "model", MakeBundle());
  for (const std::string& name : Listing(dir / "model")) {
    const fs::path file = dir / "model" / name;
    const std::string whole = base::ReadTextFile(file);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
      Overwrite(file, changed);
      ASSERT_NO_FATAL_FAILURE(ExpectRefusedOrSame(dir / "model", name, name + " byte " + std::to_string(at)));
      Overwrite(file, whole.substr(0, at));
      ASSERT_NO_FATAL_FAILURE(ExpectRefusedOrSame(dir / "model", name, name + " cut at " + std::to_string(at)));
    }
    Overwrite(file, whole);
  }
  ExpectSame(ReadBundle(dir / "model"), MakeBundle());
}

// After a crash at any operation the older or the newer bundle is read, whole; the next write puts all in order.
TEST(Bundle, ACrashAtAnyOperationLeavesOneOfTheTwo) {
  const Bundle older = MakeBundle(1.0F);
  const Bundle newer = MakeBundle(2.0F);
  bool crashed = true;
  int with_old = 0;
  int with_new = 0;
  for (int operations = 0; crashed; ++operations) {
    const test::TempDir dir;
    Write(dir / "model", older);
    FailingFileSystem files(operations, true);
    try {
      WriteBundle(files, dir / "model", newer);
    } catch (const base::Error& error) {
      EXPECT_EQ(error.kind(), base::ErrorKind::kIo);
    }
    crashed = files.failed();
    const Bundle found = ReadBundle(dir / "model");
    const bool is_new = found.weights.Get("weights").As<float>()[0] == 2.0F;
    ExpectSame(found, is_new ? newer : older);
    (is_new ? with_new : with_old) += 1;
    Write(dir / "model", newer);
    ExpectSame(ReadBundle(dir / "model"), newer);
    EXPECT_EQ(Listing(dir.path()), (std::vector<std::string>{"model"})) << operations;
  }
  EXPECT_GT(with_old, 10);
  EXPECT_GT(with_new, 1);
}

TEST(Bundle, AFailedWriteIsTakenBack) {
  bool failed = true;
  for (int operations = 0; failed; ++operations) {
    const test::TempDir dir;
    Write(dir / "model", MakeBundle(1.0F));
    FailingFileSystem files(operations, false);
    bool thrown = false;
    try {
      WriteBundle(files, dir / "model", MakeBundle(2.0F));
    } catch (const base::Error& error) {
      thrown = true;
      EXPECT_STREQ(error.what(), "disk full");
    }
    failed = files.failed();
    ExpectSame(ReadBundle(dir / "model"), MakeBundle(thrown ? 1.0F : 2.0F));
    if (thrown) {
      EXPECT_EQ(Listing(dir.path()), (std::vector<std::string>{"model"})) << operations;
    }
  }
}

}  // namespace
}  // namespace recforce::model
