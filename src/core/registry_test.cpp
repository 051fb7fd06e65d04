// SPDX-License-Identifier: Apache-2.0
// The list of algorithms: order, look-up, and what is said of names that are not in it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/core/algorithm.h"

namespace recforce::core {
namespace {

Registry MakeRegistry() {
  Registry registry;
  for (const char* name : {"popularity", "ease", "multi_vae"}) {
    AlgorithmSpec spec;
    spec.name = name;
    spec.summary = std::string("summary of ") + name;
    registry.Add(spec);
  }
  return registry;
}

std::string MessageOf(const Registry& registry, const std::string& name) {
  try {
    (void)registry.Get(name);
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kUsage);
    return error.what();
  }
  return "found";
}

TEST(Registry, KeepsTheOrderOfAdding) {
  EXPECT_EQ(MakeRegistry().Names(), (std::vector<std::string>{"popularity", "ease", "multi_vae"}));
}

TEST(Registry, FindsByName) {
  const Registry registry = MakeRegistry();
  EXPECT_EQ(registry.Get("ease").summary, "summary of ease");
  EXPECT_EQ(registry.Get("multi_vae").summary, "summary of multi_vae");
}

TEST(Registry, OffersTheNearestName) {
  EXPECT_EQ(MessageOf(MakeRegistry(), "multivae"),
            "model: unknown name: 'multivae'; did you mean 'multi_vae'? known models: popularity, ease, multi_vae");
}

TEST(Registry, ListsTheNamesWhenNoneIsNear) {
  EXPECT_EQ(MessageOf(MakeRegistry(), "xxxxxxxxxxx"),
            "model: unknown name: 'xxxxxxxxxxx'; known models: popularity, ease, multi_vae");
}

TEST(Registry, RefusesANameThatIsTaken) {
  Registry registry = MakeRegistry();
  AlgorithmSpec again;
  again.name = "ease";
  try {
    registry.Add(again);
    FAIL() << "the name was taken twice";
  } catch (const base::Error& error) {
    EXPECT_EQ(error.kind(), base::ErrorKind::kInternal);
  }
  EXPECT_EQ(registry.all().size(), 3);
}

}  // namespace
}  // namespace recforce::core
