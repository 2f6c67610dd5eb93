#include "envs/python/interpreter.h"

#include "tests/envs/real_pythons.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

using test::output_of;

class EveryInterpreter : public test::WithEveryPython {};
INSTANTIATE_TEST_SUITE_P(Found, EveryInterpreter, testing::ValuesIn(test::kAllPythons), test::python_name);

TEST_P(EveryInterpreter, IsWhatItSaysItselfToBe) {
  const Interpreter facts = probe_interpreter(python_, test::shared_store());
  const std::string said = output_of(
      {python_.string(), "-I", "-c",
       "import sys, os, platform, sysconfig, importlib.util as u\n"
       "print(os.path.realpath(sys.executable), platform.python_version(), sys.implementation.name,\n"
       "      sys.implementation.cache_tag, sysconfig.get_config_var('EXT_SUFFIX'), sys.base_prefix,\n"
       "      os.path.dirname(os.__file__), u.MAGIC_NUMBER.hex(), "
       "os.confstr('CS_GNU_LIBC_VERSION').split()[1])"});
  EXPECT_EQ(facts.executable.string() + " " + facts.version + " " + facts.implementation + " " +
                facts.cache_tag + " " + facts.ext_suffix + " " + facts.prefix.string() + " " +
                facts.stdlib.string() + " " + facts.magic + " " + facts.libc.substr(facts.libc.find(' ') + 1),
            said);
  EXPECT_EQ(facts.markers.python_full_version, facts.version);
  EXPECT_EQ(facts.markers.sys_platform, "linux");
  EXPECT_TRUE(facts.libpython.empty() || fs::exists(facts.libdir / facts.libpython));
}

TEST_P(EveryInterpreter, AcceptsTheTagsOfItsOwnExtensions) {
  const Interpreter facts = probe_interpreter(python_, test::shared_store());
  const Target target = target_of(facts);
  const std::string platform = "linux_" + facts.markers.platform_machine;
  const std::string digits = std::to_string(facts.major) + std::to_string(facts.minor);
  const Tag own = facts.implementation == "pypy"
                      ? Tag{"pp" + digits, facts.tags.interpreter_abi, platform}
                      : Tag{"cp" + digits, "cp" + digits + (facts.minor < 8 ? "m" : ""), platform};
  EXPECT_TRUE(target.tags.rank(own)) << own.to_string();
  EXPECT_TRUE(target.tags.rank(Tag{"py3", "none", "any"}));
  EXPECT_TRUE(
      std::ranges::any_of(facts.tags.platforms, [](const std::string& p) { return p.starts_with("m"); }));
  EXPECT_NE(target.description.find(facts.version), std::string::npos);
}

TEST_P(EveryInterpreter, IsTheSameAfterItsJson) {
  const Interpreter facts = probe_interpreter(python_, test::shared_store());
  const auto again = interpreter_from_json(to_json(facts));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again), to_json(facts));
  EXPECT_EQ(again->tags.platforms, facts.tags.platforms);
  EXPECT_EQ(again->tags.minor, facts.minor);
}

TEST_P(EveryInterpreter, IsFoundBehindItsEnvironments) {
  if (GetParam() == "pypy") GTEST_SKIP() << "Debian's PyPy cannot make environments with copies";
  const fs::path base = fs::canonical(python_);
  for (const char* how : {"--symlinks", "--copies"}) {
    const fs::path env = folder() / (std::string("venv") + how);
    output_of({python_.string(), "-m", "venv", "--without-pip", how, env.string()});
    EXPECT_EQ(probe_interpreter(env / "bin/python", test::shared_store()).executable, base) << how;
    EXPECT_EQ(probe_interpreter(env / "bin/python", test::shared_store()).executable, base)
        << how << ", cached";
  }
  const Environment own = create(folder() / "own", python_);
  EXPECT_EQ(probe_interpreter(own.python(), test::shared_store()).executable, base);
}

class InterpreterProbe : public test::InFolder {
 protected:
  fs::path script(const std::string& text) {
    write_file_atomically(folder() / "python3", "#!/bin/sh\n" + text, 0755);
    return folder() / "python3";
  }
  std::string failure_of(const fs::path& python, ErrorKind kind = ErrorKind::Interpreter) {
    try {
      probe_interpreter(python, test::shared_store());
      return "it started";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind);
      return error.what();
    }
  }
};

