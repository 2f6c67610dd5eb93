// Environments of runs: made once for what is in them, found by the question, and swept.
#include "envs/install/run_environments.h"

#include "fetch/bytes/hasher.h"
#include "tests/envs/real_pythons.h"
#include "tests/support/wheel_builder.h"

#include <gmock/gmock.h>

namespace moat::test {
namespace {

using testing::WheelBuilder;

class RunEnvironmentsTest : public InFolder {
 protected:
  RunEnvironmentsTest() {
    runtime_of(python_);
    fs::create_directories(folder() / "store");
    fs::create_directory_symlink(shared_store().layout().root / "runtimes", folder() / "store/runtimes");
    make_directories(folder() / "wheels");
    resolution_.packages.push_back(chosen("a", "1.0"));
  }
  ResolvedPackage chosen(const std::string& package, const std::string& version) const {
    const fs::path file = WheelBuilder(package, version).file(package + ".py", "").write(folder() / "wheels");
    ResolvedPackage out{.name = PackageName::parse(package).value(),
                        .version = Version::parse(version).value()};
    out.file.artifact.filename = file.filename();
    out.file.artifact.url = Url::from_path(file.native());
    out.file.artifact.digests = {hash_file(file)};
    out.file.wheel = WheelFilename::parse(file.filename().native()).value();
    return out;
  }
  RunQuestion question(const std::string& line) const {
    RunQuestion out{.name = "report.py",
                    .goal = {},
                    .interpreter = probe_interpreter(python_, shared_store()),
                    .preferences = {}};
    out.goal.requirements.push_back({Requirement::parse(line).value(), {}, {}});
    return out;
  }
  AskedRun ask(const RunQuestion& asked) const { return ask_earlier_runs(asked, terms_, store_path()); }
  RunEnvironment make(const RunQuestion& asked) {
    const RunTools with{
        {.tools = {http_, store_, shared_workers(), reporter_, {}}, .sources = sources_, .bad_records = {}},
        {.compile = Compile::Never, .reason = "moat run report.py"}};
    return make_run_environment(ask(asked), asked, resolution_, terms_, store_path(), with);
  }
  fs::path store_path() const { return folder() / "store"; }

  const fs::path python_ = "/usr/bin/python3";
  Store store_{folder() / "store"};
  HttpClient http_{HttpOptions{}};
  Reporter reporter_;
  SourceSetup sources_;
  InstallRequest terms_;
  Resolution resolution_;
};

TEST_F(RunEnvironmentsTest, AreMadeOnceForWhatIsInThem) {
  EXPECT_FALSE(find_answered(ask(question("a")), store_path()));
  fs::path root;
  {
    const RunEnvironment made = make(question("a"));
    EXPECT_TRUE(made.is_new);
    EXPECT_TRUE(is_run_environment(made.root, store_path()));
    root = made.root;
  }
  EXPECT_EQ(InstalledDistributions::read(Environment::open(root).site_packages()).all.size(), 1U);
  const AskedRun again = ask(question("a"));
  EXPECT_TRUE(again.holds());
  EXPECT_EQ(find_answered(again, store_path())->root, root);
  // Another question with the same answer.
  const RunEnvironment other = make(question("a>=1"));
  EXPECT_FALSE(other.is_new);
  EXPECT_EQ(other.root, root);
}

TEST_F(RunEnvironmentsTest, AQuestionAboutAFileHasNoLastingAnswer) {
  EXPECT_TRUE(ask(question("a")).is_lasting);
  EXPECT_FALSE(ask(question("a @ file:///p/a-1.0-py3-none-any.whl")).is_lasting);
  EXPECT_NE(ask(question("a")).key, ask(question("a<2")).key);
  const std::string before = ask(question("a")).key;
  terms_.mode = ResolutionMode::Lowest;
  EXPECT_NE(ask(question("a")).key, before) << "it depends on the terms";
}

TEST_F(RunEnvironmentsTest, AreSweptUnlessTheyAreInUse) {
  std::optional<RunEnvironment> made = make(question("a"));
  EXPECT_EQ(run_environments_size(store_path()).count, 1U);
  EXPECT_EQ(sweep_run_environments(store_path(), std::chrono::seconds(0)).count, 0U);
  made.reset();
  EXPECT_EQ(sweepable_run_environments(store_path(), std::chrono::hours(1)).count, 0U);
  EXPECT_EQ(sweep_run_environments(store_path(), std::chrono::seconds(0)).count, 1U);
  EXPECT_FALSE(ask(question("a")).before) << "the answer went with its environment";
}

}  // namespace
}  // namespace moat::test
