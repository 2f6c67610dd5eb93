#include "fetch/index/index_source.h"

#include "fetch/os/file.h"
#include "tests/support/loopback_index.h"
#include "tests/support/source_builder.h"
#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace moat {
namespace {

using testing::CommentBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LoopbackIndex;
using testing::LoopbackReply;
using testing::PageForm;
using testing::sdist_bytes;
using testing::WheelBuilder;

PackageName name(std::string_view text) { return PackageName::parse(text).value(); }

class Told : public Reporter {
 public:
  void warn(std::string_view message) override {
    const std::lock_guard lock(mutex_);
    warnings_.emplace_back(message);
  }
  std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> warnings_;
};

class IndexSourceTest : public ::testing::Test {
 protected:
  IndexSourceTest()
      : folder_(std::filesystem::temp_directory_path(), "index_source"), store_(folder_.path() / "store") {}

  // From here on the source is another one, over the same store.
  IndexSource& open(IndexSourceOptions options) {
    source_.reset();
    http_ = std::make_unique<HttpClient>(HttpOptions{
        .offline = options.offline, .retry = {.attempts = 2, .first_delay = std::chrono::milliseconds(1)}});
    source_ = std::make_unique<IndexSource>(std::move(options), *http_, store_, workers_, told_);
    return *source_;
  }
  IndexSource& open(const std::vector<const LoopbackIndex*>& indexes,
                    IndexStrategy strategy = IndexStrategy::FirstIndex) {
    IndexSourceOptions options;
    for (const LoopbackIndex* index : indexes) options.indexes.indexes.push_back(index_at(index->url()));
    options.indexes.strategy = strategy;
    return open(std::move(options));
  }
  static Index index_at(const std::string& url, std::string called = "") {
    return {std::move(called), Url::parse(url).value()};
  }

  const Project& project(std::string_view of) {
    source_->request_project(name(of));
    while (true) {
      if (const Project* found = source_->find_project(name(of))) return *found;
      source_->wait();
    }
  }
  const ReleaseMetadata& metadata(const Project& of, std::size_t release = 0, std::size_t file = 0) {
    const Release& wanted = *of.releases.at(release);
    source_->request_metadata(of.name, wanted, wanted.files().at(file));
    while (true) {
      if (const ReleaseMetadata* found = source_->find_metadata(of.name, wanted)) return *found;
      source_->wait();
    }
  }
  std::string failure_of(std::string_view of, ErrorKind kind) {
    try {
      project(of);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      return error.what();
    }
    ADD_FAILURE() << of << " was found";
    return "";
  }
  static std::vector<std::string> versions(const Project& of) {
    std::vector<std::string> out;
    for (const auto& release : of.releases) out.push_back(release->version.to_string());
    return out;
  }

