#include "envs/build/build.h"

#include "envs/build/build_failure.h"
#include "envs/launcher/image.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"
#include "tests/envs/build_fixture.h"
#include "tests/envs/folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace moat::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LoopbackIndex;
using testing::LoopbackServer;
using ::testing::Not;
using testing::WheelBuilder;

class BuildEverywhere : public BuildTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(BuildEverywhere, MakesAWheelWithItsOwnPython) {
  const auto python = find_python(GetParam());
  if (!python) GTEST_SKIP() << GetParam() << " is not on this machine";
  python_ = *python;
  index_.add(WheelBuilder("tiny-backend", "1.0").file("tiny.py", kBackend));
  const fs::path root = folder() / "tree";
  write(root / "pyproject.toml", "[build-system]\nrequires = ['tiny-backend>=1']\nbuild-backend = 'tiny'\n");
  write(root / "project", "foo 1.0");
  const auto builder = frontend();

  EXPECT_THAT(builder->metadata(request(root), {}), HasSubstr("Name: foo\nVersion: 1.0\n"));
  const StoredWheel wheel = builder->build_wheel(request(root), {});
  EXPECT_EQ(wheel.filename, "foo-1.0-py3-none-any.whl");
  EXPECT_THAT(content(wheel, "foo.py"), HasSubstr(probe_interpreter(python_, store()).major_minor() + "."));
  EXPECT_THAT(ran(root), ElementsAre("prepare_metadata", "build_wheel"));
}

INSTANTIATE_TEST_SUITE_P(, BuildEverywhere, ::testing::Values("3.6", "3.8", "3.11", "3.13", "debian"),
                         python_name);

TEST_F(BuildTest, LoadsABackendOfTheTreeItself) {
  const StoredWheel wheel = frontend()->build_wheel(request(tree()), {});
  EXPECT_EQ(wheel.dist_info, "foo-1.0.dist-info");
}

TEST_F(BuildTest, FindsAgainWhatItBuilt) {
  const fs::path root = tree();
  const StoredWheel first = frontend()->build_wheel(request(root), {});
  EXPECT_EQ(frontend()->build_wheel(request(root), {}).digest, first.digest);
  EXPECT_THAT(frontend()->metadata(request(root), {}), HasSubstr("Name: foo\n"));
  EXPECT_THAT(ran(root), ElementsAre("build_wheel"));

  // Anything that may change the wheel makes another one of it.
  BuildRequest with_setting = request(root);
  with_setting.settings = {{"debug", "yes"}};
  frontend()->build_wheel(with_setting, {});
  EXPECT_EQ(ran(root).size(), 2U);
  frontend({.variables = {{"CFLAGS", "-O0"}}})->build_wheel(request(root), {});
  EXPECT_EQ(ran(root).size(), 3U);
  frontend({.variables = {{"EDITOR", "vi"}}})->build_wheel(request(root), {});
  EXPECT_EQ(ran(root).size(), 3U);
  frontend()->build_wheel(request(root, "sha256:def"), {});
  EXPECT_EQ(ran(root).size(), 4U);
}

TEST_F(BuildTest, KeepsMetadataWithoutTheWheel) {
  const fs::path root = tree();
  frontend()->metadata(request(root), {});
  frontend()->metadata(request(root), {});
  EXPECT_THAT(ran(root), ElementsAre("prepare_metadata"));
}

TEST_F(BuildTest, BuildsTheWheelWhereMetadataCannotBePrepared) {
  const fs::path root = tree("\ndel prepare_metadata_for_build_wheel\n");
  EXPECT_THAT(frontend()->metadata(request(root), {}), HasSubstr("Name: foo\n"));
  EXPECT_THAT(ran(root), ElementsAre("build_wheel"));
  frontend()->build_wheel(request(root), {});
  EXPECT_THAT(ran(root), ElementsAre("build_wheel"));
}

TEST_F(BuildTest, NeverFindsAFolderOfTheUsersAgain) {
  const fs::path root = tree();
  frontend()->build_wheel(request(root, ""), {});
  frontend()->build_wheel(request(root, ""), {});
  EXPECT_EQ(ran(root).size(), 2U);
}

