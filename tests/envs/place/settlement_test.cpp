#include "envs/place/settlement.h"

#include "tests/envs/place/transaction_fixture.h"

namespace moat::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(TransactionTest, TwoPackagesMayShareAFileOfTheSameBytes) {
  install({simple("one", "ns/__init__.py", "same"), simple("two", "ns/__init__.py", "same")});
  install({simple("three", "ns/__init__.py", "same")});
  expect_true_record("one");
  expect_true_record("two");
  expect_true_record("three");
  expect_true_manifest();
  remove("one");
  EXPECT_EQ(env.read(in_site("ns/__init__.py")), "same");
  expect_true_manifest();
  remove("three");
  EXPECT_EQ(env.read(in_site("ns/__init__.py")), "same");
  remove("two");
  EXPECT_FALSE(env.has(in_site("ns")));
}

// ---- one file of two packages, with different bytes ----

class OverlapTest : public TransactionTest {
 protected:
  // A package with a module of its own and `cv/__init__.py`, which says whose it is, and a command of all.
  WantedPackage cv(const std::string& name, const std::string& version = "1", bool requested = false) {
    return wanted(name, version,
                  WheelBuilder(name, version)
                      .file("cv/__init__.py", "kind = '" + name + " " + version + "'\n")
                      .file(name + "_own.py", "")
                      .console_script("cv", name + "_own:main"),
                  requested);
  }
  std::string kind() { return env.python("import cv; print(cv.kind, end='')"); }
  std::string command() const { return env.read("bin/cv"); }
  void expect_all_true(std::initializer_list<const char*> names) const {
    for (const char* name : names) expect_true_record(name);
    expect_true_manifest();
    std::set<std::pair<std::string, std::string>> others;
    for (const ManifestEntry& other : env.open().manifest().others) {
      EXPECT_TRUE(others.emplace(other.path, other.owner).second);
      EXPECT_NE(installed().find(name_of(other.owner)), nullptr) << other.owner;
    }
  }
};

TEST_F(OverlapTest, TheLaterNameWinsAndBothAreNamedOnce) {
  for (const bool together : {true, false}) {
    const auto result =
        together ? install({cv("cva"), cv("cvb")}) : (install({cv("cvb")}), install({cv("cva")}));
    EXPECT_THAT(
        result.warnings,
        ElementsAre("cvb 1 and cva 1 both contain `bin/cv` and 1 more file, with different contents; those "
                    "of cvb 1 are used"));
    EXPECT_EQ(kind(), "cvb 1");
    EXPECT_THAT(command(), HasSubstr("cvb_own"));
    expect_all_true({"cva", "cvb"});
    apply({.remove = {name_of("cva"), name_of("cvb")}});
    EXPECT_FALSE(env.has("bin/cv"));
    EXPECT_FALSE(env.has(in_site("cv")));
  }
}

TEST_F(OverlapTest, WhatComesLaterDisplacesTheLoser) {
  install({cv("cva")});
  EXPECT_EQ(kind(), "cva 1");
  install({cv("cvb")});
  EXPECT_EQ(kind(), "cvb 1");
  expect_all_true({"cva", "cvb"});
}

TEST_F(OverlapTest, WhatWasAskedForComesBeforeADependency) {
  install({cv("cva", "1", true), cv("cvb")});
  EXPECT_EQ(kind(), "cva 1");
  // Asked for as well: now the name decides.
  apply({.mark_requested = {name_of("cvb")}});
  EXPECT_EQ(kind(), "cvb 1");
  EXPECT_TRUE(installed().find(name_of("cvb"))->requested);
  expect_all_true({"cva", "cvb"});
}

TEST_F(OverlapTest, UninstallingTheWinnerGivesTheOtherItsFileBack) {
  install({cv("cva")});
  const std::string script = command();
  install({cv("cvb")});
  remove("cvb");
  EXPECT_EQ(kind(), "cva 1");
  EXPECT_EQ(command(), script);
  EXPECT_THAT(env.open().manifest().others, IsEmpty());
  expect_all_true({"cva"});
  rollback(env.root, std::nullopt, "back");
  EXPECT_EQ(kind(), "cvb 1");
  expect_all_true({"cva", "cvb"});
}