  TempDir folder_;
  Store store_;
  Workers workers_{2};
  Told told_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<IndexSource> source_;
};

TEST_F(IndexSourceTest, ShowsAProjectAndWhatItsReleasesNeed) {
  for (const PageForm form : {PageForm::Json, PageForm::Html}) {
    LoopbackIndex index({.form = form});
    index.add(WheelBuilder("foo", "1.10").requires_dist("bar>=2; python_version >= '3'").provides_extra("x"));
    index.add(WheelBuilder("foo", "1.9").requires_python(">=3.8"));
    open({&index});
    const Project& foo = project("Foo");
    EXPECT_THAT(versions(foo), ElementsAre("1.9", "1.10"));
    EXPECT_EQ(foo.index, index.url());
    EXPECT_EQ(metadata(foo, 0).requires_python->to_string(), ">=3.8");
    const ReleaseMetadata& newest = metadata(foo, 1);
    ASSERT_EQ(newest.requires_dist.size(), 1U);
    EXPECT_EQ(newest.requires_dist[0].name, name("bar"));
    EXPECT_THAT(newest.provides_extra, ElementsAre(ExtraName::parse("x").value()));
    EXPECT_EQ(index.requests(), 3U);
  }
}

TEST_F(IndexSourceTest, AProjectThatNobodyKnowsIsOneWithoutReleases) {
  LoopbackIndex index;
  open({&index});
  const Project& nothing = project("nothing");
  EXPECT_THAT(nothing.releases, IsEmpty());
  EXPECT_EQ(nothing.index, "");
}

TEST_F(IndexSourceTest, TheFirstIndexThatHasTheProjectWins) {
  LoopbackIndex first, second;
  first.add(WheelBuilder("foo", "1.0"));
  second.add(WheelBuilder("foo", "2.0"));
  second.add(WheelBuilder("bar", "1.0"));
  open({&first, &second});
  EXPECT_THAT(versions(project("foo")), ElementsAre("1.0"));
  EXPECT_EQ(second.page_requests("foo"), 0U);
  EXPECT_EQ(project("bar").index, second.url());
}

TEST_F(IndexSourceTest, BestMatchMergesAllIndexes) {
  LoopbackIndex first, second;
  first.add(WheelBuilder("foo", "1.0"));
  second.add(WheelBuilder("foo", "2.0"));
  second.add(WheelBuilder("foo", "1.0").build_tag("7"));
  open({&first, &second}, IndexStrategy::BestMatch);
  const Project& foo = project("foo");
  EXPECT_THAT(versions(foo), ElementsAre("1.0", "2.0"));
  ASSERT_EQ(foo.releases[0]->files().size(), 2U);
  EXPECT_EQ(foo.releases[0]->files()[0].artifact.filename, "foo-1.0-py3-none-any.whl");
}

TEST_F(IndexSourceTest, APinnedProjectComesFromItsIndexOnly) {
  LoopbackIndex first, second;
  first.add(WheelBuilder("foo", "1.0"));
  second.add(WheelBuilder("foo", "2.0"));
  IndexSourceOptions options;
  options.indexes.indexes = {index_at(first.url()), index_at(second.url(), "inside")};
  options.indexes.pins = {{name("foo"), "inside"}, {name("bar"), "inside"}, {name("baz"), "nowhere"}};
  open(options);
  EXPECT_THAT(versions(project("foo")), ElementsAre("2.0"));
  EXPECT_THAT(project("bar").releases, IsEmpty());
  EXPECT_EQ(first.requests(), 0U);
  EXPECT_THAT(failure_of("baz", ErrorKind::BadInput), HasSubstr("nowhere"));
}

TEST_F(IndexSourceTest, AnIndexThatFailsIsNeverPassedOver) {
  LoopbackIndex first, second;
  second.add(WheelBuilder("foo", "1.0"));
  for (const int status : {401, 403, 500}) {
    first.answer("foo", {.status = status});
    open({&first, &second});
    const std::string message = failure_of("foo", ErrorKind::Network);
    EXPECT_THAT(message, HasSubstr(first.url()));
    EXPECT_THAT(message, HasSubstr("`foo`"));
    EXPECT_THAT(message, HasSubstr(std::to_string(status)));
  }
  EXPECT_EQ(second.requests(), 0U);
  first.answer("foo", {.status = 410});
  open({&first, &second});
  EXPECT_THAT(versions(project("foo")), ElementsAre("1.0"));
}

TEST_F(IndexSourceTest, WhatIsNoPageIsAFailureThatNamesIt) {
  LoopbackIndex index;
  index.answer("text", {.headers = {{"Content-Type", "text/plain"}}, .body = "hello"});
  index.answer("portal", {.headers = {{"Content-Type", "text/html"}}, .body = "<form>log in</form>"});
  index.answer("broken", {.headers = {{"Content-Type", "application/vnd.pypi.simple.v1+json"}},
                          .body = "{\"files\":["});
  index.answer("future", {.headers = {{"Content-Type", "application/vnd.pypi.simple.v1+json"}},
                          .body = R"({"meta":{"api-version":"2.0"},"files":[]})"});
  open({&index});
  EXPECT_THAT(failure_of("text", ErrorKind::Network), HasSubstr("text/plain"));
  EXPECT_THAT(failure_of("portal", ErrorKind::Network), HasSubstr("captive portal"));
  EXPECT_THAT(failure_of("broken", ErrorKind::Network), HasSubstr("JSON"));
  EXPECT_THAT(failure_of("future", ErrorKind::Network), HasSubstr("2.0"));
}

TEST_F(IndexSourceTest, AnIndexThatIsNotThereFailsTheProjectAndNotTheWait) {
  std::string dead;
  {
    LoopbackIndex gone;
    dead = gone.url();
  }
  IndexSourceOptions options;
  options.indexes.indexes = {index_at(dead)};
  IndexSource& source = open(options);
  source.request_project(name("foo"));
  EXPECT_EQ(source.find_project(name("foo")), nullptr);
  EXPECT_EQ(source.wait().name, name("foo"));
  EXPECT_THAT(failure_of("foo", ErrorKind::Network), HasSubstr(dead));
}

TEST_F(IndexSourceTest, RelativeUrlsAreRelativeToWhereTheRedirectLed) {
  LoopbackIndex index, mirror;
  mirror.add(WheelBuilder("foo", "1.0").requires_dist("bar"));
  index.server().redirect("/simple/foo/", mirror.url() + "foo/");
  open({&index});
  const Project& foo = project("foo");
  EXPECT_EQ(foo.releases.at(0)->files().at(0).artifact.url.to_string(),
            mirror.file_url("foo-1.0-py3-none-any.whl"));
  EXPECT_EQ(metadata(foo).requires_dist.size(), 1U);
}

TEST_F(IndexSourceTest, StatusAndNewerVersionsAreTold) {
  LoopbackIndex index;
  index.add(WheelBuilder("foo", "1.0"));
  index.set_status("foo", "archived", "use bar");
  index.answer("newer", {.headers = {{"Content-Type", "application/vnd.pypi.simple.v1+json"}},
                         .body = R"({"meta":{"api-version":"1.42"},"files":[]})"});
  open({&index});
  EXPECT_EQ(project("foo").status, "archived");
  EXPECT_EQ(project("foo").status_reason, "use bar");
  EXPECT_THAT(told_.warnings(), IsEmpty());
  project("newer");
  EXPECT_THAT(told_.warnings(), ElementsAre(HasSubstr("1.42")));
}

TEST_F(IndexSourceTest, OneBadReleaseIsOutWithItsReasonAndHarmsNoOther) {
  LoopbackIndex index;
  index.add(WheelBuilder("foo", "1.0").requires_dist("bar >= banana ?"));
  index.add(WheelBuilder("foo", "2.0").metadata_name("other"));
  index.add(WheelBuilder("foo", "3.0").metadata_version("3.1"));
  index.add(WheelBuilder("foo", "4.0").requires_dist("bar>=1"));
  index.add_file("foo", "foo-5.0.tar.gz", "not built here");
  open({&index});
  const Project& foo = project("foo");
  ASSERT_THAT(versions(foo), ElementsAre("1.0", "2.0", "3.0", "4.0", "5.0"));
  EXPECT_TRUE(metadata(foo, 0).unusable);
  EXPECT_THAT(metadata(foo, 1).unusable.value_or(""), HasSubstr("other"));
  EXPECT_THAT(metadata(foo, 2).unusable.value_or(""), HasSubstr("3.1"));
  EXPECT_FALSE(metadata(foo, 3).unusable);
  EXPECT_THAT(metadata(foo, 4).unusable.value_or(""), HasSubstr("source distribution"));
}

TEST_F(IndexSourceTest, AFailureOfMetadataIsThrownWhereItIsLookedFor) {
  LoopbackIndex index;
  index.add(WheelBuilder("foo", "1.0"), {.metadata_sha256 = std::string(64, 'b')});
  open({&index});
  const Project& foo = project("foo");
  EXPECT_THROW(metadata(foo), Error);
}

TEST_F(IndexSourceTest, FindLinksJoinWhicheverIndexWins) {
  LoopbackIndex index;
  index.add(WheelBuilder("foo", "1.0"));
  const fs::path links = folder_.path() / "links with space";
  make_directories(links / "deeper");
  WheelBuilder("foo", "2.0").requires_dist("bar").write(links);
  WheelBuilder("foo-extra", "9.0").write(links);
  WheelBuilder("foo", "3.0").write(links / "deeper");
  testing::write_bytes(links / "foo-1.5.tar.gz", "x");
  testing::write_bytes(links / "notes.txt", "x");
  IndexSourceOptions options;
  options.indexes.indexes = {index_at(index.url())};
  options.indexes.find_links = {links.string()};
  open(options);
  const Project& foo = project("foo");
  EXPECT_THAT(versions(foo), ElementsAre("1.0", "1.5", "2.0"));
  EXPECT_EQ(metadata(foo, 2).requires_dist.size(), 1U);
  EXPECT_THAT(versions(project("foo-extra")), ElementsAre("9.0"));
}

TEST_F(IndexSourceTest, WithoutAnIndexLinksAreAllThereIs) {
  const fs::path wheel = WheelBuilder("foo", "1.0").write(folder_.path());
  testing::write_bytes(folder_.path() / "page.html",
                       "<a href='" + wheel.filename().string() + "'>x</a><a href='foo-2.0.zip'>y</a>");
  LoopbackIndex remote;
  remote.add(WheelBuilder("foo", "3.0"));
  IndexSourceOptions options;
  options.indexes.find_links = {Url::from_path(wheel.string()).to_string(),
                                (folder_.path() / "page.html").string(), remote.url() + "foo/",
                                remote.file_url("foo-4.0-py3-none-any.whl")};
  open(options);
  EXPECT_THAT(versions(project("foo")), ElementsAre("1.0", "2.0", "3.0", "4.0"));
  EXPECT_EQ(project("foo").index, "");
  EXPECT_THAT(project("bar").releases, IsEmpty());

  options.indexes.find_links = {(folder_.path() / "absent").string()};
  open(options);
  EXPECT_THAT(failure_of("foo", ErrorKind::BadInput), HasSubstr("absent"));
}

TEST_F(IndexSourceTest, AnIndexMayBeAFolder) {
  const fs::path root = folder_.path() / "mirror #1";
  make_directories(root / "simple" / "foo");
  WheelBuilder("foo", "1.0").requires_dist("bar").write(root / "simple" / "foo");
  testing::write_bytes(root / "simple" / "foo" / "index.html", "<a href='foo-1.0-py3-none-any.whl'>x</a>");
  IndexSourceOptions options;
  options.indexes.indexes = {{"", Url::from_path((root / "simple").string())}};
  open(options);
  const Project& foo = project("foo");
  EXPECT_THAT(versions(foo), ElementsAre("1.0"));
  EXPECT_EQ(metadata(foo).requires_dist.size(), 1U);
  EXPECT_THAT(project("bar").releases, IsEmpty());
  options.indexes.indexes = {{"", Url::from_path("/nowhere/at/all")}};
  open(options);
  failure_of("foo", ErrorKind::BadInput);
}

TEST_F(IndexSourceTest, AUrlTakesTheProjectsPlace) {
  LoopbackIndex index;
  index.add(WheelBuilder("foo", "2.0"));
  index.add(WheelBuilder("foo", "1.0").requires_dist("bar"));
  IndexSource& source = open({&index});
  const std::string sha256(64, 'a');
  source.pin_to_url(name("foo"), index.file_url("foo-1.0-py3-none-any.whl"));
  const Project& foo = project("foo");
  EXPECT_THAT(versions(foo), ElementsAre("1.0"));
  EXPECT_EQ(metadata(foo).requires_dist.size(), 1U);
  EXPECT_EQ(index.page_requests(), 0U);
  const fs::path bar = WheelBuilder("bar", "1.0").write(folder_.path());
  source.pin_to_url(name("bar"), Url::from_path(bar.string()).to_string() + "#sha256=" + sha256);
  EXPECT_EQ(project("bar").releases.at(0)->files().at(0).artifact.digests.at(0).hex, sha256);
  source.pin_to_url(name("baz"), index.file_url("foo-1.0-py3-none-any.whl"));
  EXPECT_THAT(failure_of("baz", ErrorKind::BadInput), HasSubstr("foo"));
  source.pin_to_url(name("git"), "git+https://host.example/git.git");
  failure_of("git", ErrorKind::BadInput);
}

TEST_F(IndexSourceTest, APageThatIsStillFreshIsNotAskedForAgain) {
  LoopbackIndex index({.cache_control = "max-age=600"});
  index.add(WheelBuilder("foo", "1.0"));
  open({&index});
  project("foo");
  open({&index});
  EXPECT_THAT(versions(project("foo")), ElementsAre("1.0"));
  EXPECT_EQ(index.page_requests(), 1U);
  IndexSourceOptions options;
  options.indexes.indexes = {index_at(index.url())};
  options.refresh_packages = {name("foo")};
  open(options);
  project("foo");
  EXPECT_EQ(index.page_requests(), 2U);
}

TEST_F(IndexSourceTest, APageThatChangedIsSeenAtOnce) {
  LoopbackIndex index({.cache_control = "no-cache", .page_etags = true});
  index.add(WheelBuilder("foo", "1.0"));
  open({&index});
  EXPECT_THAT(versions(project("foo")), ElementsAre("1.0"));
  open({&index});
  EXPECT_THAT(versions(project("foo")), ElementsAre("1.0"));
  index.add(WheelBuilder("foo", "2.0"));
  open({&index});
  EXPECT_THAT(versions(project("foo")), ElementsAre("1.0", "2.0"));
  EXPECT_EQ(index.page_requests(), 3U);
}

TEST_F(IndexSourceTest, AnotherHashForAFileThatWasSeenIsTold) {
  LoopbackIndex index;
  const WheelBuilder one("foo", "1.0"), two("foo", "2.0");
  index.add(one);
  index.add(two);
  open({&index});
  project("foo");
  index.add(WheelBuilder("foo", "3.0"));  // more files are nothing special
  open({&index});
  project("foo");
  EXPECT_THAT(told_.warnings(), IsEmpty());
  LoopbackReply changed;
  changed.headers = {{"Content-Type", "application/vnd.pypi.simple.v1+json"}};
  changed.body = R"({"meta": {"api-version": "1.0"}, "name": "foo", "files": [
    {"filename": "foo-1.0-py3-none-any.whl", "url": "x/foo-1.0-py3-none-any.whl", "hashes": {"sha256": ")" +
                 std::string(64, 'a') + R"("}},
    {"filename": "foo-2.0-py3-none-any.whl", "url": "x/foo-2.0-py3-none-any.whl", "hashes": {}}]})";
  index.answer("foo", changed);
  open({&index});
  project("foo");
  EXPECT_THAT(told_.warnings(),
              ElementsAre(::testing::AllOf(HasSubstr("another hash for `foo-1.0-py3-none-any.whl`"),
                                           HasSubstr("sha256:" + std::string(64, 'a')))));
}

