#include "envs/environment/environment.h"

#include "envs/environment/isolation.h"
#include "tests/envs/real_pythons.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <set>

namespace moat {
namespace {

using test::output_of;

class EveryEnvironment : public test::WithEveryPython {};
INSTANTIATE_TEST_SUITE_P(Found, EveryEnvironment, testing::ValuesIn(test::kAllPythons), test::python_name);

TEST_P(EveryEnvironment, IsAVirtualEnvironmentToEverybody) {
  const Environment env = create(folder() / "env", python_);
  EXPECT_EQ(
      output_of(
          {env.python().string(), "-c",
           "import sys, site, sysconfig\n"
           "print(sys.prefix != sys.base_prefix, site.ENABLE_USER_SITE, sysconfig.get_path('purelib'),\n"
           "      sysconfig.get_path('scripts'), [p for p in sys.path if 'site-packages' in p])"},
          {}, folder()),
      "True False " + env.site_packages().string() + " " + (env.root() / "bin").string() + " ['" +
          env.site_packages().string() + "']");
}

TEST_P(EveryEnvironment, IsWhatItsManifestSays) {
  const Environment env = create(folder() / "env", python_);
  output_of({env.python().string(), "-c",
             "import asyncio, ssl, json, unittest"});  // writes nothing into the runtime
  for (const Finding& finding : verify_files(env, test::shared_workers()))
    EXPECT_EQ(finding.level, Finding::Level::Ok) << finding.message << ": " << finding.details.front();
  std::set<std::string> known = {"pyvenv.cfg", ".moat/manifest"};
  for (const ManifestEntry& entry : env.manifest().entries) known.insert(entry.path);
  for (const auto& entry : fs::recursive_directory_iterator(env.root()))
    EXPECT_TRUE((entry.is_directory() && !entry.is_symlink()) ||
                known.contains(entry.path().lexically_relative(env.root()).string()))
        << entry.path();
}

class CreateEnvironment : public test::InFolder {
 protected:
  ErrorKind kind_of(const fs::path& root, bool replace = false) {
    try {
      create(root, "/usr/bin/python3", replace);
    } catch (const Error& error) {
      return error.kind();
    }
    ADD_FAILURE() << root << " was made";
    return ErrorKind::Busy;
  }
  std::set<std::string> names_in(const fs::path& where) {
    std::set<std::string> out;
    for (const auto& entry : fs::directory_iterator(where)) out.insert(entry.path().filename().string());
    return out;
  }
};

TEST_F(CreateEnvironment, LeavesTheEnvironmentAndNothingElse) {
  const Environment env = create_usual();
  EXPECT_EQ(names_in(folder()), (std::set<std::string>{"env"}));
  EXPECT_EQ(names_in(env.root()),
            (std::set<std::string>{".gitignore", ".moat", "bin", "include", "lib", "lib64", "pyvenv.cfg"}));
  EXPECT_EQ(read_file(env.root() / ".gitignore"), "*\n");
  EXPECT_EQ(fs::read_symlink(env.root() / "lib64"), "lib");
  EXPECT_EQ(fs::hard_link_count(env.python()), 3U);
  EXPECT_FALSE(fs::is_symlink(env.python()));
  EXPECT_EQ(fs::status(env.root()).permissions(), fs::status("/usr/bin").permissions())
      << "open to others, as umask says";
}

TEST_F(CreateEnvironment, MakesFoldersOnTheWayAndTakesAnEmptyOne) {
  EXPECT_EQ(create_usual("a/b/env").root(), folder() / "a/b/env");
  make_directories(folder() / "empty");
  EXPECT_EQ(create_usual("empty").root(), folder() / "empty");
}

TEST_F(CreateEnvironment, NeverTakesWhatIsNotItsOwn) {
  make_directories(folder() / "full");
  write_file_atomically(folder() / "full/thesis.txt", "years");
  write_file_atomically(folder() / "file", "text");
  EXPECT_EQ(kind_of(folder() / "full"), ErrorKind::Exists);
  EXPECT_EQ(kind_of(folder() / "full", true), ErrorKind::Exists)
      << "not an environment: not even with replace";
  EXPECT_EQ(kind_of(folder() / "file", true), ErrorKind::Exists);
  EXPECT_EQ(read_file(folder() / "full/thesis.txt"), "years");
  create_usual();
  EXPECT_EQ(kind_of(folder() / "env"), ErrorKind::Exists);
  EXPECT_EQ(kind_of(folder() / "a:b"), ErrorKind::Usage);
  EXPECT_EQ(kind_of(folder() / "a\nb"), ErrorKind::Usage);
  EXPECT_EQ(names_in(folder()), (std::set<std::string>{"env", "file", "full"}));
}

TEST_F(CreateEnvironment, ReplaceSwitchesOver) {
  const Environment first = create_usual();
  write_file_atomically(first.site_packages() / "old.py", "");
  const Environment second = create(folder() / "env", "/usr/bin/python3", true);
  EXPECT_FALSE(fs::exists(second.site_packages() / "old.py"));
  EXPECT_EQ(names_in(folder()), (std::set<std::string>{"env"}));
  output_of({second.python().string(), "-c", "import ssl"});
}

TEST_F(CreateEnvironment, ReplaceWaitsForAWriter) {
  const Environment env = create_usual();
  FileLock lock =
      FileLock::acquire(env.root() / ".moat/lock", FileLock::Mode::Exclusive, std::chrono::seconds(1));
  auto replacing =
      std::async(std::launch::async, [&] { create(folder() / "env", "/usr/bin/python3", true); });
  EXPECT_EQ(replacing.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  { const FileLock gone = std::move(lock); }
  replacing.get();
}

TEST_F(CreateEnvironment, AKillLeavesNothingOfThatName) {
  // At any moment there is the whole environment under its name, or nothing.
  test::runtime_of("/usr/bin/python3");
  for (const int microseconds : {2'000, 10'000, 30'000, 60'000}) {
    const pid_t child = ::fork();
    if (child == 0) {
      Workers workers(1);
      create_environment(
          {.root = folder() / "killed"},
          *find_runtime(test::runtime_of("/usr/bin/python3").fingerprint, test::shared_store()), workers);
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(microseconds));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (!fs::exists(folder() / "killed")) continue;
    const Environment env = Environment::open(folder() / "killed");
    for (const Finding& finding : verify_files(env, test::shared_workers()))
      EXPECT_EQ(finding.level, Finding::Level::Ok) << finding.message;
    remove_tree(env.root());
  }
}

TEST_F(CreateEnvironment, ThePromptIsKept) {
  const Runtime runtime = test::runtime_of("/usr/bin/python3");
  const Environment env = create_environment({.root = folder() / "env", .prompt = "my\nproject"}, runtime,
                                             test::shared_workers());
  EXPECT_EQ(env.prompt(), "myproject");
  EXPECT_EQ(create_usual("other").prompt(), "other");
}

TEST_F(CreateEnvironment, SharingIsAskedForAndTold) {
  const Runtime runtime = test::runtime_of("/usr/bin/python3");
  const fs::path beside =
      runtime.tree.parent_path() / "shared-test";  // hard links need the store's own file system
  remove_tree(beside);
  const Environment env =
      create_environment({.root = beside, .link_mode = LinkMode::Hardlink}, runtime, test::shared_workers());
  const auto findings = verify_files(env, test::shared_workers());
  EXPECT_TRUE(std::ranges::any_of(findings, [](const Finding& f) {
    return f.check == "shared files" && f.level == Finding::Level::Note;
  }));
  EXPECT_TRUE(
      std::ranges::none_of(findings, [](const Finding& f) { return f.level == Finding::Level::Damage; }));
  remove_tree(beside);
}

TEST_F(CreateEnvironment, OpenSaysWhatIsThere) {
  const auto kind = [](const fs::path& root) {
    try {
      Environment::open(root);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::Busy;
  };
  EXPECT_EQ(kind(folder() / "nowhere"), ErrorKind::NoEnvironment);
  EXPECT_EQ(kind(folder()), ErrorKind::NoEnvironment);
  output_of({"/usr/bin/python3", "-m", "venv", "--without-pip", (folder() / "venv").string()});
  EXPECT_EQ(kind(folder() / "venv"), ErrorKind::ForeignEnvironment);
  const Environment foreign = Environment::open(folder() / "venv", Environment::Foreign::Allowed);
  EXPECT_TRUE(foreign.is_foreign());
  EXPECT_TRUE(fs::is_directory(foreign.site_packages())) << foreign.site_packages();

  const Environment env = create_usual();
  fs::create_symlink(env.root(), folder() / "link");
  EXPECT_EQ(Environment::open(folder() / "link").root(), env.root());
  EXPECT_EQ(to_json(Environment::open(env.root()).interpreter()),
            to_json(test::runtime_of("/usr/bin/python3").interpreter));
  write_file_atomically(env.root() / ".moat/facts.json", "{");
  EXPECT_EQ(kind(env.root()), ErrorKind::BadInput);
}

}  // namespace
}  // namespace moat
