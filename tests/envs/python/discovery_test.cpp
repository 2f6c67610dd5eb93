#include "envs/python/discovery.h"

#include "tests/envs/real_pythons.h"

#include <algorithm>
#include <tuple>

namespace moat {
namespace {

// A machine of its own: a PATH, a HOME with a pyenv, a project folder. Its interpreters are links to the real
// ones.
class Discovery : public test::InFolder {
 protected:
  Discovery() {
    for (const char* part : {"bin", "home/.pyenv/shims", "home/.pyenv/versions", "project/deep"})
      make_directories(folder() / part);
    system_ = probe_interpreter("/usr/bin/python3", test::shared_store());
  }

  DiscoveryOptions options() const {
    return {.path = (folder() / "bin").string() + ":/usr/bin:/bin",
            .home = folder() / "home",
            .pyenv_root = {},
            .pyenv_version = {},
            .working_directory = folder() / "project/deep"};
  }
  void script(const fs::path& file, const std::string& text) {
    make_directories(file.parent_path());
    write_file_atomically(file, "#!/bin/sh\n" + text + "\n", 0755);
  }
  void add_pyenv(const std::string& name, const std::string& python = "/usr/bin/python3") {
    make_directories(folder() / "home/.pyenv/versions" / name / "bin");
    fs::create_symlink(python, folder() / "home/.pyenv/versions" / name / "bin/python3");
  }
  Interpreter find(const std::string& spec) {
    return find_interpreter(spec, options(), test::shared_store());
  }
  ErrorKind kind_of(const std::string& spec, std::string* message = nullptr) {
    try {
      find(spec);
    } catch (const Error& error) {
      if (message) *message = error.what();
      return error.kind();
    }
    ADD_FAILURE() << spec << " was found";
    return ErrorKind::Usage;
  }