// 10,000 files, 50 MB.
TEST_F(IndexSourceTest, APageMayBeVeryLong) {
  LoopbackIndex index;
  std::string body = R"({"meta": {"api-version": "1.1"}, "name": "foo", "files": [)";
  const std::string reason(5'000, 'x');
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "foo-1." + std::to_string(i) + "-py3-none-any.whl";
    body += (i == 0 ? "" : ",");
    body += R"({"filename": ")" + name + R"(", "url": "files/)" + name + R"(", "hashes": {}, "yanked": ")" +
            reason + R"("})";
  }
  body += "]}";
  ASSERT_GT(body.size(), 50'000'000U);
  LoopbackReply reply;
  reply.headers = {{"Content-Type", "application/vnd.pypi.simple.v1+json"}};
  reply.body = std::move(body);
  index.answer("foo", std::move(reply));
  open({&index});
  const Project& foo = project("foo");
  EXPECT_EQ(foo.releases.size(), 10'000U);
  EXPECT_EQ(foo.releases.back()->version.to_string(), "1.9999");
  EXPECT_EQ(foo.releases.back()->files().front().artifact.yanked, reason);
}

TEST_F(IndexSourceTest, ATreeOnDiskMayHaveAnyName) {
  const std::filesystem::path root = folder_.path() / "an index+50%#1?";
  make_directories(root / "foo");
  WheelBuilder("foo", "1.0+local.1").write(root / "foo");
  write_file_atomically(root / "foo" / "index.html", "<a href='foo-1.0%2Blocal.1-py3-none-any.whl'>foo</a>");
  IndexSourceOptions options;
  options.indexes.indexes = {{"", Url::from_path(root.string())}};
  open(std::move(options));
  const Project& foo = project("foo");
  ASSERT_EQ(foo.releases.size(), 1U);
  EXPECT_EQ(foo.releases.front()->version.to_string(), "1.0+local.1");
  EXPECT_FALSE(metadata(foo).unusable);
}