TEST_F(InterpreterProbe, QuotesTheLastLineOfOneThatDoesNotStart) {
  const std::string message = failure_of(script("echo first >&2; echo 'libfoo.so: not found' >&2; exit 127"));
  EXPECT_NE(message.find("libfoo.so: not found"), std::string::npos) << message;
  EXPECT_NE(message.find((folder() / "python3").string()), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_NE(failure_of(script("echo hello")).find("invalid answer: hello"), std::string::npos);
  EXPECT_NE(failure_of(script("echo 'moat-probe {\"environment\": 3}'")).find("invalid answer"),
            std::string::npos);
  EXPECT_NE(failure_of(folder() / "absent", ErrorKind::NoInterpreter).find("does not exist"),
            std::string::npos);
}

TEST_F(InterpreterProbe, AScriptThatRunsOneIsThatOneAndAskedEachTime) {
  const fs::path wrapper = script("exec /usr/bin/python3 \"$@\"");
  EXPECT_EQ(probe_interpreter(wrapper, test::shared_store()).executable, fs::canonical("/usr/bin/python3"));
  script("echo broken now >&2; exit 1");
  EXPECT_NE(failure_of(wrapper).find("broken now"), std::string::npos);
}

TEST_F(InterpreterProbe, CallersVariablesDoNotMatter) {
  const Interpreter before = probe_interpreter(script("exec /usr/bin/python3 \"$@\""), test::shared_store());
  const Interpreter after = probe_interpreter(
      script("PYTHONHOME=/nowhere PYTHONPATH=/tmp exec /usr/bin/python3 \"$@\""), test::shared_store());
  EXPECT_EQ(to_json(before), to_json(after));
}

TEST_F(InterpreterProbe, IsCachedUntilTheBinaryChanges) {
  Store store(folder() / "store");
  output_of({"/usr/bin/python3", "-m", "venv", "--without-pip", "--copies", (folder() / "env").string()});
  const fs::path python = folder() / "env/bin/python3";
  probe_interpreter(python, store);
  // The proof that the second answer comes from the cache: it was changed there.
  ASSERT_FALSE(fs::is_empty(store.layout().interpreters()));
  for (const auto& entry : fs::directory_iterator(store.layout().interpreters())) {
    auto json = nlohmann::json::parse(read_file(entry.path()));
    json["facts"]["cache_tag"] = "from-the-cache";
    write_file_atomically(entry.path(), json.dump());
  }
  EXPECT_EQ(probe_interpreter(python, store).cache_tag, "from-the-cache");
  fs::last_write_time(python, fs::file_time_type::clock::now() - std::chrono::hours(1));
  EXPECT_NE(probe_interpreter(python, store).cache_tag, "from-the-cache");
}

// PEP 600: a distribution says with a module which wheels of others run on it.
TEST_F(InterpreterProbe, HeedsTheWordOfTheDistributionOnManylinux) {
  const Interpreter system = probe_interpreter("/usr/bin/python3", test::shared_store());
  const fs::path base = folder() / "base", stdlib = base / "lib" / system.stdlib.filename();
  make_directories(base / "bin"), make_directories(base / "lib");
  output_of({"/bin/cp", "-rL", system.stdlib.string(), stdlib.string()});
  fs::copy_file(system.executable, base / "bin/python3");
  write_file_atomically(stdlib / "_manylinux.py",
                        "def manylinux_compatible(major, minor, arch):\n"
                        "    return False if minor in (12, 28) else None\n");
  const auto has = [](const Interpreter& one, const std::string& start) {
    return std::ranges::any_of(one.tags.platforms,
                               [&](const std::string& p) { return p.starts_with(start); });
  };
  const Interpreter told = probe_interpreter(base / "bin/python3", test::shared_store());
  ASSERT_EQ(told.prefix, base);
  for (const char* refused : {"manylinux_2_28_", "manylinux_2_12_", "manylinux2010_"}) {
    EXPECT_TRUE(has(system, refused)) << refused;
    EXPECT_FALSE(has(told, refused)) << refused;
  }
  for (const char* kept : {"manylinux_2_17_", "manylinux2014_", "manylinux_2_5_"})
    EXPECT_TRUE(has(told, kept)) << kept;
}

// An interpreter as Alpine has it: the same program, bound to musl's loader, whose version is asked of
// itself.
TEST_F(InterpreterProbe, AsksTheLoaderOfMuslForItsVersion) {
  constexpr std::string_view kMusl = "/lib/ld-musl-x86_64.so.1", kGlibc = "/lib64/ld-linux-x86-64.so.2";
  if (!fs::exists(kMusl)) GTEST_SKIP() << "musl is not on this machine";
  std::string program = read_file("/usr/bin/python3");
  const std::size_t at = program.find(kGlibc);
  if (at == std::string::npos) GTEST_SKIP() << "not an x86-64 machine";
  program.replace(at, kGlibc.size(), std::string(kMusl).append(kGlibc.size() - kMusl.size(), '\0'));
  write_file_atomically(folder() / "python-of-musl", program);
  // It cannot run here, so another speaks for it.
  const fs::path script = folder() / "python3";
  write_file_atomically(script,
                        "#!/bin/sh\n/usr/bin/python3 \"$@\" | sed 's|\"executable\": \"[^\"]*\"|"
                        "\"executable\": \"" +
                            (folder() / "python-of-musl").string() + "\"|'\n");
  fs::permissions(script, fs::perms::owner_all);
  const Interpreter facts = probe_interpreter(script, test::shared_store());
  EXPECT_TRUE(facts.libc.starts_with("musl 1.")) << facts.libc;
  const auto& platforms = facts.tags.platforms;
  EXPECT_EQ(platforms.front(), "linux_x86_64");
  EXPECT_EQ(platforms.at(1), "musllinux_1_" + facts.libc.substr(7) + "_x86_64");
  EXPECT_EQ(platforms.back(), "musllinux_1_0_x86_64");
  EXPECT_TRUE(std::ranges::none_of(platforms, [](const auto& p) { return p.starts_with("manylinux"); }));
}

TEST(InterpreterJson, RefusesOtherTexts) {
  for (const char* text :
       {"", "[]", "{}", "{\"schema\": 99}", "{\"schema\": 1, \"executable\": 3}", "{\"schema\": 1}"})
    EXPECT_FALSE(interpreter_from_json(text)) << text;
}

TEST(ForeignTarget, ComesFromTablesAlone) {
  const auto mac = foreign_target("3.12.1", {"macosx_11_0_arm64"}, nullptr);
  ASSERT_TRUE(mac) << mac.error().message;
  EXPECT_EQ(mac->environment.sys_platform, "darwin");
  EXPECT_EQ(mac->environment.platform_system, "Darwin");
  EXPECT_EQ(mac->environment.platform_machine, "arm64");
  EXPECT_EQ(mac->environment.python_full_version, "3.12.1");
  EXPECT_EQ(mac->environment.platform_release, "");
  EXPECT_TRUE(mac->tags.rank(Tag{"cp312", "cp312", "macosx_11_0_arm64"}));
  EXPECT_FALSE(mac->tags.rank(Tag{"cp312", "cp312", "linux_x86_64"}));

  const auto windows = foreign_target("3.9", {"win_amd64"}, nullptr);
  ASSERT_TRUE(windows) << windows.error().message;
  EXPECT_EQ(windows->environment.os_name, "nt");
  EXPECT_EQ(windows->environment.platform_machine, "AMD64");
  EXPECT_EQ(windows->python.to_string(), "3.9.0");

  const auto linux = foreign_target("3.11", {"linux-x86_64"}, nullptr);
  ASSERT_TRUE(linux) << linux.error().message;
  EXPECT_EQ(linux->environment.platform_machine, "x86_64");
  EXPECT_TRUE(linux->tags.rank(Tag{"cp311", "cp311", "manylinux_2_28_x86_64"}));
  EXPECT_FALSE(linux->tags.rank(Tag{"cp311", "cp311", "manylinux_2_29_x86_64"}));
  EXPECT_EQ(foreign_target("3.13t", {"linux-x86_64"}, nullptr)->tags.tags().front().abi, "cp313t");

  for (const char* version : {"", "3", "2.7", "x", ">=3.9"})
    EXPECT_FALSE(foreign_target(version, {"win_amd64"}, nullptr));
  EXPECT_FALSE(foreign_target("3.11", {"plan9_x86_64"}, nullptr));
  EXPECT_FALSE(foreign_target("3.11", {}, nullptr));
  EXPECT_FALSE(foreign_target("3.11", {"any"}, nullptr));
  EXPECT_TRUE(foreign_target("3.11", {"any", "win32"}, nullptr));
}

TEST(ForeignTarget, WithoutAPlatformIsThisMachines) {
  const Interpreter here = probe_interpreter("/usr/bin/python3", test::shared_store());
  const auto target = foreign_target("3.8", {}, &here);
  ASSERT_TRUE(target) << target.error().message;
  EXPECT_EQ(target->environment.platform_machine, here.markers.platform_machine);
  EXPECT_EQ(target->environment.python_version, "3.8");
  EXPECT_TRUE(target->tags.rank(Tag{"cp38", "cp38", here.tags.platforms.front()}));
}

}  // namespace
}  // namespace moat