  Interpreter system_;
};

TEST_F(Discovery, UnderstandsEveryFormOfSpec) {
  const std::string mm = system_.major_minor();
  for (const std::string& spec : std::vector<std::string>{
           "3", mm, system_.version, ">=3.6", ">=3.6,<4", "==" + mm + ".*", "cpython@" + mm, "cpython@>=3.6",
           "cpython-" + system_.version, "cpython", "python", "python3", "python" + mm, " " + mm + " ",
           "/usr/bin/python3", "/usr"})
    EXPECT_EQ(find(spec).executable, system_.executable) << spec;
}

TEST_F(Discovery, SaysWhatItFoundWhereNothingFits) {
  std::string message;
  EXPECT_EQ(kind_of("3.99", &message), ErrorKind::NoInterpreter);
  EXPECT_NE(message.find("3.99"), std::string::npos) << message;
  EXPECT_NE(message.find(system_.version), std::string::npos) << message;
  EXPECT_EQ(kind_of(">=99"), ErrorKind::NoInterpreter);
  EXPECT_EQ(kind_of("pypy@3.99"), ErrorKind::NoInterpreter);
  EXPECT_EQ(kind_of("nosuchprogram"), ErrorKind::NoInterpreter);
  EXPECT_EQ(kind_of(system_.major_minor() + "t"), ErrorKind::NoInterpreter);
}

TEST_F(Discovery, APathThatDoesNotStartIsAnErrorOfItsOwn) {
  script(folder() / "bad", "echo no such luck >&2; exit 3");
  std::string message;
  EXPECT_EQ(kind_of((folder() / "bad").string(), &message), ErrorKind::Interpreter);
  EXPECT_NE(message.find("no such luck"), std::string::npos) << message;
  EXPECT_EQ(kind_of("./nowhere"), ErrorKind::NoInterpreter);
  EXPECT_EQ(kind_of(folder().string()), ErrorKind::Interpreter);
}

TEST_F(Discovery, BrokenOnesOnPathAreSkipped) {
  script(folder() / "bin/python3", "exit 1");
  script(folder() / ("bin/python" + system_.major_minor()), "exit 1");
  EXPECT_EQ(default_interpreter(options(), test::shared_store()).executable, system_.executable);
  EXPECT_EQ(find("python" + system_.major_minor()).executable, system_.executable);
}

TEST_F(Discovery, ListsEachBaseOnceNewestFirst) {
  fs::create_symlink("/usr/bin/python3", folder() / "bin/python3");
  add_pyenv("mine");
  auto list = list_interpreters(options(), test::shared_store());
  EXPECT_EQ(std::ranges::count(list, system_.executable, &Interpreter::executable), 1);
  EXPECT_TRUE(std::ranges::is_sorted(list, std::ranges::greater(), [](const Interpreter& one) {
    return std::tuple(one.major, one.minor, one.micro);
  }));
}

TEST_F(Discovery, PyenvsInterpretersAreFoundWithoutPath) {
  add_pyenv("mine");
  DiscoveryOptions without = options();
  without.path = "/nowhere";
  EXPECT_EQ(find_interpreter(system_.version, without, test::shared_store()).executable, system_.executable);
  without.home = "/nowhere";
  without.pyenv_root = folder() / "home/.pyenv";
  EXPECT_EQ(find_interpreter(system_.version, without, test::shared_store()).executable, system_.executable);
}

TEST_F(Discovery, ShimsAreWhatPyenvWouldRun) {
  const auto other = test::find_python("pypy");
  if (!other) GTEST_SKIP() << "needs a second interpreter";
  const Interpreter second = probe_interpreter(*other, test::shared_store());
  add_pyenv("one"), add_pyenv("two", other->string());
  script(folder() / "home/.pyenv/shims/python3", "echo a shim was run >&2; exit 1");
  write_file_atomically(folder() / "home/.pyenv/version", "two\n");
  DiscoveryOptions with = options();
  with.path = (folder() / "home/.pyenv/shims").string() + ":/usr/bin";
  const auto python3 = [&] { return find_interpreter("python3", with, test::shared_store()).executable; };
  EXPECT_EQ(python3(), second.executable);
  write_file_atomically(folder() / "project/.python-version", "one\n");
  EXPECT_EQ(python3(), system_.executable);
  with.pyenv_version = "two";
  EXPECT_EQ(python3(), second.executable);
  with.pyenv_version = "unknown";  // then the shim itself is asked, and what does not start is skipped
  EXPECT_EQ(python3(), system_.executable);
}

TEST_F(Discovery, APinIsFoundUpwardsAndBinds) {
  write_file_atomically(folder() / "project/.python-version", "# ours\n" + system_.version + "  # exactly\n");
  EXPECT_EQ(default_interpreter(options(), test::shared_store()).executable, system_.executable);
  write_file_atomically(folder() / "project/.python-version", "3.99\n");
  try {
    default_interpreter(options(), test::shared_store());
    FAIL() << "3.99 was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::NoInterpreter);
    EXPECT_NE(std::string(error.what()).find(".python-version"), std::string::npos) << error.what();
  }
  write_file_atomically(folder() / "project/.python-version", "system\n");
  EXPECT_EQ(default_interpreter(options(), test::shared_store()).executable, system_.executable);
  add_pyenv("named");
  write_file_atomically(folder() / "project/.python-version", "named\n");
  EXPECT_EQ(default_interpreter(options(), test::shared_store()).executable, system_.executable);
}

TEST_F(Discovery, RequiresPythonChooses) {
  const auto some = SpecifierSet::parse("==" + system_.version);
  EXPECT_EQ(default_interpreter(options(), test::shared_store(), *some).executable, system_.executable);
  EXPECT_THROW(default_interpreter(options(), test::shared_store(), *SpecifierSet::parse(">=99")), Error);
}

TEST_F(Discovery, AnActiveEnvironmentOnPathIsItsBase) {
  const Environment env = create_usual();
  DiscoveryOptions with = options();
  with.path = (env.root() / "bin").string() + ":" + with.path;
  EXPECT_EQ(default_interpreter(with, test::shared_store()).executable, system_.executable);
}

}  // namespace
}  // namespace moat