TEST_F(IndexSourceTest, OfflineWhatWasSeenIsEnough) {
  IndexSourceOptions options;
  {
    LoopbackIndex first, second;
    second.add(WheelBuilder("foo", "1.0").requires_dist("bar"));
    options.indexes.indexes = {index_at(first.url()), index_at(second.url())};
    open(options);
    metadata(project("foo"));
  }
  options.offline = true;
  open(options);
  EXPECT_EQ(metadata(project("foo")).requires_dist.size(), 1U);
  failure_of("unseen", ErrorKind::Offline);
}

TEST_F(IndexSourceTest, DamagedDigestsAndCachesAreReadAgain) {
  LoopbackIndex index({.cache_control = "max-age=600"});
  index.add(WheelBuilder("foo", "1.0"));
  open({&index});
  project("foo");
  for (const auto& entry : fs::recursive_directory_iterator(store_.layout().index()))
    if (entry.is_regular_file()) testing::write_bytes(entry.path(), "rubbish");
  open({&index});
  EXPECT_THAT(versions(project("foo")), ElementsAre("1.0"));
}

// The rest of a file is read when somebody asks for it, which is too late to read the page again.
TEST_F(IndexSourceTest, ADigestThatIsDamagedInAFilesRestHealsByARefresh) {
  LoopbackIndex index({.cache_control = "no-cache", .page_etags = true});
  index.add(WheelBuilder("foo", "1.0"));
  open({&index});
  project("foo");
  std::filesystem::path digest;
  for (const auto& entry : std::filesystem::directory_iterator(store_.layout().index() / "pages"))
    digest = entry.path();
  const std::string sound = read_file(digest);
  const auto is_damaged = [&] {
    try {
      (void)project("foo").releases.at(0)->files();
      return false;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Disk);
      return true;
    }
  };
  bool was_damaged = false;
  for (std::size_t at = sound.size() / 2; at < sound.size() && !was_damaged; ++at) {
    std::string bytes = sound;
    bytes[at] = '\xff';
    testing::write_bytes(digest, bytes);
    open({&index});
    was_damaged = !project("foo").releases.empty() && is_damaged();
  }
  ASSERT_TRUE(was_damaged);
  IndexSourceOptions options;
  options.indexes.indexes = {index_at(index.url())};
  options.refresh_packages = {name("foo")};
  open(options);
  EXPECT_FALSE(is_damaged()) << "the index answered that its page is as before";
  EXPECT_EQ(read_file(digest), sound);
}

