#include "fetch/os/leftovers.h"

#include <gtest/gtest.h>

#include <fstream>

namespace moat {
namespace {

class Leftovers : public ::testing::Test {
 protected:
  fs::path make(const std::string& name) const {
    fs::create_directories(folder.path() / name / "env");
    return folder.path() / name;
  }
  TempDir folder{fs::temp_directory_path(), "leftovers"};
};

TEST_F(Leftovers, WhatNobodyHoldsGoes) {
  const fs::path of_create = make(".lab.new-0123456789abcdef"), of_remove = make(".lab.removed-4711"),
                 of_download = make(".moat-download-0123456789abcdef");
  sweep_leftovers(folder.path());
  for (const fs::path& path : {of_create, of_remove, of_download}) EXPECT_FALSE(fs::exists(path)) << path;
}

TEST_F(Leftovers, WhatALivingOwnerHoldsStays) {
  const fs::path held = make(".lab.new-0123456789abcdef");
  {
    const FolderHold hold(held);
    sweep_leftovers(folder.path());
    EXPECT_TRUE(fs::exists(held));
    // The hold goes with the folder where it is renamed.
    fs::rename(held, folder.path() / ".lab.removed-1");
    sweep_leftovers(folder.path());
    EXPECT_TRUE(fs::exists(folder.path() / ".lab.removed-1"));
  }
  sweep_leftovers(folder.path());
  EXPECT_FALSE(fs::exists(folder.path() / ".lab.removed-1"));
}

TEST_F(Leftovers, OtherNamesStay) {
  for (const char* name :
       {".lab.new-", ".lab.new-today", "lab.new-0123", ".lab.removed-x", ".moat-download-", ".git"}) {
    const fs::path path = make(name);
    sweep_leftovers(folder.path());
    EXPECT_TRUE(fs::exists(path)) << name;
  }
}

TEST_F(Leftovers, AnEmptyFolderMayBeOnItsWayIn) {
  const fs::path young = folder.path() / ".lab.new-0123456789abcdef";
  fs::create_directory(young);
  sweep_leftovers(folder.path());
  EXPECT_TRUE(fs::exists(young));
}

TEST_F(Leftovers, StagingSweepsWhatOthersLeftAndHoldsItsOwn) {
  const fs::path of_bundle = make(".moat-bundle.new-0123456789abcdef");
  fs::path mine;
  {
    const StagingFolder staging(folder.path(), ".moat-bundle");
    mine = staging.path();
    EXPECT_FALSE(fs::exists(of_bundle));
    fs::create_directory(mine / "part");
    sweep_leftovers(folder.path());
    EXPECT_TRUE(fs::exists(mine / "part"));
  }
  EXPECT_FALSE(fs::exists(mine));
}

}  // namespace
}  // namespace moat