TEST_F(BuildTest, NeverFindsAnEditableAgain) {
  const fs::path root = tree();
  EXPECT_EQ(content(frontend()->build_editable(request(root), {}), "foo.pth"),
            fs::canonical(root).string() + "\n");
  frontend()->build_editable(request(root), {});
  EXPECT_THAT(ran(root), ElementsAre("build_editable", "build_editable"));
  // … nor in the place of the wheel.
  EXPECT_FALSE(fs::exists(frontend()->build_wheel(request(root), {}).tree / "foo.pth"));
}

TEST_F(BuildTest, SaysWhereEditablesAreNotToBeHad) {
  const fs::path root = tree("\ndel build_editable\n");
  EXPECT_EQ(
      told([&] { frontend()->build_editable(request(root), {}); }).error,
      "build: cannot build foo 1.0 (foo-1.0.tar.gz): its backend tiny cannot make editable installs (it "
      "has no build_editable)");
}

TEST_F(BuildTest, BuildsOnceForAllThreads) {
  const fs::path root = tree(
      "\nimport time\n_build = build_wheel\ndef build_wheel(*a):\n    time.sleep(0.3)\n"
      "    return _build(*a)\n");
  const auto builder = frontend();
  std::vector<std::jthread> threads;
  std::atomic<int> done = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      builder->build_wheel(request(root), {});
      ++done;
    });
  threads.clear();
  EXPECT_EQ(done, 4);
  EXPECT_THAT(ran(root), ElementsAre("build_wheel"));
}

// --- what a build sees ---

TEST_F(BuildTest, GivesItAHomeOfItsOwn) {
  const std::string home = seen_by_backend(
      "    home = os.path.expanduser('~')\n    out = [home == os.environ['HOME'], os.listdir(home)]\n",
      {.variables = {
           {"HOME", "/users/home"}, {"PYTHONPATH", "/x"}, {"PIP_INDEX_URL", "x"}, {"EDITOR", "vi"}}});
  EXPECT_EQ(home, "[True, []]");
}

TEST_F(BuildTest, GivesItCompilersVariablesAndNoOthers) {
  const std::string seen = seen_by_backend(
      "    out = sorted(set(os.environ) & {'CC', 'CFLAGS', 'PYTHONPATH', 'PIP_INDEX_URL', 'https_proxy', "
      "'EDITOR'})\n",
      {.variables = {{"CC", "cc"},
                     {"CFLAGS", "-g"},
                     {"PYTHONPATH", "/x"},
                     {"PIP_INDEX_URL", "x"},
                     {"https_proxy", "http://user:secret@127.0.0.1:9"},
                     {"EDITOR", "vi"}}});
  EXPECT_EQ(seen, "['CC', 'CFLAGS']");
}

TEST_F(BuildTest, GivesItNothingToRead) {
  EXPECT_EQ(seen_by_backend("    out = repr(sys.stdin.read())\n"), "''");
}

TEST_F(BuildTest, StartsItInTheTreeWhichIsNotOnItsPath) {
  EXPECT_EQ(
      seen_by_backend("    out = [os.path.basename(os.getcwd()), os.getcwd() in sys.path, '' in sys.path]\n"),
      "['tree', False, False]");
}

TEST_F(BuildTest, PutsScriptsOfItsRequirementsOnPath) {
  index_.add(WheelBuilder("tool", "1.0")
                 .file("tool.py", "def main(): print('the tool')\n")
                 .console_script("tool", "tool:main"));
  const fs::path root = tree(
      "\nimport subprocess\ndef get_requires_for_build_wheel(config_settings=None): return ['tool']\n"
      "def _files(): return {'out': subprocess.check_output(['tool']).decode()}\n");
  EXPECT_EQ(content(frontend()->build_wheel(request(root), {}), "out"), "the tool\n");
}