TEST_F(IndexSourceTest, StoppingWakesTheOneWhoWaits) {
  LoopbackIndex index;
  std::stop_source stop;
  http_ = std::make_unique<HttpClient>(HttpOptions{});
  IndexSourceOptions options;
  options.indexes.indexes = {index_at(index.url())};
  source_ = std::make_unique<IndexSource>(options, *http_, store_, workers_, told_, stop.get_token());
  stop.request_stop();
  EXPECT_THROW(source_->wait(), Error);
}

TEST_F(IndexSourceTest, LeavingWithEverythingUnderWayIsSafe) {
  LoopbackIndex index({.sidecars = false});
  for (int i = 0; i < 20; ++i)
    index.add(WheelBuilder("foo" + std::to_string(i), "1.0").file("x.bin", std::string(100'000, 'x')));
  IndexSource& source = open({&index});
  const Project& first = project("foo0");
  source.request_metadata(first.name, *first.releases[0], first.releases[0]->files()[0]);
  for (int i = 1; i < 20; ++i) source.request_project(name("foo" + std::to_string(i)));
  source_.reset();
}

// Sources as candidates.
class IndexSourceOfSources : public IndexSourceTest {
 protected:
  IndexSource& open_with_sources(const std::vector<const LoopbackIndex*>& indexes, SourcePolicy policy) {
    source_.reset();
    sources_.reset();
    sources_http_ = std::make_unique<HttpClient>(HttpOptions{});
    sources_ =
        std::make_unique<Sources>(*sources_http_, store_, told_, GitOptions{.path = std::getenv("PATH")});
    IndexSourceOptions options;
    for (const LoopbackIndex* index : indexes) options.indexes.indexes.push_back(index_at(index->url()));
    options.sources = sources_.get();
    options.source_policy = std::move(policy);
    return open(std::move(options));
  }
  IndexSource& open_with_builder(const std::vector<const LoopbackIndex*>& indexes) {
    return open_with_sources(indexes, {.builder = &builder_});
  }
  void TearDown() override { source_.reset(); }

  CommentBuilder builder_{store_, workers_};
  std::unique_ptr<HttpClient> sources_http_;
  std::unique_ptr<Sources> sources_;
};

const std::string kSays = "[project]\nname = 'foo'\nversion = '1.0'\ndependencies = ['bar']\n";

TEST_F(IndexSourceOfSources, AnSdistSaysWhatItNeedsOrIsAsked) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz", sdist_bytes("foo-1.0", {{"pyproject.toml", kSays}}));
  index.add_file("baz", "baz-1.0.tar.gz", sdist_bytes("baz-1.0", {{"setup.py", "# baz 1.0 qux"}}));
  open_with_builder({&index});
  EXPECT_EQ(metadata(project("foo")).requires_dist.at(0).name, name("bar"));
  EXPECT_EQ(builder_.metadata_asked, 0);
  EXPECT_EQ(metadata(project("baz")).requires_dist.at(0).name, name("qux"));
  EXPECT_EQ(builder_.metadata_asked, 1);
}

TEST_F(IndexSourceOfSources, WhatAnSdistSaysIsRememberedByItsHash) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz", sdist_bytes("foo-1.0", {{"pyproject.toml", kSays}}));
  open_with_builder({&index});
  metadata(project("foo"));
  for (const auto& entry : fs::directory_iterator(store_.layout().root / "sources")) fs::remove_all(entry);
  open_with_builder({&index});
  EXPECT_EQ(metadata(project("foo")).requires_dist.size(), 1U);
  EXPECT_EQ(index.file_requests("foo-1.0.tar.gz"), 1U);
}

TEST_F(IndexSourceOfSources, AnSdistOfAnotherProjectOrVersionCannotBeChosen) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz", sdist_bytes("foo-1.0", {{"setup.py", "# other 1.0"}}));
  index.add_file("baz", "baz-1.0.tar.gz", sdist_bytes("baz-1.0", {{"setup.py", "# baz 2.0"}}));
  open_with_builder({&index});
  EXPECT_THAT(metadata(project("foo")).unusable.value_or(""), HasSubstr("says that it is `other`"));
  EXPECT_THAT(metadata(project("baz")).unusable.value_or(""), HasSubstr("version `2.0`, not `1.0`"));
}

