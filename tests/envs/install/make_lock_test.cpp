// A project in a folder → its lock, without a command line.
#include "envs/install/make_lock.h"

#include "envs/install/kept_locks.h"
#include "fetch/os/file.h"
#include "tests/envs/install/resolving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using testing::WheelBuilder;

PackageName name(const std::string& text) { return PackageName::parse(text).value(); }

struct MakeLockTest : testing::Resolving {
  MakeLockTest() {
    question.of_project = true;
    question.interpreter.implementation = "cpython";
    question.interpreter.version = "3.12.4";
    question.interpreter.major = 3;
    question.interpreter.minor = 12;
    question.interpreter.micro = 4;
    question.interpreter.markers = foreign_target("3.12.4", {"linux-x86_64"}, nullptr)->environment;
    question.targets.platforms = {"linux-x86_64", "windows-x86_64"};
    question.targets.is_for_all = true;
  }
  // `rest`: after [project].
  void project(const std::string& dependencies, const std::string& rest = "") {
    around.working_directory = folder.path();
    around.pyproject = folder.path() / "pyproject.toml";
    around.pyproject_text =
        "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.12,<3.13\"\n"
        "dependencies = [" +
        dependencies + "]\n" + rest;
    write_file_atomically(*around.pyproject, *around.pyproject_text);
    question.targets.requires_python = SpecifierSet::parse(">=3.12,<3.13").value();
  }
  LockTools with() {
    return {.prepare = [](Goal&, const Interpreter&) {},
            .sources = sources,
            .resolving = [this](const Goal&) { return resolving(); },
            .reporter = reporter,
            .stop = {}};
  }
  LockSpace space() const {
    const std::optional<Pylock>& before = question.earlier.pylock;
    return lock_space(question.targets, question.interpreter, before ? &*before : nullptr).value();
  }
  LockOutcome lock() {
    Goal goal;
    LockSpace targets = space();
    return lock_for_all(question, targets, goal, with());
  }
  static std::vector<std::string> versions(const LockOutcome& outcome) {
    std::vector<std::string> out;
    if (const auto* const lock = std::get_if<LockDocument>(&outcome))
      for (const LockedPackage& package : (*lock)->packages)
        out.push_back(package.name.normalized() + " " + package.version->to_string() +
                      (package.marker ? "; " + package.marker->to_string() : ""));
    return out;
  }
  std::vector<std::string> faults() { return lock_faults(question, space(), {}, with()); }

  SourceSetup sources;
  SurroundingProject around;
  LockQuestion question{.path = folder.path() / "pylock.toml", .around = around};
};

TEST_F(MakeLockTest, HoldsEveryExtraAndGroupUnderItsMarker) {
  for (const char* one : {"a", "b", "c"}) index.add(WheelBuilder(one, "1.0"));
  project("\"a\"", "[project.optional-dependencies]\nfast = [\"b\"]\n[dependency-groups]\ndev = [\"c\"]\n");
  const LockOutcome made = lock();
  EXPECT_THAT(versions(made),
              ElementsAre("a 1.0", HasSubstr("in extras"), HasSubstr("in dependency_groups")));
  const Pylock& text = *std::get<LockDocument>(made);
  EXPECT_THAT(text.inputs->requirements, ElementsAre("a"));
  EXPECT_THAT(text.inputs->default_groups, ElementsAre("dev"));
  EXPECT_EQ(package_count(text), 3U);
}

TEST_F(MakeLockTest, KeepsWhatIsLockedUnlessItIsToBeUpgraded) {
  for (const char* one : {"a", "b"})
    for (const char* version : {"1.0", "2.0"}) index.add(WheelBuilder(one, version));
  project("\"a\", \"b\"");
  Pylock before;
  before.packages = {{.name = name("a"), .version = Version::parse("1.0").value()},
                     {.name = name("b"), .version = Version::parse("1.0").value()}};
  question.earlier = versions_of(before);
  EXPECT_THAT(versions(lock()), ElementsAre("a 1.0", "b 1.0"));
  question.policy.upgrade_packages = {name("b")};
  EXPECT_THAT(versions(lock()), ElementsAre("a 1.0", "b 2.0"));
  question.policy = {.upgrade = true};
  EXPECT_THAT(versions(lock()), ElementsAre("a 2.0", "b 2.0"));
}

// The text that is kept is marked: who solves again does not give it.
TEST_F(MakeLockTest, TheSameQuestionIsAnsweredFromWhatWasKept) {
  index.add(WheelBuilder("a", "1.0"));
  project("\"a\"");
  lock();
  const std::string digest = fs::directory_iterator(store.layout().kept_locks())->path().filename().native();
  KeptLock marked = find_kept_lock(store, digest).value();
  marked.text.insert(0, "# kept\n");
  keep_lock(store, digest, marked, reporter);
  EXPECT_THAT(std::get<LockDocument>(lock()).text(), StartsWith("# kept"));
  index.add(WheelBuilder("a", "2.0"));
  EXPECT_THAT(versions(lock()), ElementsAre("a 2.0"));
}

