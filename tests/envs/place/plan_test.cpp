#include "envs/place/plan.h"

#include "envs/place/next_state.h"
#include "envs/place/plan_details.h"
#include "tests/envs/place/transaction_fixture.h"

namespace moat::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class PlanTest : public TransactionTest {
 protected:
  static std::set<std::string> paths(const TransactionPlan& plan) {
    std::set<std::string> out;
    for (const ArrivingFile& file : plan.arrivals) out.insert(file.path);
    return out;
  }
  TransactionPlan dry_run(const TransactionRequest& request) {
    return plan_dry_run(request, env.open(), env.store, env.workers);
  }
};

TEST_F(PlanTest, HoldsWhatIsPlacedWhere) {
  install({foo("1.0")});
  const Tree before = contents(env.root, "nothing is left out");
  const TransactionPlan plan = dry_run({.install = {foo("2.0")}});
  ASSERT_EQ(plan.operations.size(), 1U);
  EXPECT_EQ(plan.operations[0].kind, OperationKind::Change);
  EXPECT_THAT(paths(plan), Contains(in_site("foo/only_2.0.py")));
  EXPECT_THAT(paths(plan), Contains("bin/foo"));
  EXPECT_TRUE(plan.departures.covers(in_site("foo/only_1.0.py")));
  EXPECT_TRUE(plan.departures.covers(in_site("foo-1.0.dist-info/RECORD")));
  EXPECT_FALSE(plan.departures.covers("bin/python"));
  EXPECT_EQ(contents(env.root, "nothing is left out"), before);
}

TEST_F(PlanTest, ForetellsTheManifest) {
  install({foo("1.0"), simple("one", "ns/x.py", "1")});
  env.write(in_site("foo/data.bin"), "edited");
  const TransactionRequest request{.install = {foo("2.0", true), simple("two", "ns/x.py", "2")},
                                   .mark_requested = {name_of("one")},
                                   .compile = Compile::Never,
                                   .reason = "change"};
  Manifest foretold;
  {
    Reporter silent;
    const Environment environment = env.open();
    const PlanTerms terms{request, environment, env.store, env.workers, silent};
    TransactionPlan plan = plan_transaction(terms, {StoredBytecode{}, StoredBytecode{}});
    EXPECT_THAT(paths(plan), Not(Contains(in_site("foo-2.0.dist-info/RECORD"))));
    finish_plan(terms, plan);
    EXPECT_THAT(paths(plan), Contains(in_site("foo-2.0.dist-info/RECORD")));
    EXPECT_THAT(paths(plan), Contains(in_site("foo/data.bin.moat-saved")));
    ASSERT_EQ(plan.marked.size(), 1U);
    EXPECT_EQ(plan.marked.front()->name, name_of("one"));
    foretold = next_manifest(terms, plan);
    foretold.state = 2;
  }
  apply(request);
  EXPECT_EQ(format_manifest(env.open().manifest()), format_manifest(foretold));
}

// What is damaged is known by the manifest, and goes like the rest.
TEST_F(PlanTest, KnowsDamagedPackages) {
  install({foo("1.0")});
  fs::remove_all(env.root / in_site("foo-1.0.dist-info"));
  const TransactionPlan plan = dry_run({.remove = {name_of("foo")}});
  ASSERT_EQ(plan.operations.size(), 1U);
  EXPECT_EQ(plan.operations[0].kind, OperationKind::Remove);
  EXPECT_TRUE(plan.departures.covers(in_site("foo/only_1.0.py")));
}

TEST_F(PlanTest, RefusesAFolderWhereRecordWillBe) {
  fs::create_directories(env.root / in_site("foo-1.0.dist-info/RECORD/inside"));
  EXPECT_THAT(refusal([&] { install({foo("1.0")}); }), HasSubstr("RECORD` is in the way"));
}

// Its REQUESTED would be written behind the link.
TEST_F(PlanTest, RefusesToMarkWhatLiesBehindALink) {
  install({foo("1.0")});
  const fs::path info = env.root / in_site("foo-1.0.dist-info"), elsewhere = env.folder / "elsewhere";
  fs::rename(info, elsewhere);
  fs::create_directory_symlink(elsewhere, info);
  EXPECT_THAT(refusal([&] { apply({.mark_requested = {name_of("foo")}, .reason = "moat install foo"}); }),
              HasSubstr("foo-1.0.dist-info` is, or lies in, a folder that is a link"));
  EXPECT_FALSE(fs::exists(elsewhere / "REQUESTED"));
}

TEST(NextRequests, ReplaceThoseOfTheSameLineOrFile) {
  const ManifestRequest typed{"foo", true, "command", "moat install foo<2", "foo<2"},
      anew{"foo", true, "command", "moat install foo", "foo"}, filed{"bar", true, "file", "/r.txt", "bar"},
      of_other{"bar", true, "file", "/s.txt", "bar"}, of_file{"baz", true, "file", "/r.txt", "baz"};
  const std::vector<ManifestRequest> before{typed, filed, of_other};
  const auto requirements = [&](const TransactionRequest& request) {
    std::vector<std::string> out;
    for (const ManifestRequest& one : next_requests(before, request))
      out.push_back(one.requirement + " of " + one.origin);
    return out;
  };
  EXPECT_THAT(requirements({.requests = {anew, of_file}}),
              ElementsAre("bar of /s.txt", "baz of /r.txt", "foo of moat install foo"));
  EXPECT_THAT(requirements({.remove = {name_of("bar")}}), ElementsAre("foo<2 of moat install foo<2"));
  EXPECT_THAT(requirements({.forget_requests = {name_of("foo")}}),
              ElementsAre("bar of /r.txt", "bar of /s.txt"));
}

}  // namespace
}  // namespace moat::test