TEST_F(BuildTest, HoldsExactlyWhatIsAskedFor) {
  index_.add(WheelBuilder("needed", "1.0").requires_dist("below").file("needed.py", ""));
  index_.add(WheelBuilder("below", "1.0").file("below.py", ""));
  const fs::path root = tree(
      "\nfrom importlib.metadata import distributions\n"
      "def _files(): return {'out': str(sorted(d.metadata['Name'] for d in distributions()))}\n");
  write(root / "pyproject.toml",
        "[build-system]\nrequires = ['needed', 'absent; python_version<\"3\"']\nbuild-backend = 'tiny'\n"
        "backend-path = ['backend']\n");
  EXPECT_EQ(content(frontend()->build_wheel(request(root), {}), "out"), "['below', 'needed']");
}

TEST_F(BuildTest, ReachesNoNetwork) {
  const std::string connect =
      "    import socket\n    try:\n        socket.create_connection(('127.0.0.1', PORT), 5).close()\n"
      "        out = 'reached'\n    except OSError as error:\n        out = 'refused'\n";
  LoopbackServer server;
  std::string code = connect;
  code.replace(code.find("PORT"), 4, std::to_string(server.port()));
  const bool can_be_closed =
      ProcessResult(run({"/usr/bin/unshare", "--net", "--map-root-user", "true"})).status == 0;
  const std::string seen = seen_by_backend(code);
  if (can_be_closed) {
    EXPECT_EQ(seen, "refused");
    EXPECT_EQ(server.connections(), 0U);
  } else {
    EXPECT_THAT(reporter_.notes(), Contains(HasSubstr("builds keep the network")));
  }
  fs::remove_all(folder() / "store/links");
  fs::create_directories(folder() / "store/links");
  EXPECT_EQ(seen_by_backend(code, {.network = true}), "reached");
}

TEST_F(BuildTest, KeepsLoopbackWhereTheNetworkIsClosed) {
  EXPECT_EQ(
      seen_by_backend("    import socket\n    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(1)\n"
                      "    socket.create_connection(s.getsockname(), 5).close()\n    out = 'fine'\n"),
      "fine");
}

TEST_F(BuildTest, PassesSettingsOn) {
  const fs::path root = tree(
      "\nimport json\n_build = build_wheel\ndef build_wheel(folder, settings=None, meta=None):\n"
      "    global _files\n    _files = lambda: {'out': json.dumps(settings, sort_keys=True)}\n"
      "    return _build(folder)\n");
  BuildRequest with = request(root);
  with.settings = {{"one", "1"}, {"two", "a"}, {"two", "b"}, {"two", "c"}};
  EXPECT_EQ(content(frontend()->build_wheel(with, {}), "out"), R"({"one": "1", "two": ["a", "b", "c"]})");
  EXPECT_EQ(content(frontend()->build_wheel(request(root), {}), "out"), "null");
}

TEST_F(BuildTest, UsesTheEnvironmentWhereIsolationIsNotWanted) {
  const Environment env = create_usual();
  write(env.site_packages() / "tiny.py", kBackend);
  const fs::path root = folder() / "tree";
  write(root / "pyproject.toml", "[build-system]\nrequires = ['not-looked-for']\nbuild-backend = 'tiny'\n");
  write(root / "project", "foo 1.0");
  frontend({.without_isolation = env.python()})->build_wheel(request(root), {});
  EXPECT_EQ(ran(root).size(), 1U);
  frontend({.without_isolation = env.python()})->build_wheel(request(root), {});
  EXPECT_EQ(ran(root).size(), 1U);
  // Another environment, another wheel.
  write(env.site_packages() / "more-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: more\nVersion: 1.0\n");
  frontend({.without_isolation = env.python()})->build_wheel(request(root), {});
  EXPECT_EQ(ran(root).size(), 2U);

  fs::remove(env.site_packages() / "tiny.py");
  const Told error = told(
      [&] { frontend({.without_isolation = env.python()})->build_wheel(request(root, "sha256:2"), {}); });
  EXPECT_THAT(error.error, HasSubstr("the backend `tiny` cannot be loaded"));
  EXPECT_THAT(error.hints, ElementsAre(HasSubstr("`moat install 'not-looked-for'`")));
  EXPECT_THAT(error.details, IsEmpty());
}