TEST_F(MakeLockTest, ALockIsComparedWithItsProjectWithoutAnIndex) {
  index.add(WheelBuilder("a", "1.0"));
  project("\"a\"");
  question.earlier = versions_of(*std::get<LockDocument>(lock()));
  EXPECT_THAT(faults(), IsEmpty());
  project("\"a\", \"b\"");
  EXPECT_THAT(faults(), ElementsAre(HasSubstr("+ b")));
  question.targets.requires_python = SpecifierSet::parse(">=3.12").value();
  question.targets.python_versions = {"3.12"};
  project("\"a\"");
  EXPECT_THAT(faults(), IsEmpty());
}

TEST_F(MakeLockTest, WithoutAnAnswerThereIsAReason) {
  project("\"nowhere\"");
  const LockOutcome made = lock();
  ASSERT_TRUE(std::holds_alternative<Unmet>(made));
  EXPECT_TRUE(lacks_a_project(std::get<Unmet>(made).conflict));
}

TEST_F(MakeLockTest, OneTargetNeedsNoInputs) {
  index.add(WheelBuilder("a", "1.0"));
  project("\"a\"");
  Goal goal;
  const Target target = foreign_target("3.12", {"linux-x86_64"}, nullptr).value();
  const LockOutcome made = lock_for_one(question, target, question.interpreter, goal, with());
  EXPECT_THAT(versions(made), ElementsAre("a 1.0"));
  EXPECT_FALSE(std::get<LockDocument>(made)->inputs);
  const Target other = foreign_target("3.11", {"linux-x86_64"}, nullptr).value();
  try {
    lock_for_one(question, other, question.interpreter, goal, with());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::NoInterpreter);
  }
}

TEST_F(MakeLockTest, GroupsOfFilesAreWrittenFromTheLock) {
  EXPECT_EQ(group_seen_from("dev", "/p", "/p/locks"), "dev");
  EXPECT_EQ(group_seen_from("pyproject.toml:dev", "/p", "/p/locks"), "../pyproject.toml:dev");
  around.working_directory = folder.path() / "sub";
  question.groups = {"dev", "pyproject.toml:docs"};
  EXPECT_THAT(groups_from_lock(question), ElementsAre("dev", "sub/pyproject.toml:docs"));
}

struct EarlierLockTest : ::testing::Test {
  EarlierLock read(const std::string& text, bool upgrade = false, LockForm form = LockForm::Pylock) {
    const fs::path path = folder.path() / (form == LockForm::Pylock ? "pylock.toml" : "locked.txt");
    write_file_atomically(path, text);
    return earlier_lock(path, form, upgrade, {.working_directory = folder.path()}, reporter);
  }
  static std::string lock_of(const std::string& version) {
    return "[[packages]]\nname = \"a\"\nversion = \"" + version + "\"\n[[packages.wheels]]\nname = \"a-" +
           version + "-py3-none-any.whl\"\nurl = \"https://x/a-" + version +
           "-py3-none-any.whl\"\nhashes = {sha256 = \"" + std::string(64, '0') + "\"}\n";
  }
  static std::string version_in(const EarlierLock& lock) {
    const auto found = lock.versions.find(name("a"));
    return found == lock.versions.end() ? "" : found->second.to_string();
  }
  const std::string head = "lock-version = \"1.0\"\ncreated-by = \"moat\"\n";
  TempDir folder{fs::temp_directory_path(), "earlier"};
  Reporter reporter;
};

TEST_F(EarlierLockTest, KeepsBothSidesOfAConflict) {
  const EarlierLock lock =
      read(head + "<<<<<<< ours\n" + lock_of("1.0") + "=======\n" + lock_of("2.0") + ">>>>>>> theirs\n");
  EXPECT_EQ(version_in(lock), "2.0");
  EXPECT_EQ(lock.whole, nullptr) << "it is not a sound lock";
}

TEST_F(EarlierLockTest, IsSkippedOnlyForOneThatNeedsNothingFromIt) {
  EXPECT_EQ(version_in(read(head + lock_of("1.0"))), "1.0");
  EXPECT_THROW(read("lock-version = \"2.0\"\n"), Error);
  EXPECT_EQ(version_in(read("lock-version = \"2.0\"\n", true)), "");
}

TEST_F(EarlierLockTest, PinsOfARequirementsFileAreVersionsToo) {
  const EarlierLock lock =
      read("a==1.5 --hash=sha256:" + std::string(64, '0') + "\n", false, LockForm::Requirements);
  EXPECT_EQ(version_in(lock), "1.5");
  EXPECT_FALSE(lock.pylock);
}

}  // namespace
}  // namespace moat
