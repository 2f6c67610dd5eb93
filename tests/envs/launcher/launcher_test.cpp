#include "tests/envs/real_pythons.h"

#include <unistd.h>

namespace moat {
namespace {

using test::output_of;
using test::run;
using test::Variables;

class EveryLauncher : public test::WithEveryPython {
 protected:
  const std::string kWho = "import sys, os; print(sys.prefix, sys.executable, os.path.dirname(os.__file__))";
  // What kWho prints in a whole environment.
  std::string whole(const Environment& env, const fs::path& root, const std::string& name = "python") {
    return root.string() + " " + (root / "bin" / name).string() + " " +
           (root / ".moat/rt" / runtime_layout(env.interpreter()).stdlib).string();
  }
};
INSTANTIATE_TEST_SUITE_P(Found, EveryLauncher, testing::ValuesIn(test::kAllPythons), test::python_name);

TEST_P(EveryLauncher, VariablesThatRedirectPythonAreDropped) {
  const Environment env = create(folder() / "env", python_);
  const std::string base = env.interpreter().prefix.string();
  for (const Variables& variables :
       {Variables{}, Variables{{"PYTHONHOME", base}}, Variables{{"PYTHONHOME", "/nowhere"}},
        Variables{{"PYTHONPLATLIBDIR", "nowhere"}}, Variables{{"PYTHONEXECUTABLE", "/usr/bin/python3"}},
        Variables{{"__PYVENV_LAUNCHER__", "/usr/bin/python3"}},
        Variables{{"PYTHONUSERBASE", folder().string()}},
        Variables{{"_PYTHON_SYSCONFIGDATA_NAME", "nowhere"}},
        Variables{{"LD_LIBRARY_PATH", env.interpreter().libdir.string()}}})
    EXPECT_EQ(output_of({env.python().string(), "-c", kWho}, variables), whole(env, env.root()))
        << (variables.empty() ? "" : variables[0].first);
}

TEST_P(EveryLauncher, TheNameItIsCalledByDoesNotMatter) {
  const Environment env = create(folder() / "env", python_);
  const std::string python = env.python().string();
  const std::string exact = "python" + env.interpreter().major_minor();
  EXPECT_EQ(output_of({(env.root() / "bin" / exact).string(), "-c", kWho}), whole(env, env.root(), exact));
  // A link elsewhere, and a name that PATH would resolve to another Python.
  make_directories(folder() / "links");
  fs::create_symlink(python, folder() / "links/py");
  EXPECT_EQ(output_of({(folder() / "links/py").string(), "-c", kWho}), whole(env, env.root()));
  for (const std::string name : {"python3", "nonsense", ""})
    EXPECT_EQ(output_of({"/bin/bash", "-c", "exec -a \"$1\" \"$2\" -c \"$3\"", "bash", name, python, kWho}),
              whole(env, env.root(), name == "python3" ? "python3" : "python"))
        << name;
  EXPECT_EQ(output_of({"bin/python", "-c", kWho}, {}, env.root()), whole(env, env.root())) << "relative";
}

TEST_P(EveryLauncher, AMovedOrCopiedEnvironmentIsItself) {
  const Environment env = create(folder() / "env", python_);
  const fs::path copy = folder() / "a copy", moved = folder() / "moved";
  output_of({"/bin/cp", "-a", env.root().string(), copy.string()});
  EXPECT_EQ(output_of({(copy / "bin/python").string(), "-c", kWho}), whole(env, copy));
  fs::rename(env.root(), moved);
  EXPECT_EQ(output_of({(moved / "bin/python").string(), "-c", kWho}), whole(env, moved));
  EXPECT_NE(read_file(moved / "pyvenv.cfg").find("home = " + (moved / ".moat/rt/bin").string() + "\n"),
            std::string::npos);
  EXPECT_EQ(output_of({(moved / "bin/python").string(), "-c", kWho}), whole(env, moved)) << "a second time";
  EXPECT_EQ(Environment::open(moved).root(), moved);
}

TEST_P(EveryLauncher, AMovedEnvironmentThatCannotBeWrittenRunsAllTheSame) {
  if (GetParam() == "pypy") GTEST_SKIP() << "PyPy takes no other home; the launcher refuses then";
  if (::geteuid() != 0) GTEST_SKIP() << "needs a mount namespace";
  if (run({"/usr/bin/unshare", "-m", "true"}).status != 0) GTEST_SKIP() << "no mount namespaces here";
  const Environment env = create(folder() / "env", python_);
  fs::rename(env.root(), folder() / "moved");
  const std::string moved = (folder() / "moved").string();
  EXPECT_EQ(output_of({"/usr/bin/unshare", "-m", "/bin/sh", "-c",
                       "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && exec "
                       "\"$1/bin/python\" -B -c \"$2\"",
                       "sh", moved, kWho}),
            whole(env, folder() / "moved"));
}

TEST_P(EveryLauncher, AVenvOnTopEndsInThePrivateRuntime) {
  const Environment env = create(folder() / "env", python_);
  const fs::path nested = folder() / "nested";
  if (GetParam() == "pypy") GTEST_SKIP() << "Debian's PyPy comes without what its venv needs";
  const std::string ask = "import sys, os; print(sys.prefix, sys.base_prefix, os.path.dirname(os.__file__))";
  const std::string rt = (env.root() / ".moat/rt").string();
  const std::string expected =
      nested.string() + " " + rt + " " + rt + "/" + runtime_layout(env.interpreter()).stdlib;
  for (const char* how : {"--symlinks", "--copies"}) {
    output_of({env.python().string(), "-m", "venv", "--without-pip", "--system-site-packages", how,
               nested.string()});
    EXPECT_EQ(output_of({(nested / "bin/python").string(), "-c", ask}), expected) << how;
    EXPECT_EQ(output_of({"/bin/sh", "-c", "PATH=\"$1:$PATH\"; python -c \"$2\"", "sh",
                         (nested / "bin").string(), ask}),
              expected)
        << how << ", by PATH";
    remove_tree(nested);
  }
}

// A Python that is started from it must not be led to this one's library.
class LauncherAndChildren : public EveryLauncher {
 protected:
  // The names of the variables that Python has, its C library has, and a child is given.
  const std::string kVariables =
      "import os, subprocess; child = subprocess.check_output(['/usr/bin/env', '-0']).decode(); "
      "print(' '.join(sorted(os.environ)), '/', ' '.join(sorted(l.split('=')[0] for l in child.split('\\0') "
      "if l)))";
  const Variables given_ = {{"LC_ALL", "C.UTF-8"}, {"LD_PRELOAD", "/nowhere/libnothing.so:/nowhere/b.so"}};
  const std::string kGiven = "LC_ALL LD_PRELOAD PATH / LC_ALL LD_PRELOAD PATH";