TEST_F(BuildTest, HoldsBuildRequirementsToTheirConstraints) {
  for (const char* version : {"1.0", "2.0"})
    index_.add(
        WheelBuilder("needed", version).file("needed.py", std::string("version = '") + version + "'\n"));
  const fs::path root = tree("\ndef _files():\n    import needed\n    return {'out': needed.version}\n");
  write(root / "pyproject.toml",
        "[build-system]\nrequires = ['needed']\nbuild-backend = 'tiny'\n"
        "backend-path = ['backend']\n");
  BuildOptions options;
  EXPECT_EQ(content(frontend(options)->build_wheel(request(root), {}), "out"), "2.0");
  options.requirements.constraints = {{Requirement::parse("needed<2").value(), {"constraints.txt:1"}, {}}};
  EXPECT_EQ(content(frontend(options)->build_wheel(request(root), {}), "out"), "1.0");
}

TEST_F(BuildTest, TakesAwayWhatSetuptoolsLeaves) {
  const fs::path root = tree(R"(
for folder in ("build/lib", "build/bdist.linux", "build/temp.linux", "new.egg-info", "src/new.egg-info", "_skbuild"):
    os.makedirs(folder, exist_ok=True)
    open(folder + "/file", "w").close()
)");
  write(root / "old.egg-info/PKG-INFO", "");
  write(root / "src/code.py", "");
  frontend()->build_wheel(request(root, ""), {});
  for (const char* gone : {"build/lib", "build/bdist.linux", "new.egg-info", "src/new.egg-info"})
    EXPECT_FALSE(fs::exists(root / gone)) << gone;
  // What was there, and what makes the next build quicker.
  for (const char* kept : {"old.egg-info/PKG-INFO", "src/code.py", "build/temp.linux/file", "_skbuild/file"})
    EXPECT_TRUE(fs::exists(root / kept)) << kept;
}

TEST_F(BuildTest, LeavesABuildFolderThatWasThere) {
  const fs::path root = tree("\nos.makedirs('build/lib.new', exist_ok=True)\n");
  write(root / "build/lib/old.py", "");
  write(root / "build/notes.txt", "");
  frontend()->build_wheel(request(root, ""), {});
  EXPECT_TRUE(fs::exists(root / "build/lib/old.py"));
  EXPECT_TRUE(fs::exists(root / "build/notes.txt"));
  EXPECT_FALSE(fs::exists(root / "build/lib.new"));
}