TEST_F(IndexSourceOfSources, NothingIsAskedOfAnArchiveWithAnotherHash) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz", sdist_bytes("foo-1.0", {{"setup.py", "# foo 1.0"}}));
  open_with_sources(
      {&index},
      {.builder = &builder_, .accepted = {{name("foo"), {*Digest::parse("sha256", std::string(64, '0'))}}}});
  EXPECT_THROW(metadata(project("foo")), Error);
  EXPECT_EQ(builder_.metadata_asked, 0);
}

TEST_F(IndexSourceOfSources, WhereNobodyMayBuildOnlyWhatSaysItselfIsKnown) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz", sdist_bytes("foo-1.0", {{"pyproject.toml", kSays}}));
  index.add_file("baz", "baz-1.0.tar.gz", sdist_bytes("baz-1.0", {{"setup.py", "# baz 1.0"}}));
  open_with_sources({&index}, {.builder = &builder_, .forbids = [](const PackageName&) { return true; }});
  EXPECT_FALSE(metadata(project("foo")).unusable);
  EXPECT_THROW(metadata(project("baz")), Error);
  EXPECT_EQ(builder_.metadata_asked, 0);
}

TEST_F(IndexSourceOfSources, OnceItStopsBuildingOnlyWhatWasAskedBeforeIsKnown) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz", sdist_bytes("foo-1.0", {{"pyproject.toml", kSays}}));
  index.add_file("baz", "baz-1.0.tar.gz", sdist_bytes("baz-1.0", {{"setup.py", "# baz 1.0 qux"}}));
  open_with_builder({&index});
  metadata(project("baz"));
  IndexSource& source = open_with_builder({&index});
  source.stop_building();
  EXPECT_EQ(metadata(project("baz")).requires_dist.at(0).name, name("qux"));
  try {
    metadata(project("foo"));
    ADD_FAILURE() << "it was asked";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::Refused);
  }
  EXPECT_EQ(index.file_requests("foo-1.0.tar.gz"), 0);
  EXPECT_EQ(builder_.metadata_asked, 1);
}

