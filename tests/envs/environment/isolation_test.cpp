#include "envs/environment/isolation.h"

#include "tests/envs/real_pythons.h"

#include <fcntl.h>

#include <algorithm>

namespace moat {
namespace {

using Level = Finding::Level;
using test::output_of;

std::size_t count(const std::vector<Finding>& findings, Level level, std::string_view check = "") {
  return static_cast<std::size_t>(std::ranges::count_if(findings, [&](const Finding& finding) {
    return finding.level == level && (check.empty() || finding.check == check);
  }));
}

std::string told(const std::vector<Finding>& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    out +=
        std::to_string(static_cast<int>(finding.level)) + " " + finding.check + ": " + finding.message + "\n";
    for (const std::string& detail : finding.details) out += "    " + detail + "\n";
  }
  return out;
}

class EveryIsolation : public test::WithEveryPython {};
INSTANTIATE_TEST_SUITE_P(Found, EveryIsolation, testing::ValuesIn(test::kAllPythons), test::python_name);

TEST_P(EveryIsolation, AnEnvironmentOfOursLeaksNothing) {
  const Environment env = create(folder() / "env", python_);
  const auto findings = judge(observe(env, {{"PATH", "/usr/bin:/bin"}, {"HOME", folder().string()}}), env);
  EXPECT_EQ(count(findings, Level::Leak), 0U) << told(findings);
  EXPECT_EQ(count(findings, Level::Damage), 0U) << told(findings);
  EXPECT_EQ(count(findings, Level::Note, "system libraries"), 1U) << told(findings);
}

TEST_P(EveryIsolation, AClassicOneLeaks) {
  if (GetParam() == "pypy") GTEST_SKIP() << "Debian's PyPy cannot make environments without python3-venv";
  output_of({python_.string(), "-m", "venv", "--without-pip", (folder() / "venv").string()});
  const Environment env = Environment::open(folder() / "venv", Environment::Foreign::Allowed);
  const auto findings = judge(observe(env, {{"PATH", "/usr/bin:/bin"}, {"HOME", folder().string()}}), env);
  for (const char* check : {"interpreter", "sys.path", "mapped files", "sysconfig", "modules"})
    EXPECT_EQ(count(findings, Level::Leak, check), 1U) << check << "\n" << told(findings);
}

// One observation of an environment that is whole; each case changes one thing of it.
class Judge : public test::InFolder {
 protected:
  Judge() {
    const Interpreter base = probe_interpreter("/usr/bin/python3", test::shared_store());
    make_directories(folder() / "env/.moat");
    write_file_atomically(folder() / "env/pyvenv.cfg", "home = x\nmoat = 2\n");
    write_file_atomically(folder() / "env/.moat/facts.json", to_json(base));
    root_ = (folder() / "env").string();
    stdlib_ = base.stdlib.string();
    observed_.prefix = root_;
    observed_.base_prefix = root_ + "/.moat/rt";
    observed_.executable = observed_.base_executable = root_ + "/bin/python";
    observed_.stdlib = root_ + "/.moat/rt/lib/python3.11";
    observed_.sys_path = {root_ + "/lib/python3.11/site-packages", observed_.stdlib};
    observed_.mapped_files = {root_ + "/.moat/rt/lib/libpython3.11.so.1.0",
                              "/usr/lib/x86_64-linux-gnu/libc.so.6", "[heap]",
                              "/usr/lib/locale/locale-archive"};
    observed_.sysconfig_values = {"LIBDIR=" + root_ + "/.moat/rt/lib", "INSTALL=/usr/bin/install -c",
                                  "CFLAGS=-I/usr/include/tcl8.6 -L/usr/local/lib", "SRC=../../Python-3.11/x"};
  }
  std::vector<Finding> verdict(const ObservedPython& observed) {
    return judge(observed, Environment::open(root_));
  }