TEST_F(BuildTest, BuildsAFolderInItsPlace) {
  // setuptools' too: `../VERSION`, links that lead out, a repository's own .git file, and things that are no
  // files.
  index_.add(WheelBuilder("setuptools", "80").file("setuptools/__init__.py", ""));
  const fs::path root = tree(
      "\ndef _files():\n    return {'out': open('../VERSION').read() + open('shared/code.py').read() + "
      "open('.git').read()}\n");
  write(root / "pyproject.toml",
        "[build-system]\nrequires = ['setuptools', '', ' ']\nbuild-backend = 'tiny'\nbackend-path = "
        "['backend']\n");
  write(root.parent_path() / "VERSION", "3.4.5 ");
  write(root.parent_path() / "elsewhere/code.py", "code ");
  write(root / ".git", "gitdir: ../.git/worktrees/tree");
  fs::create_directory_symlink("../elsewhere", root / "shared");
  fs::create_symlink("nowhere", root / "dangling");
  fs::create_directory_symlink(".", root / "loop");
  ASSERT_EQ(::mkfifo((root / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(content(frontend()->build_wheel(request(root, ""), {}), "out"),
            "3.4.5 code gitdir: ../.git/worktrees/tree");
}

TEST_F(BuildTest, AWheelKeepsToTheMetadataThatWasAskedForBefore) {
  const fs::path root = tree(R"(
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _ran("metadata: %s" % (metadata_directory and os.path.basename(metadata_directory)))
    if metadata_directory:
        _ran(open(os.path.join(metadata_directory, "METADATA")).readline().strip())
    return _wheel(wheel_directory, _files())
)");
  const auto front = frontend();
  front->build_wheel(request(root, ""), {});
  front->metadata(request(root, ""), {});
  front->build_wheel(request(root, ""), {});
  EXPECT_THAT(ran(root), ElementsAre("metadata: None", "prepare_metadata", "metadata: foo-1.0.dist-info",
                                     "Metadata-Version: 2.1"));
}

// --- what outlives it ---

constexpr const char* kLeaver = R"PY(
import fcntl, subprocess
def _files():
    # In a session of its own and in the build's, holding a lock for as long as it lives.
    code = ("import fcntl, time; f = open('held%d', 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
            "print('y', flush=True); time.sleep(600)")
    for new_session in (True, False):
        child = subprocess.Popen([sys.executable, "-c", code % new_session], stdout=subprocess.PIPE,
                                 start_new_session=new_session)
        child.stdout.readline()
    return {"out": ""}
)PY";

bool is_locked(const fs::path& path) {
  const UniqueFd file = open_file(path, O_RDWR);
  return ::flock(file.get(), LOCK_EX | LOCK_NB) != 0;
}

TEST_F(BuildTest, NothingOutlivesABuild) {
  const fs::path root = tree(kLeaver);
  frontend()->build_wheel(request(root), {});
  EXPECT_FALSE(is_locked(root / "held0"));
  EXPECT_FALSE(is_locked(root / "held1"));
}

TEST_F(BuildTest, NothingOutlivesABuildThatFails) {
  const fs::path failed =
      tree(std::string(kLeaver) + "\ndef build_wheel(*a):\n    _files()\n    sys.exit(1)\n");
  told([&] { frontend()->build_wheel(request(failed), {}); });
  EXPECT_FALSE(is_locked(failed / "held1"));
}

class SealTest : public InFolder {
 protected:
  fs::path seal() {
    const fs::path program = folder() / "seal";
    if (!fs::exists(program)) write_file_atomically(program, seal_image(), 0755);
    return program;
  }
  ProcessResult run(const std::string& modes, const std::string& script) {
    Command command{.argv = {seal().string(), modes, "/bin/sh", "-c", script}};
    command.directory = folder();
    command.merge_output = true;
    return run_process(command);
  }
  bool allows(const std::string& modes) {
    return run_process(Command{.argv = {seal().string(), modes, "--check"}}).status == 0;
  }
};

TEST_F(SealTest, NothingStaysBehindInAnyMode) {
  for (const std::string modes : {"r", "p", "nr", "np"}) {
    if (!allows(modes)) {
      EXPECT_NE(modes, "r");
      continue;
    }
    // `flock` of a daemon in a session of its own, whose parent is gone, too.
    const ProcessResult result =
        run(modes,
            "for i in 1 2; do (setsid flock held$i sh -c 'echo y >> ready; exec sleep 600' &); done; "
            "until [ \"$(wc -l < ready)\" = 2 ]; do :; done 2> errors; exit 7");
    EXPECT_EQ(result.status, 7) << modes << result.output;
    EXPECT_FALSE(is_locked(folder() / "held1")) << modes;
    EXPECT_FALSE(is_locked(folder() / "held2")) << modes;
    fs::remove(folder() / "ready");
  }
}

TEST_F(SealTest, TellsHowTheCommandEnded) {
  for (const std::string modes : {"r", "p"}) {
    if (!allows(modes)) continue;
    EXPECT_EQ(run(modes, "exit 0").status, 0);
    EXPECT_EQ(run(modes, "kill -9 $$").status, 128 + 9);
    EXPECT_EQ(run_process(Command{.argv = {seal().string(), modes, "/no/such/program"}}).status, 126);
  }
}

TEST_F(SealTest, InAWorldOfItsOwnItSeesNobodyElse) {
  if (!allows("p")) GTEST_SKIP() << "no PID namespace may be made here";
  ::setenv("MOAT_TEST_SECRET", "hunter2", 1);
  Command command{
      .argv = {seal().string(), "p", "/bin/sh", "-c", "cat /proc/[0-9]*/environ; ls -d /proc/[0-9]*"}};
  command.environment = std::vector<std::pair<std::string, std::string>>{{"PATH", "/usr/bin:/bin"}};
  command.merge_output = true;
  const ProcessResult result = run_process(command);
  ::unsetenv("MOAT_TEST_SECRET");
  EXPECT_THAT(result.output, Not(HasSubstr("hunter2")));
  EXPECT_THAT(result.output, Not(HasSubstr(fmt::format("/proc/{}\n", ::getpid()))));
}

// --- what goes wrong ---

TEST_F(BuildTest, ShowsTheEndOfWhatAFailedBuildSaid) {
  const fs::path root = tree(
      "\ndef build_wheel(*a):\n    for i in range(100): print('line', i, flush=True)\n"
      "    os.system('echo of a child')\n    sys.exit('gcc: command not found')\n");
  const Told error = told([&] { frontend()->build_wheel(request(root), {}); });
  EXPECT_EQ(error.error,
            "build: cannot build foo 1.0 (foo-1.0.tar.gz): build_wheel of tiny: it failed (exit status 1)");
  EXPECT_EQ(error.details.size(), 31U);
  EXPECT_EQ(error.details.front(), "… 72 more lines");
  EXPECT_THAT(error.details,
              AllOf(Contains("line 99"), Contains("of a child"), Contains("gcc: command not found")));
  ASSERT_EQ(error.hints.size(), 2U);
  EXPECT_EQ(error.hints[0], "it needs the program gcc: `apt install gcc` (Debian, Ubuntu)");
  const std::string prefix = "full log: ";
  ASSERT_THAT(error.hints[1], HasSubstr(prefix));
  EXPECT_THAT(read_file(error.hints[1].substr(prefix.size())),
              AllOf(HasSubstr("line 0\n"), HasSubstr("line 99\n")));
  EXPECT_THAT(reporter_.notes(), Contains("line 0"));
}

TEST_F(BuildTest, ToleratesOutputThatIsNoText) {
  const fs::path root = tree(
      "\ndef build_wheel(*a):\n"
      "    os.write(1, b'caf\\xe9 \\x1b[31mred\\x1b[0m \\x07 \\xe2\\x82\\xac\\n')\n    sys.exit(3)\n");
  const Told error = told([&] { frontend()->build_wheel(request(root), {}); });
  EXPECT_THAT(error.error, HasSubstr("status 3"));
  EXPECT_THAT(error.details, ElementsAre("caf\xef\xbf\xbd red  €"));
}

TEST_F(BuildTest, RefusesWhatIsNotInTheFolderItGave) {
  const std::pair<const char*, const char*> kReturned[] = {
      {"'../foo-1.0-py3-none-any.whl'", "is not the name of something"},
      {"'/etc/passwd'", "is not the name of something"},
      {"''", "is not the name of something"},
      {"'..'", "is not the name of something"},
      {"'absent-1.0-py3-none-any.whl'", "made no such file"},
      {"None", "is not a name"},
      {"['a']", "is not a name"},
  };
  int number = 0;
  for (const auto& [returned, complaint] : kReturned) {
    const fs::path root = tree(std::string("\ndef build_wheel(*a): return ") + returned + "\n");
    const Told error =
        told([&] { frontend()->build_wheel(request(root, "x" + std::to_string(number++)), {}); });
    EXPECT_THAT(error.error, AllOf(HasSubstr("build: cannot build foo 1.0"), HasSubstr(complaint)))
        << returned;
  }
}

TEST_F(BuildTest, RefusesALinkInThePlaceOfAWheel) {
  const fs::path root = tree(
      "\n_build = build_wheel\ndef build_wheel(folder, *a):\n    name = _build('.')\n"
      "    os.symlink(os.path.abspath(name), os.path.join(folder, name))\n    return name\n");
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(root), {}); }).error,
              HasSubstr("made no such file"));
}