TEST_F(OverlapTest, UninstallingTheLoserLeavesTheWinner) {
  install({cv("cva"), cv("cvb")});
  remove("cva");
  EXPECT_EQ(kind(), "cvb 1");
  EXPECT_THAT(env.open().manifest().others, IsEmpty());
  expect_all_true({"cvb"});
}

TEST_F(OverlapTest, HoldsThroughUpgrades) {
  install({cv("cva"), cv("cvb"), cv("cvc")});
  EXPECT_THAT(install({cv("cvc", "2")}).warnings, IsEmpty()) << "it was said before";
  EXPECT_EQ(kind(), "cvc 2");
  install({cv("cvb", "2")});
  EXPECT_EQ(kind(), "cvc 2");
  expect_all_true({"cva", "cvb", "cvc"});
  // A release that does not bring it any more gives it away as well.
  install({wanted("cvc", "3", WheelBuilder("cvc", "3").file("cvc_own.py", ""))});
  EXPECT_EQ(kind(), "cvb 2");
  remove("cvb");
  EXPECT_EQ(kind(), "cva 1");
  expect_all_true({"cva", "cvc"});
}

TEST_F(OverlapTest, WithoutTheStoreTheFileIsMissedAndSaid) {
  install({cv("cva"), cv("cvb")});
  env.store.prune(std::chrono::seconds(-1), std::chrono::milliseconds(0));
  EXPECT_THAT(remove("cvb").warnings, Contains(HasSubstr("moat install --reinstall cva")));
  EXPECT_FALSE(env.has(in_site("cv/__init__.py")));
  expect_all_true({"cva"});
  install({cv("cva")});
  EXPECT_EQ(kind(), "cva 1");
}

TEST_F(OverlapTest, DeclarationsOfNamespacesAreNotWorthAWord) {
  const std::string declaration = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n";
  const auto result = install({simple("one", "ns/__init__.py", "# one\n" + declaration),
                               simple("two", "ns/__init__.py", declaration)});
  EXPECT_THAT(result.warnings, IsEmpty());
  EXPECT_EQ(env.read(in_site("ns/__init__.py")), declaration);
  expect_all_true({"one", "two"});
  remove("two");
  EXPECT_EQ(env.read(in_site("ns/__init__.py")), "# one\n" + declaration);
}

TEST_F(OverlapTest, AnEditOfWhatIsDisplacedIsKept) {
  install({cv("cva")});
  env.write(in_site("cv/__init__.py"), "mine");
  EXPECT_THAT(install({cv("cvb")}).warnings, Contains(HasSubstr("was edited")));
  EXPECT_EQ(env.read(in_site("cv/__init__.py.moat-saved")), "mine");
  EXPECT_EQ(kind(), "cvb 1");
}

TEST_F(OverlapTest, StrictlyItIsRefused) {
  EXPECT_THAT(refusal([&] {
                apply({.install = {cv("cva"), cv("cvb")}, .strict_files = true});
              }),
              HasSubstr("refused: cannot install cvb 1 beside cva 1: both contain `bin/cv`"));
  install({cv("cva")});
  EXPECT_THAT(refusal([&] { apply({.install = {cv("cvb")}, .strict_files = true}); }),
              HasSubstr("refused: cannot install cvb 1 beside cva 1"));
  apply({.install = {simple("one", "x.py", "")}, .strict_files = true});
}

// No bytecode of the one may stand for the source of the other.
TEST_F(OverlapTest, BytecodeIsOfTheSourceThatLiesThere) {
  for (const std::string first : {"cva", "cvb"}) {
    install({cv(first)});
    install({cv(first == "cva" ? "cvb" : "cva")});
    std::set<std::string> owners;
    for (const BytecodeEntry& entry : env.open().placed().bytecode)
      if (entry.path.find("/cv/__pycache__/") != entry.path.npos) owners.insert(entry.owner);
    EXPECT_THAT(owners, ElementsAre("cvb"));
    expect_all_true({"cva", "cvb"});
    apply({.remove = {name_of("cva"), name_of("cvb")}});
  }
}

}  // namespace
}  // namespace moat::test