  void SetUp() override {
    EveryLauncher::SetUp();
    if (GetParam() == "pypy") GTEST_SKIP() << "PyPy takes no other home; the launcher refuses then";
  }
  // With the folder mounted read-only.
  std::string read_only(const std::string& root, const std::vector<std::string>& arguments) {
    std::vector<std::string> argv = {
        "/usr/bin/unshare",
        "-m",
        "/bin/sh",
        "-c",
        "root=$1; shift; mount --bind \"$root\" \"$root\" && mount -o "
        "remount,bind,ro \"$root\" && exec env -u PWD \"$root/bin/python\" -B \"$@\"",
        "sh",
        root};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return output_of(argv, given_);
  }
};
INSTANTIATE_TEST_SUITE_P(Found, LauncherAndChildren, testing::ValuesIn(test::kAllPythons), test::python_name);

TEST_P(LauncherAndChildren, GiveThemNoVariableOfItsOwn) {
  const Environment env = create(folder() / "env", python_);
  EXPECT_EQ(output_of({env.python().string(), "-c", kVariables}, given_), kGiven);
  EXPECT_EQ(output_of({env.python().string(), "-c", kVariables}, {{"LC_ALL", "C.UTF-8"}}),
            "LC_ALL PATH / LC_ALL PATH");
}

TEST_P(LauncherAndChildren, GiveThemNoneFromWhereItCannotBeMended) {
  if (::geteuid() != 0 || run({"/usr/bin/unshare", "-m", "true"}).status != 0)
    GTEST_SKIP() << "needs a mount namespace";
  const Environment env = create(folder() / "env", python_);
  for (const char* name : {"moved", "a b $HOME é"}) {
    SCOPED_TRACE(name);
    const fs::path moved = folder() / name;
    fs::rename(name == std::string("moved") ? env.root() : folder() / "moved", moved);
    EXPECT_EQ(read_only(moved, {"-c", kVariables}), kGiven);
    // -I and -E ignore variables, but not where home is.
    for (const char* option : {"-I", "-E", "-S"})
      EXPECT_EQ(read_only(moved, {option, "-c",
                                  "import sys, os; print(os.path.dirname(os.__file__), sys.base_prefix)"}),
                (moved / ".moat/rt" / runtime_layout(env.interpreter()).stdlib).string() + " " +
                    (moved / ".moat/rt").string())
          << option;
  }
}

TEST_P(LauncherAndChildren, GiveThemNoneFromAVenvOnTop) {
  const Environment env = create(folder() / "env", python_);
  const std::string nested = (folder() / "nested").string();
  output_of({env.python().string(), "-m", "venv", "--without-pip", nested});
  EXPECT_EQ(output_of({nested + "/bin/python", "-c", kVariables}, given_), kGiven);
  EXPECT_EQ(
      output_of({nested + "/bin/python", "-I", "-c", "import sys, os; print(sys.prefix, os.__file__)"}),
      nested + " " + (env.root() / ".moat/rt" / runtime_layout(env.interpreter()).stdlib / "os.py").string());
}

// Without /proc/self/exe: what the kernel and the caller say.
TEST_P(EveryLauncher, FindsItselfWithoutProc) {
  if (::geteuid() != 0 || run({"/usr/bin/unshare", "-m", "true"}).status != 0)
    GTEST_SKIP() << "needs a mount namespace";
  const Environment env = create(folder() / "env", python_);
  make_directories(folder() / "elsewhere");
  write_file_atomically(folder() / "elsewhere/pyvenv.cfg", "home = /usr/bin\nmoat = 1\n");
  write_file_atomically(folder() / "elsewhere/script", "#!" + env.python().string() + "\n" + kWho + "\n",
                        0755);
  fs::create_symlink(env.python(), folder() / "elsewhere/py");
  const auto started = [&](const std::string& command) {
    return output_of({"/usr/bin/unshare", "-m", "/bin/bash", "-c",
                      "mount -t tmpfs none /proc && cd \"$1\" && PATH=\"$1/env/bin:$PATH\" && " + command,
                      "bash", folder().string(), kWho});
  };
  const std::string expected = whole(env, env.root());
  EXPECT_EQ(started("\"$1/env/bin/python\" -c \"$2\""), expected);
  EXPECT_EQ(started("env/bin/python -c \"$2\""), expected);
  EXPECT_EQ(started("python -c \"$2\""), expected);
  EXPECT_EQ(started("elsewhere/py -c \"$2\""), expected);
  EXPECT_EQ(started("exec -a nonsense env/bin/python -c \"$2\""), expected);
  EXPECT_EQ(started("elsewhere/script"), expected);
}

TEST_P(EveryLauncher, MayBeStartedByTheLoader) {
  const Environment env = create(folder() / "env", python_);
  const std::string loader = "/lib64/ld-linux-x86-64.so.2";
  if (::access(loader.c_str(), X_OK) != 0) GTEST_SKIP() << "no " << loader;
  EXPECT_EQ(output_of({loader, env.python().string(), "-c", kWho}), whole(env, env.root()));
  EXPECT_EQ(output_of({loader, "bin/python", "-c", kWho}, {}, env.root()), whole(env, env.root()));
}

class Launcher : public test::InFolder {
 protected:
  std::string python_path(const Environment& env, const std::string& value) {
    return output_of(
        {env.python().string(), "-c", "import os; print(os.environ.get('PYTHONPATH', '(unset)'))"},
        {{"PYTHONPATH", value}});
  }
};

TEST_F(Launcher, DropsEntriesOfOtherPythonsFromPythonPathOnly) {
  const Environment env = create_usual();
  const fs::path project = folder() / "src", packages = folder() / "other/lib/python3.11/site-packages";
  make_directories(project), make_directories(packages);
  write_file_atomically(folder() / "other/pyvenv.cfg", "home = /usr/bin\n");
  const std::string own = (env.root() / "lib").string(), stdlib = env.interpreter().stdlib.string();
  fs::create_symlink(packages, folder() / "alias");
  EXPECT_EQ(python_path(env, project.string()), project.string());
  EXPECT_EQ(python_path(env, packages.string()), "(unset)");
  EXPECT_EQ(python_path(env, project.string() + ":" + packages.string() + "::" + stdlib + ":src"),
            project.string() + "::src");
  EXPECT_EQ(python_path(env, (folder() / "alias").string() + ":" + own), own) << "seen through a link";
  EXPECT_EQ(python_path(env, stdlib + "/lib-dynload:/usr/lib/python3/dist-packages"), "(unset)");
  EXPECT_EQ(python_path(env, "/not/there"), "/not/there");
}

// Whose packages they are is told by what lies around them.
TEST_F(Launcher, KeepsPackagesThatBelongToNoPython) {
  const Environment env = create_usual();
  const std::string own = fs::path(env.scheme().purelib).parent_path().filename();
  const std::string here = folder().string();
  const auto kept = [&](const std::string& path) {
    make_directories(path);
    return python_path(env, path) == path;
  };
  for (const char* prefix : {"/layer/lib/", "/layer/lib64/", "/opt/ros/local/lib/"})
    for (const char* packages : {"/site-packages", "/dist-packages"}) {
      EXPECT_TRUE(kept(here + prefix + own + packages)) << prefix << packages;
      EXPECT_TRUE(kept(here + prefix + "python3" + packages)) << prefix << packages;
      EXPECT_TRUE(kept(here + prefix + own + packages + "/vendored")) << prefix << packages;
      EXPECT_FALSE(kept(here + prefix + "python3.2" + packages)) << prefix << packages;
    }
  EXPECT_TRUE(kept(here + "/site-packages"));
  EXPECT_TRUE(kept(here + "/project/dist-packages"));
  // A Python beside them: its interpreter, its library, its configuration.
  for (const char* mark : {"/bin/python3", "/bin/python", "/pyvenv.cfg"}) {
    const std::string prefix = here + "/with-" + fs::path(mark).filename().string();
    EXPECT_TRUE(kept(prefix + "/lib/" + own + "/site-packages"));
    make_directories(fs::path(prefix + mark).parent_path());
    write_file_atomically(prefix + mark, "");
    EXPECT_FALSE(kept(prefix + "/lib/" + own + "/site-packages")) << mark;
  }
  const std::string local = here + "/base/local/lib/" + own + "/dist-packages";
  EXPECT_TRUE(kept(local));
  make_directories(here + "/base/bin");
  write_file_atomically(here + "/base/bin/python3", "");
  EXPECT_FALSE(kept(local)) << "Debian's second place for packages";
  write_file_atomically(here + "/layer/lib/" + own + "/os.py", "");
  EXPECT_FALSE(kept(here + "/layer/lib/" + own + "/site-packages"));
  // The user's own, which only HOME tells from a layer.
  const std::string user = here + "/.local/lib/" + own + "/site-packages";
  EXPECT_TRUE(kept(user));
  EXPECT_EQ(output_of({env.python().string(), "-c", "import os; print(os.environ.get('PYTHONPATH'))"},
                      {{"PYTHONPATH", user}, {"HOME", here}}),
            "None");
}

TEST_F(Launcher, RefusesRatherThanRunAnotherPython) {
  const Environment env = create_usual();
  fs::remove(env.root() / ".moat/rt" / runtime_layout(env.interpreter()).stdlib / "os.py");
  const ProcessResult gone = run({env.python().string(), "-c", "print(1)"});
  EXPECT_EQ(gone.status, 127);
  EXPECT_NE(gone.errors.find("missing or damaged"), std::string::npos) << gone.errors;

  fs::copy_file(env.python(), folder() / "alone");
  const ProcessResult alone = run({(folder() / "alone").string(), "-c", "print(1)"});
  EXPECT_EQ(alone.status, 127);
  EXPECT_NE(alone.errors.find("no pyvenv.cfg"), std::string::npos) << alone.errors;
}

TEST_F(Launcher, FinishesTheChangeOfAKilledWriter) {
  const Environment env = create_usual();
  const std::string module = env.scheme().purelib + "/fresh.py";
  make_directories((env.root() / ".moat/stage/1" / module).parent_path());
  write_file_atomically(env.root() / ".moat/stage/1" / module, "print('fresh')\n");
  write_file_atomically(env.root() / ".moat/journal",
                        "moat-journal 1\nstate\t1\ntime\t1\nreason\tmoat install fresh\nin\t.moat/stage/1/" +
                            module + "\t" + module + "\nend\n");
  EXPECT_EQ(output_of({env.python().string(), "-m", "fresh"}), "fresh");
  EXPECT_FALSE(fs::exists(env.root() / ".moat/journal"));
}

TEST_F(Launcher, RefusesAJournalThatIsNone) {
  const Environment env = create_usual();
  write_file_atomically(env.root() / ".moat/journal", "moat-journal 1\nin\t../../etc/passwd\tx\nend\n");
  const ProcessResult result = run({env.python().string(), "-c", "print(1)"});
  EXPECT_EQ(result.status, 127);
  EXPECT_NE(result.errors.find("in the middle of a change"), std::string::npos) << result.errors;
}

TEST_F(Launcher, PassesArgumentsStandardStreamsAndStatus) {
  const Environment env = create_usual();
  const ProcessResult result = run_process(
      {.argv = {env.python().string(), "-c", "import sys; print(sys.argv[1:], sys.stdin.read()); sys.exit(7)",
                "a b", "", "-x"},
       .input = "given"});
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(result.output, "['a b', '', '-x'] given\n");
}

}  // namespace
}  // namespace moat