TEST_F(BuildTest, RefusesAWheelThatIsNone) {
  const fs::path root = tree(
      "\ndef build_wheel(folder, *a):\n    name = 'foo-1.0-py3-none-any.whl'\n"
      "    with zipfile.ZipFile(os.path.join(folder, name), 'w') as z:\n"
      "        z.writestr('foo.py', '')\n    return name\n");
  EXPECT_THAT(
      told([&] { frontend()->build_wheel(request(root), {}); }).error,
      HasSubstr("build: cannot build foo 1.0 (foo-1.0.tar.gz): its backend tiny did not make a valid wheel"));
}

TEST_F(BuildTest, RefusesAnAnswerThatItDidNotAskFor) {
  // The file of the answer is no secret.
  const fs::path root = tree(
      "\ndef build_wheel(*a):\n    import json\n"
      "    with open(json.load(open(sys.argv[1]))['answer'], 'w') as f: f.write('[[[')\n"
      "    sys.stdout.flush(); os._exit(0)\n");
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(root), {}); }).error,
              HasSubstr("its answer cannot be read"));
}

TEST_F(BuildTest, NoticesAnEndWithoutAnAnswer) {
  const fs::path root = tree("\ndef build_wheel(*a): sys.exit(0)\n");
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(root), {}); }).error,
              HasSubstr("it gave no answer"));
}