TEST_F(IndexSourceOfSources, OnceItStopsBuildingAnArchiveThatIsHereIsStillRead) {
  LoopbackIndex index;
  index.add_file("foo", "foo-1.0.tar.gz", sdist_bytes("foo-1.0", {{"pyproject.toml", kSays}}));
  index.add_file("baz", "baz-1.0.tar.gz", sdist_bytes("baz-1.0", {{"setup.py", "# baz 1.0 qux"}}));
  open_with_builder({&index});
  metadata(project("foo"));
  builder_.metadata_asked = 0;
  open_with_sources({&index}, {.refusal = "nobody is there"});
  EXPECT_THROW(metadata(project("baz")), Error);  // its archive is in the store from now on
  IndexSource& source = open_with_builder({&index});
  source.stop_building();
  EXPECT_EQ(metadata(project("foo")).requires_dist.size(), 1U);
  EXPECT_THROW(metadata(project("baz")), Error);
  EXPECT_EQ(index.file_requests("baz-1.0.tar.gz"), 1);
  EXPECT_EQ(builder_.metadata_asked, 0);
}

TEST_F(IndexSourceOfSources, AFolderIsAProjectOnceItsMetadataIsKnown) {
  const fs::path tree = folder_.path() / "tree";
  fs::create_directories(tree);
  testing::write_bytes(tree / "setup.py", "# foo 1.5 bar");
  IndexSource& source = open_with_builder({});
  source.pin_to_url(name("foo"), "file://" + tree.native());
  const Project& foo = project("foo");
  EXPECT_THAT(versions(foo), ElementsAre("1.5"));
  EXPECT_EQ(foo.releases[0]->files()[0].direct->kind, SourceKind::Directory);
  EXPECT_EQ(metadata(foo).requires_dist.at(0).name, name("bar"));
  EXPECT_EQ(builder_.metadata_asked, 1);
}

