#include "fetch/index/remote_metadata.h"

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "tests/support/loopback_index.h"
#include "tests/support/wheel_builder.h"

#include <gtest/gtest.h>

#include <future>
#include <random>

namespace moat {
namespace {

using testing::LoopbackIndex;
using testing::LoopbackReply;
using testing::LoopbackRequest;
using testing::WheelBuilder;
using testing::ZipMember;

std::string noise(std::size_t size) {
  std::mt19937 random(7);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

// A wheel of `files` files of `size` bytes that nothing compresses.
WheelBuilder wheel_of(std::size_t files, std::size_t size) {
  WheelBuilder wheel("foo", "1.0");
  wheel.requires_dist("bar>=2");
  const std::string contents = noise(size);
  for (std::size_t i = 0; i < files; ++i)
    wheel.file("foo/a_rather_long_name_of_a_module_" + std::to_string(i) + ".bin", contents);
  return wheel;
}

class RemoteMetadataTest : public ::testing::Test {
 protected:
  RemoteMetadataTest()
      : folder_(std::filesystem::temp_directory_path(), "remote_metadata"),
        store_(folder_.path() / "store") {}

  struct Parts {
    Parts(RemoteMetadataTest& test, bool offline)
        : background(Background::make(test.workers_)),
          metadata(test.http_, test.store_, test.workers_, test.reporter_, background, offline, {}) {}
    ~Parts() { background->close(); }
    Parts(const Parts&) = delete;
    Parts& operator=(const Parts&) = delete;
    std::shared_ptr<Background> background;
    RemoteMetadata metadata;
  };

  MetadataAnswer ask(Parts& parts, const Artifact& artifact) {
    std::promise<MetadataAnswer> promise;
    parts.metadata.fetch(artifact, WheelFilename::parse(artifact.filename).value(),
                         [&](MetadataAnswer answer) { promise.set_value(std::move(answer)); });
    return promise.get_future().get();
  }
  MetadataAnswer ask(const Artifact& artifact, bool offline = false) {
    Parts parts(*this, offline);
    return ask(parts, artifact);
  }

  static Artifact artifact(const LoopbackIndex& index, const WheelBuilder& wheel) {
    const std::string bytes = wheel.build();
    Artifact out{.filename = wheel.filename(), .url = Url::parse(index.file_url(wheel.filename())).value()};
    out.digests = {hash_bytes(bytes)};
    out.size = bytes.size();
    return out;
  }
  static Artifact with_sidecar(Artifact artifact, const WheelBuilder& wheel) {
    artifact.has_metadata_file = true;
    artifact.metadata_digest = hash_bytes(wheel.metadata_text());
    return artifact;
  }

  static bool is_right(const MetadataAnswer& answer) {
    const auto* text = std::get_if<std::string>(&answer);
    return text != nullptr && text->find("Requires-Dist: bar>=2\n") != std::string::npos;
  }

  TempDir folder_;
  Store store_;
  Workers workers_{2};
  Reporter reporter_;
  HttpClient http_{HttpOptions{}};
};

TEST_F(RemoteMetadataTest, TheSidecarIsAllThatIsAskedFor) {
  LoopbackIndex index;
  const WheelBuilder wheel = wheel_of(1, 100);
  index.add(wheel);
  EXPECT_TRUE(is_right(ask(with_sidecar(artifact(index, wheel), wheel))));
  EXPECT_EQ(index.metadata_requests(), 1U);
  EXPECT_EQ(index.requests(), 1U);
}

TEST_F(RemoteMetadataTest, ASidecarThatIsNotWhatWasPromisedIsFatalForItsWheel) {
  LoopbackIndex index;
  const WheelBuilder wheel = wheel_of(1, 100);
  index.add(wheel, {.metadata = "Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n\n"});
  const MetadataAnswer answer = ask(with_sidecar(artifact(index, wheel), wheel));
  ASSERT_TRUE(std::holds_alternative<Error>(answer));
  EXPECT_EQ(std::get<Error>(answer).kind(), ErrorKind::HashMismatch);
}

TEST_F(RemoteMetadataTest, APromisedSidecarThatIsNotThereIsReadFromTheWheel) {
  LoopbackIndex index;
  const WheelBuilder wheel = wheel_of(1, 100);
  index.add(wheel, {.sidecar_missing = true});
  EXPECT_TRUE(is_right(ask(with_sidecar(artifact(index, wheel), wheel))));
  EXPECT_EQ(index.requests(), 2U);
}

TEST_F(RemoteMetadataTest, APageInPlaceOfThePromisedSidecarIsNoSidecar) {
  LoopbackIndex index;
  const WheelBuilder wheel = wheel_of(1, 100);
  index.add(wheel, {.metadata = "<html><title>Log in</title></html>"});
  EXPECT_TRUE(is_right(ask(with_sidecar(artifact(index, wheel), wheel))));
}

TEST_F(RemoteMetadataTest, TheTailOfABigWheelIsEnough) {
  LoopbackIndex index({.sidecars = false});
  const WheelBuilder wheel = wheel_of(100, 80'000);
  index.add(wheel);
  EXPECT_TRUE(is_right(ask(artifact(index, wheel))));
  EXPECT_EQ(index.requests(), 1U);
  EXPECT_LT(http_.bytes_received(), 70'000U);
}

TEST_F(RemoteMetadataTest, ALongDirectoryTakesASecondRequest) {
  LoopbackIndex index({.sidecars = false});
  const WheelBuilder wheel = wheel_of(1000, 5'000);
  index.add(wheel);
  EXPECT_TRUE(is_right(ask(artifact(index, wheel))));
  EXPECT_EQ(index.requests(), 2U);
  // The directory (100 kB) must be read, and RECORD lies behind METADATA; of the 5 MB before next to nothing.
  EXPECT_LT(http_.bytes_received(), 220'000U);
}

TEST_F(RemoteMetadataTest, MetadataAtTheBeginningTakesAtMostThreeRequestsAndFewBytes) {
  LoopbackIndex index({.sidecars = false});
  WheelBuilder late("foo", "1.0");
  late.requires_dist("bar>=2");
  std::vector<ZipMember> members{{.name = "foo-1.0.dist-info/METADATA", .contents = late.metadata_text()}};
  for (int i = 0; i < 500; ++i)
    members.push_back(
        {.name = "foo/module_with_a_name_" + std::to_string(i) + ".py", .contents = noise(10'000)});
  const std::string bytes = testing::build_zip(members);
  index.add_file("foo", late.filename(), bytes);
  Artifact file = artifact(index, late);
  file.size = bytes.size();
  EXPECT_TRUE(is_right(ask(file)));
  EXPECT_LE(index.requests(), 3U);
  EXPECT_LT(http_.bytes_received(), 100'000U);
}

TEST_F(RemoteMetadataTest, WithoutASizeTheEndIsAskedFor) {
  LoopbackIndex index({.sidecars = false});
  const WheelBuilder wheel = wheel_of(50, 80'000);
  index.add(wheel);
  Artifact file = artifact(index, wheel);
  file.size.reset();
  EXPECT_TRUE(is_right(ask(file)));
  EXPECT_EQ(index.requests(), 1U);
  EXPECT_LT(http_.bytes_received(), 70'000U);
}

TEST_F(RemoteMetadataTest, AServerWithoutRangesIsAskedForThemOnce) {
  LoopbackIndex index({.sidecars = false, .ranges = false});
  const WheelBuilder first = wheel_of(10, 80'000);
  WheelBuilder second("baz", "1.0");
  second.requires_dist("bar>=2").file("baz.bin", noise(500'000)).stored();
  index.add(first);
  index.add(second);
  Parts parts(*this, false);
  EXPECT_TRUE(is_right(ask(parts, artifact(index, first))));
  EXPECT_TRUE(store_.find_wheel(artifact(index, first).digests[0]));
  const std::size_t before = index.requests();
  EXPECT_TRUE(is_right(ask(parts, artifact(index, second))));
  EXPECT_EQ(index.requests(), before + 1);
  EXPECT_TRUE(index.server().requests().back().header("range").empty());
}

TEST_F(RemoteMetadataTest, AnAnswerToAnotherRangeIsNotBelieved) {
  LoopbackIndex index({.sidecars = false});
  const WheelBuilder wheel = wheel_of(10, 80'000);
  index.add(wheel);
  const std::string bytes = wheel.build();
  index.server().route("/files/" + wheel.filename(), [bytes](const LoopbackRequest& request) {
    if (request.header("range").empty()) return LoopbackReply{.body = bytes};
    return LoopbackReply{.status = 206,
                         .headers = {{"Content-Range", "bytes 0-99/" + std::to_string(bytes.size())}},
                         .body = bytes.substr(0, 100)};
  });
  EXPECT_TRUE(is_right(ask(artifact(index, wheel))));
}

TEST_F(RemoteMetadataTest, RangesThatAreRefusedMeanTheWholeWheel) {
  for (const int status : {416, 501, 400}) {
    LoopbackIndex index({.sidecars = false});
    WheelBuilder wheel = wheel_of(10, 80'000);
    wheel.file("foo/status", std::to_string(status));
    index.add(wheel);
    const std::string bytes = wheel.build();
    index.server().route("/files/" + wheel.filename(), [bytes, status](const LoopbackRequest& request) {
      return request.header("range").empty() ? LoopbackReply{.body = bytes} : LoopbackReply{.status = status};
    });
    EXPECT_TRUE(is_right(ask(artifact(index, wheel)))) << status;
    EXPECT_EQ(index.requests(), 2U) << status;
  }
}

TEST_F(RemoteMetadataTest, WhatWasLearnedIsKnownOffline) {
  LoopbackIndex index;
  const WheelBuilder wheel = wheel_of(1, 100);
  index.add(wheel);
  const Artifact file = with_sidecar(artifact(index, wheel), wheel);
  const MetadataAnswer unknown = ask(file, true);
  ASSERT_TRUE(std::holds_alternative<Error>(unknown));
  EXPECT_EQ(std::get<Error>(unknown).kind(), ErrorKind::Offline);
  EXPECT_TRUE(is_right(ask(file)));
  EXPECT_TRUE(is_right(ask(file, true)));
  EXPECT_EQ(index.requests(), 1U);
}

TEST_F(RemoteMetadataTest, AWheelInTheStoreIsAskedFirst) {
  LoopbackIndex index;
  const WheelBuilder wheel = wheel_of(1, 100);
  const fs::path file = wheel.write(folder_.path());
  const Artifact listed = with_sidecar(artifact(index, wheel), wheel);
  store_.add_wheel(file, WheelFilename::parse(wheel.filename()).value(), wheel.filename(), listed.digests[0],
                   workers_);
  EXPECT_TRUE(is_right(ask(listed, true)));
}

TEST_F(RemoteMetadataTest, ALocalWheelIsReadInPlace) {
  const WheelBuilder wheel = wheel_of(1, 100);
  const fs::path file = wheel.write(folder_.path());
  EXPECT_TRUE(is_right(ask({.filename = wheel.filename(), .url = Url::from_path(file.string())})));
  const MetadataAnswer missing =
      ask({.filename = wheel.filename(),
           .url = Url::from_path((folder_.path() / "no" / wheel.filename()).string())});
  EXPECT_TRUE(std::holds_alternative<Error>(missing));
}

TEST_F(RemoteMetadataTest, AWheelThatIsNoneIsOutWithItsReason) {
  LoopbackIndex index({.sidecars = false});
  const auto reason = [&](const std::string& bytes) {
    const std::string filename = "foo-1.0-py3-none-any.whl";
    index.add_file("foo", filename, bytes);
    Artifact file{.filename = filename, .url = Url::parse(index.file_url(filename)).value()};
    file.digests = {hash_bytes(bytes)};
    file.size = bytes.size();
    const MetadataAnswer answer = ask(file);
    const auto* unusable = std::get_if<UnusableWheel>(&answer);
    return unusable == nullptr ? "" : unusable->reason;
  };
  EXPECT_NE(reason(std::string(5000, 'x')), "");
  EXPECT_NE(reason(WheelBuilder("bar", "1.0").build()).find("another project"), std::string::npos);
  EXPECT_NE(reason(testing::build_zip({{.name = "foo.py", .contents = "x"}})).find("no .dist-info"),
            std::string::npos);
  EXPECT_NE(reason(testing::build_zip({{.name = "foo-1.0.dist-info/METADATA", .contents = "x"},
                                       {.name = "bar-1.0.dist-info/METADATA", .contents = "x"}}))
                .find("several"),
            std::string::npos);
}

TEST_F(RemoteMetadataTest, AFileThatIsGoneIsAFailureOfTheWorld) {
  LoopbackIndex index;
  const MetadataAnswer answer = ask({.filename = "foo-1.0-py3-none-any.whl",
                                     .url = Url::parse(index.file_url("foo-1.0-py3-none-any.whl")).value(),
                                     .size = 1000});
  ASSERT_TRUE(std::holds_alternative<Error>(answer));
  EXPECT_EQ(std::get<Error>(answer).kind(), ErrorKind::Network);
  EXPECT_NE(std::string(std::get<Error>(answer).what()).find("404"), std::string::npos);
}

TEST(MetadataHeader, EndsWithTheFirstEmptyLineOnly) {
  EXPECT_EQ(metadata_header("A: b\n \nC: d\n\nbody\n\n"), "A: b\n \nC: d\n\n");
  EXPECT_EQ(metadata_header("A: b\r\nC: d\r\n\r\nbody"), "A: b\r\nC: d\r\n\r\n");
  EXPECT_EQ(metadata_header("A: b\n"), "A: b\n");
}

}  // namespace
}  // namespace moat