TEST_F(BuildTest, RefusesAnotherNameOrVersion) {
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(tree("", "bar 1.0")), {}); }).error,
              HasSubstr("it turns out to be bar 1.0, and foo 1.0 was asked for"));
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(tree("", "foo 2.0")), {}); }).error,
              HasSubstr("it turns out to be foo 2.0, and foo 1.0 was asked for"));
  EXPECT_THAT(told([&] { frontend()->metadata(request(tree("", "bar 1.0")), {}); }).error,
              HasSubstr("it turns out to be bar 1.0, and foo 1.0 was asked for"));
  // Spelled otherwise, the same.
  EXPECT_EQ(frontend()->build_wheel(request(tree("", "Foo 1.0.0")), {}).dist_info, "Foo-1.0.0.dist-info");
}

TEST_F(BuildTest, RefusesAWheelThatIsNotWhatItsMetadataSaid) {
  const fs::path root = tree();
  BuildRequest unknown = request(root);
  unknown.name.reset();
  unknown.version.reset();
  frontend()->metadata(unknown, {});
  write(root / "project", "foo 1.1");
  EXPECT_THAT(told([&] { frontend()->build_wheel(unknown, {}); }).error,
              HasSubstr("its wheel is foo 1.1, and its metadata had said foo 1.0"));
}

TEST_F(BuildTest, RefusesABackendFromElsewhereThanItsPath) {
  index_.add(WheelBuilder("tiny-backend", "1.0").file("tiny.py", kBackend));
  const fs::path root = folder() / "tree";
  write(root / "pyproject.toml",
        "[build-system]\nrequires = ['tiny-backend']\nbuild-backend = 'tiny'\n"
        "backend-path = ['backend']\n");
  make_directories(root / "backend");
  write(root / "project", "foo 1.0");
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(root), {}); }).error,
              HasSubstr("no module 'tiny' in backend-path"));

  fs::remove(root / "backend");
  write(folder() / "elsewhere/tiny.py", kBackend);
  fs::create_directory_symlink(folder() / "elsewhere", root / "backend");
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(root, "2"), {}); }).error,
              HasSubstr("backend-path leads out of the source tree"));
}

TEST_F(BuildTest, TellsABackendThatIsNotBroughtFromOneThatLacksSomething) {
  index_.add(WheelBuilder("tiny-backend", "1.0").file("tiny.py", "import absent_module\n"));
  const fs::path root = tree();
  write(root / "pyproject.toml",
        "[build-system]\nrequires = ['tiny-backend']\nbuild-backend = 'other.api'\n");
  Told error = told([&] { frontend()->build_wheel(request(root), {}); });
  EXPECT_THAT(error.hints,
              ElementsAre("its [build-system] requires (tiny-backend) do not bring its backend: a "
                          "fault of the package"));
  write(root / "pyproject.toml", "[build-system]\nrequires = ['tiny-backend']\nbuild-backend = 'tiny'\n");
  error = told([&] { frontend()->build_wheel(request(root), {}); });
  EXPECT_THAT(error.hints, Contains(HasSubstr("`moat install absent_module`")));
  EXPECT_THAT(error.details, Contains(HasSubstr("import absent_module")));
}

TEST_F(BuildTest, FindsABackendInAnObject) {
  const fs::path root = tree(
      "\nclass _Inner: pass\n_inner = _Inner()\n_inner.object = _Inner()\n"
      "_inner.object.build_wheel = lambda *a: build_wheel(*a)\n");
  write(root / "pyproject.toml",
        "[build-system]\nrequires = []\nbuild-backend = 'tiny:_inner.object'\n"
        "backend-path = ['backend']\n");
  EXPECT_EQ(frontend()->build_wheel(request(root), {}).dist_info, "foo-1.0.dist-info");
}