TEST_F(IndexSourceOfSources, AnArchiveOfAUrlBringsItsHash) {
  LoopbackIndex index;
  index.add_file("foo", "v1.0.tar.gz", sdist_bytes("repo-1", {{"setup.py", "# foo 1.0"}}));
  IndexSource& source = open_with_builder({});
  source.pin_to_url(name("foo"), index.file_url("v1.0.tar.gz"));
  const ReleaseFile& file = project("foo").releases.at(0)->files().at(0);
  EXPECT_EQ(file.artifact.digests.at(0).algorithm, "sha256");
  EXPECT_GT(file.artifact.size.value_or(0), 0U);
}

TEST_F(IndexSourceOfSources, AUrlOfAnotherProjectFails) {
  const fs::path tree = folder_.path() / "tree";
  fs::create_directories(tree);
  testing::write_bytes(tree / "setup.py", "# other 1.5");
  open_with_builder({}).pin_to_url(name("foo"), "file://" + tree.native());
  EXPECT_THAT(failure_of("foo", ErrorKind::BadInput), HasSubstr("says that it is `other`"));
}

TEST_F(IndexSourceOfSources, AUrlThatComesLateTakesTheIndexsPlace) {
  LoopbackIndex index;
  index.add(WheelBuilder("foo", "2.0"));
  const fs::path tree = folder_.path() / "tree";
  fs::create_directories(tree);
  testing::write_bytes(tree / "setup.py", "# foo 1.5");
  IndexSource& source = open_with_builder({&index});
  EXPECT_THAT(versions(project("foo")), ElementsAre("2.0"));
  source.pin_to_url(name("foo"), "file://" + tree.native());
  EXPECT_THAT(versions(project("foo")), ElementsAre("1.5"));
}

}  // namespace
}  // namespace moat
