#include "fetch/download/save_files.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "tests/support/loopback_server.h"
#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::LoopbackServer;
using ::testing::UnorderedElementsAre;
using testing::write_bytes;

class SaveFilesTest : public ::testing::Test {
 protected:
  TempDir folder_{fs::temp_directory_path(), "save-files"};
  fs::path into_ = folder_.path() / "into";
  LoopbackServer server_;
  Workers workers_{2};
  Reporter silent_;
  HttpClient http_{{.retry = {.attempts = 1}}};

  void SetUp() override { fs::create_directory(into_); }

  FileOrder served(const std::string& name, const std::string& bytes) {
    server_.serve("/" + name, {.body = bytes});
    FileOrder order;
    order.artifact.filename = name;
    order.artifact.url = server_.url("/" + name);
    order.artifact.digests = {hash_bytes(bytes)};
    return order;
  }
  FileOrder local(const std::string& name, const std::string& bytes) {
    write_bytes(folder_.path() / name, bytes);
    FileOrder order;
    order.artifact.filename = name;
    order.artifact.url = Url::from_path((folder_.path() / name).native());
    return order;
  }
  std::vector<Saved> save(const std::vector<FileOrder>& orders) {
    return save_files(orders, into_, http_, workers_, silent_, {});
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const fs::directory_entry& entry : fs::directory_iterator(into_))
      out.push_back(entry.path().filename().native());
    return out;
  }
};

TEST_F(SaveFilesTest, BringsServedAndLocalFilesAsTheyAre) {
  EXPECT_THAT(save({served("a.whl", "of the index"), local("b.tar.gz", "of the disk")}),
              ElementsAre(Saved::Now, Saved::Now));
  EXPECT_THAT(names(), UnorderedElementsAre("a.whl", "b.tar.gz"));
  EXPECT_EQ(read_file(into_ / "a.whl"), "of the index");
  EXPECT_EQ(read_file(into_ / "b.tar.gz"), "of the disk");
}

TEST_F(SaveFilesTest, WhatIsThereWithTheRightHashIsLeftAndAnythingElseReplaced) {
  write_bytes(into_ / "a.whl", "right");
  write_bytes(into_ / "b.whl", "damaged");
  EXPECT_THAT(save({served("a.whl", "right"), served("b.whl", "whole")}),
              ElementsAre(Saved::Before, Saved::Now));
  EXPECT_THAT(server_.requests("/a.whl"), IsEmpty());
  EXPECT_EQ(read_file(into_ / "b.whl"), "whole");
}

TEST_F(SaveFilesTest, AWrongOneLetsNoneIn) {
  write_bytes(into_ / "a.whl", "before");
  FileOrder wrong = served("b.whl", "not what was promised");
  wrong.accepted = {hash_bytes("what the user allows")};
  try {
    save({served("a.whl", "after"), wrong});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::HashMismatch);
  }
  EXPECT_THAT(names(), ElementsAre("a.whl"));
  EXPECT_EQ(read_file(into_ / "a.whl"), "before");
}

}  // namespace
}  // namespace moat