TEST_F(BuildTest, SaysThatThereIsNothingToBuild) {
  make_directories(folder() / "tree");
  EXPECT_EQ(told([&] { frontend()->build_wheel(request(folder() / "tree"), {}); }).error,
            "build: cannot build foo 1.0 (foo-1.0.tar.gz): there is neither a pyproject.toml nor a setup.py");
  write(folder() / "tree/pyproject.toml", "[build-system]\n");
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(folder() / "tree"), {}); }).error,
              HasSubstr("pyproject.toml: [build-system] has no `requires`"));
}

TEST_F(BuildTest, RefusesRequirementsThatAreNone) {
  const fs::path root = tree("\ndef get_requires_for_build_wheel(settings=None): return ['=>1']\n");
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(root), {}); }).error,
              HasSubstr("get_requires_for_build_wheel: `=>1` is not a requirement"));
  tree("\ndef get_requires_for_build_wheel(settings=None): return 'setuptools'\n");
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(root), {}); }).error,
              HasSubstr("what it returned is not a list of requirements"));
}

TEST_F(BuildTest, TellsWhichBuildWantsWhatCannotBeHad) {
  const fs::path root =
      tree("\ndef get_requires_for_build_wheel(settings=None): return ['nobody-has-this']\n");
  const Told error = told([&] { frontend()->build_wheel(request(root), {}); });
  EXPECT_THAT(error.error, HasSubstr("build requirements of foo 1.0 (foo-1.0.tar.gz): "));
  EXPECT_THAT(join(error.details, "\n"), HasSubstr("nobody-has-this"));
}

TEST_F(BuildTest, BuildsNothingWhereBuildsAreForbidden) {
  const fs::path root = tree();
  BuildOptions options;
  options.requirements.binary.allow_sdists = false;
  for (const auto& act : {std::function<void()>([&] { frontend(options)->build_wheel(request(root), {}); }),
                          std::function<void()>([&] { frontend(options)->metadata(request(root), {}); })})
    EXPECT_EQ(told(act).error,
              "refused: foo 1.0 (foo-1.0.tar.gz) would have to be built, and builds are forbidden");
  EXPECT_THAT(ran(root), IsEmpty());
}

TEST_F(BuildTest, EndsWhenStopped) {
  const fs::path root = tree(
      "\nimport subprocess, time\ndef build_wheel(*a):\n"
      "    subprocess.Popen(['flock', 'held', 'sh', '-c', 'touch started; exec sleep 1000'])\n"
      "    time.sleep(1000)\n");
  std::stop_source stop;
  const std::jthread stopper([&] {
    while (!fs::exists(root / "started")) std::this_thread::yield();
    stop.request_stop();
  });
  EXPECT_THAT(told([&] { frontend()->build_wheel(request(root), stop.get_token()); }).error,
              HasSubstr("interrupted: "));
  // Free as soon as its holder is gone.
  const UniqueFd held = open_file(root / "held", O_RDWR);
  EXPECT_EQ(::flock(held.get(), LOCK_EX), 0);
}

TEST_F(BuildTest, EndsAHookThatTakesTooLong) {
  const fs::path root = tree("\nimport time\ndef build_wheel(*a): time.sleep(1000)\n");
  EXPECT_THAT(
      told([&] { frontend({.timeout = std::chrono::seconds(1)})->build_wheel(request(root), {}); }).error,
      HasSubstr("it took longer than 1 s"));
}

TEST(LastLines, CutsAndCleans) {
  EXPECT_THAT(last_lines("a\nb\nc\n\n", 5), ElementsAre("a", "b", "c"));
  EXPECT_THAT(last_lines("a\nb\nc\n", 2), ElementsAre("… 1 more line", "b", "c"));
  EXPECT_THAT(last_lines("", 5), IsEmpty());
  EXPECT_EQ(last_lines(std::string(2000, 'x'), 5).front().size(), 500 + std::string("…").size());
}

}  // namespace
}  // namespace moat::test