  std::string root_, stdlib_;
  ObservedPython observed_;
};

TEST_F(Judge, FindsNothingWhereNothingIs) {
  const auto findings = verdict(observed_);
  EXPECT_EQ(count(findings, Level::Leak), 0U) << told(findings);
  EXPECT_EQ(count(findings, Level::Note), 1U) << "the C library\n" << told(findings);
}

TEST_F(Judge, FindsEachLeak) {
  const auto leaks = [&](std::string_view check, auto change) {
    ObservedPython changed = observed_;
    change(changed);
    const auto findings = verdict(changed);
    EXPECT_EQ(count(findings, Level::Leak, check), 1U) << check << "\n" << told(findings);
    EXPECT_EQ(count(findings, Level::Leak), 1U) << check << "\n" << told(findings);
  };
  leaks("interpreter", [](ObservedPython& o) { o.prefix = "/usr"; });
  leaks("interpreter", [&](ObservedPython& o) { o.prefix = root_ + "2"; });
  leaks("interpreter", [](ObservedPython& o) { o.executable = "/usr/bin/python3"; });
  leaks("interpreter", [](ObservedPython& o) { o.base_executable = "/usr/bin/python3.11"; });
  leaks("interpreter", [&](ObservedPython& o) { o.stdlib = stdlib_; });
  leaks("interpreter", [](ObservedPython& o) { o.base_prefix = "/usr"; });
  leaks("sys.path", [&](ObservedPython& o) { o.sys_path.push_back(stdlib_); });
  leaks("sys.path",
        [](ObservedPython& o) { o.sys_path.push_back("/home/me/.local/lib/python3.11/site-packages"); });
  leaks("sys.path", [](ObservedPython& o) { o.sys_path.push_back("/usr/lib/python3/dist-packages"); });
  leaks("sys.path", [](ObservedPython& o) { o.sys_path.push_back("/usr/lib/python311.zip"); });
  leaks("mapped files",
        [&](ObservedPython& o) { o.mapped_files.push_back(stdlib_ + "/lib-dynload/_ssl.so"); });
  leaks("mapped files", [](ObservedPython& o) {
    o.mapped_files.push_back("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0");
  });
  leaks("sysconfig", [&](ObservedPython& o) { o.sysconfig_values.push_back("LIBDEST=" + stdlib_); });
  leaks("sysconfig",
        [&](ObservedPython& o) { o.sysconfig_values.push_back("LDFLAGS=-O2 -L" + stdlib_ + "/config"); });
  leaks("sysconfig", [&](ObservedPython& o) { o.sysconfig_values.push_back("X=-Wl,-rpath," + stdlib_); });
  leaks("sysconfig", [&](ObservedPython& o) {
    o.sysconfig_values.push_back("LIBDIR=" + root_ + "2/lib/python3.11/config");
  });
  leaks("user site", [](ObservedPython& o) { o.user_site_enabled = true; });
  leaks("modules", [&](ObservedPython& o) { o.loaded_modules_outside = {stdlib_ + "/os.py"}; });
}

TEST_F(Judge, PackagesThatBelongToNoPythonAreYourOwn) {
  observed_.own_folders = {"/layer/lib/python3.11/site-packages"};
  observed_.sys_path.push_back(observed_.own_folders[0]);
  observed_.mapped_files.push_back(observed_.own_folders[0] + "/numpy/core.so");
  observed_.loaded_modules_outside = {observed_.own_folders[0] + "/numpy/__init__.py"};
  observed_.left_out = {"/other/lib/python3.9/site-packages"};
  const auto findings = verdict(observed_);
  EXPECT_EQ(count(findings, Level::Leak), 0U) << told(findings);
  EXPECT_EQ(count(findings, Level::Note, "sys.path"), 2U) << told(findings);
  EXPECT_NE(told(findings).find("/other/lib/python3.9/site-packages"), std::string::npos);
  // The base's own stay what they are.
  observed_.sys_path.push_back(stdlib_);
  observed_.own_folders = {"/", "/usr"};
  EXPECT_EQ(count(verdict(observed_), Level::Leak, "sys.path"), 1U);
}

// A root may hold what ends a path elsewhere.
TEST_F(Judge, ItsOwnBuildSettingsAreNoLeakWhereverItLies) {
  for (const std::string name : {"a b", "it's", "a,b;c", "(par)", "\"q\"", "a\\b", "= y", "emoji 🐍",
                                 "x lib/python3.9/site-packages"}) {
    SCOPED_TRACE(name);
    const std::string root = (folder() / name).string();
    make_directories(fs::path(root).parent_path());
    fs::rename(root_, root);
    const std::string rt = root + "/.moat/rt";
    ObservedPython observed = observed_;
    observed.prefix = root;
    observed.base_prefix = rt;
    observed.executable = observed.base_executable = root + "/bin/python";
    observed.stdlib = rt + "/lib/python3.11";
    observed.sys_path = {rt + "/lib/python3.11"};
    observed.mapped_files = {rt + "/lib/python3.11/lib-dynload/_ssl.so"};
    observed.sysconfig_values = {"LIBDIR=" + rt + "/lib", "LIBDEST=" + rt + "/lib/python3.11",
                                 "ARGS='--prefix=" + rt + "' '--x=" + rt + "/lib/python3.11' -O2",
                                 "FLAGS=-L" + rt + "/lib -L" + rt + "/lib/python3.11 -I" + rt};
    const Environment env = Environment::open(root);
    EXPECT_EQ(count(judge(observed, env), Level::Leak), 0U) << told(judge(observed, env));
    observed.sysconfig_values = {"FLAGS=-L" + rt + "/lib -L" + stdlib_ + " -O2"};
    EXPECT_EQ(count(judge(observed, env), Level::Leak, "sysconfig"), 1U);
    fs::rename(root, root_);
  }
}

TEST_F(Judge, YourOwnFoldersAreNoted) {
  observed_.sys_path.push_back("/home/me/project/src");
  const auto findings = verdict(observed_);
  EXPECT_EQ(count(findings, Level::Leak), 0U) << told(findings);
  EXPECT_EQ(count(findings, Level::Note, "sys.path"), 1U) << told(findings);
}

class VerifyFiles : public test::InFolder {
 protected:
  VerifyFiles() : env_(create_usual()) {}
  std::vector<Finding> findings() { return verify_files(env_, test::shared_workers()); }
  fs::path os_py() const {
    return env_.root() / ".moat/rt" / runtime_layout(env_.interpreter()).stdlib / "os.py";
  }
  Environment env_;
};

TEST_F(VerifyFiles, FindsOneFlippedByte) {
  ASSERT_EQ(count(findings(), Level::Damage), 0U);
  const auto time = fs::last_write_time(os_py());
  write_all(open_file(os_py(), O_WRONLY).get(), "R", os_py());
  fs::last_write_time(os_py(), time);
  ASSERT_EQ(count(findings(), Level::Damage), 1U);
  EXPECT_NE(told(findings()).find("os.py was changed"), std::string::npos);
}

TEST_F(VerifyFiles, FindsWhatIsGoneAndWhatWasAdded) {
  fs::remove(os_py());
  fs::remove(env_.root() / "lib64");
  write_file_atomically(os_py().parent_path() / "sitecustomize.py", "");
  write_file_atomically(env_.site_packages() / "stray.py", "");
  const auto all = findings();
  EXPECT_EQ(count(all, Level::Damage), 2U) << told(all);
  EXPECT_EQ(count(all, Level::Note), 1U) << told(all);
  const std::string text = told(all);
  for (const char* expected : {"os.py is missing", "lib64 is missing", "sitecustomize.py", "stray.py"})
    EXPECT_NE(text.find(expected), std::string::npos) << expected << "\n" << text;
}

TEST_F(VerifyFiles, APoisonedBytecodeFileIsFound) {
  const fs::path pyc =
      os_py().parent_path() / "__pycache__" / ("os." + env_.interpreter().cache_tag + ".pyc");
  write_all(open_file(pyc, O_WRONLY | O_APPEND).get(), "x", pyc);
  EXPECT_EQ(count(findings(), Level::Damage), 1U);
}

class CheckDependencies : public test::InFolder {
 protected:
  void install(const std::string& name, const std::string& version, const std::string& more = "") {
    const fs::path info = folder() / (name + "-" + version + ".dist-info");
    make_directories(info);
    write_file_atomically(info / "METADATA", "Metadata-Version: 2.1\nName: " + name +
                                                 "\nVersion: " + version + "\n" + more + "\n");
    write_file_atomically(info / "RECORD", "");
  }
  std::vector<Finding> findings() {
    return check_dependencies(InstalledDistributions::read(folder()),
                              target_of(probe_interpreter("/usr/bin/python3", test::shared_store())));
  }
};

TEST_F(CheckDependencies, SaysWhatIsMissingAndWhatDoesNotFit) {
  install("app", "1.0",
          "Requires-Dist: lib>=2\nRequires-Dist: absent\nRequires-Dist: never; sys_platform == 'win32'\n"
          "Requires-Dist: optional; extra == 'x'\n");
  install("lib", "1.5", "Requires-Python: >=99\n");
  const auto all = findings();
  EXPECT_EQ(count(all, Level::Damage), 3U) << told(all);
  const std::string text = told(all);
  EXPECT_NE(text.find("app 1.0 needs lib >=2; installed is 1.5"), std::string::npos) << text;
  EXPECT_NE(text.find("app 1.0 needs absent, which is not installed"), std::string::npos) << text;
  EXPECT_NE(text.find("lib 1.5 needs Python >=99"), std::string::npos) << text;
}

TEST_F(CheckDependencies, IsContentWhereAllFits) {
  install("app", "1.0", "Requires-Dist: lib>=1\n");
  install("lib", "1.5rc1", "");
  EXPECT_EQ(count(findings(), Level::Damage), 0U) << told(findings());
}

}  // namespace
}  // namespace moat
