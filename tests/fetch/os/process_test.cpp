#include "fetch/os/process.h"

#include "fetch/os/file.h"
#include "resolver/base/error.h"

#include <gmock/gmock.h>
#include <signal.h>

#include <string>
#include <thread>

namespace moat {
namespace {

using ::testing::HasSubstr;

Command shell(const std::string& script) {
  Command command;
  command.argv = {"/bin/sh", "-c", script};
  return command;
}

TEST(Process, GivesStatusAndBothStreams) {
  const ProcessResult result = run_process(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.errors, "err\n");
  EXPECT_FALSE(result.timed_out);
}

TEST(Process, MergesInOrder) {
  Command command = shell("echo 1; echo 2 >&2; echo 3");
  command.merge_output = true;
  EXPECT_EQ(run_process(command).output, "1\n2\n3\n");
}

TEST(Process, PassesLotsOfInputThroughWithoutDeadlock) {
  Command command = shell("cat; echo done >&2");
  command.input = std::string(3'000'000, 'x');
  const ProcessResult result = run_process(command);
  EXPECT_EQ(result.output.size(), command.input.size());
  EXPECT_EQ(result.errors, "done\n");
}

TEST(Process, KeepsTheBeginningAndTheEndOfTooMuchOutput) {
  Command command =
      shell("echo first; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo last; echo short >&2");
  command.most_output = 1000;
  const ProcessResult result = run_process(command);
  EXPECT_THAT(result.output, ::testing::StartsWith("first\nxxx"));
  EXPECT_THAT(result.output, ::testing::EndsWith("xxx\nlast\n"));
  EXPECT_THAT(result.output, HasSubstr("\n[2999012 bytes are left out]\n"));
  EXPECT_LT(result.output.size(), 1100U);
  EXPECT_EQ(result.errors, "short\n");
}

TEST(Process, SurvivesAChildThatDoesNotReadItsInput) {
  Command command = shell("exec 0<&-; echo deaf");
  command.input = std::string(3'000'000, 'x');
  EXPECT_EQ(run_process(command).output, "deaf\n");
}

TEST(Process, HasEmptyInputByDefault) { EXPECT_EQ(run_process(shell("cat; echo end")).output, "end\n"); }

TEST(Process, EnvironmentIsExactlyWhatIsGiven) {
  Command command;
  command.argv = {"env"};
  command.environment = {{"PATH", "/usr/bin:/bin"}, {"A", "b=c"}};
  EXPECT_EQ(run_process(command).output, "PATH=/usr/bin:/bin\nA=b=c\n");
}

TEST(Process, RunsInTheDirectoryGiven) {
  const TempDir temp(fs::canonical(::testing::TempDir()), "process-test");
  Command command = shell("pwd");
  command.directory = temp.path();
  EXPECT_EQ(run_process(command).output, temp.path().string() + "\n");
  command.directory = temp.path() / "none";
  EXPECT_THROW(run_process(command), Error);
}

TEST(Process, SignalsCountAs128AndMore) { EXPECT_EQ(run_process(shell("kill -9 $$")).status, 128 + SIGKILL); }

TEST(Process, TimeoutKillsTheWholeGroup) {
  Command command = shell("sleep 1000 & echo $!; wait");
  command.timeout = std::chrono::seconds(2);  // enough for a shell to start on a busy machine
  const ProcessResult result = run_process(command);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.status, 128 + SIGKILL);
  ASSERT_FALSE(result.output.empty());
  // A zombie may stay until init reaps it, a living `sleep` may not; the kernel takes a moment to kill it.
  const std::string proc = "/proc/" + std::to_string(std::stoi(result.output)) + "/status";
  const auto lives = [&] {
    const auto status = read_file_if_exists(proc);
    return status && status->find("State:\tZ") == std::string::npos &&
           status->find("State:\tX") == std::string::npos;
  };
  for (int i = 0; i < 1000 && lives(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(lives());
}

TEST(Process, StopKills) {
  std::stop_source source;
  Command command = shell("echo begun; sleep 1000");
  const std::jthread stopper([&] { source.request_stop(); });
  EXPECT_EQ(run_process(command, source.get_token()).status, 128 + SIGKILL);
}

TEST(Process, DoesNotWaitForWhatTheChildLeftBehind) {
  const auto begin = std::chrono::steady_clock::now();
  const ProcessResult result = run_process(shell("sleep 20 & echo left"));
  EXPECT_EQ(result.output, "left\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Process, SignalsOfTheChildAreAtTheirDefaults) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const ProcessResult result = run_process(shell("grep SigBlk /proc/self/status"));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(result.output, "SigBlk:\t0000000000000000\n");
}

TEST(Process, SaysWhyAProgramDoesNotStart) {
  const TempDir temp(::testing::TempDir(), "process-test");
  write_file_atomically(temp.path() / "script", "#!/no/such/interpreter\n", 0777);
  const auto message = [](const std::string& program) -> std::string {
    Command command;
    command.argv = {program};
    try {
      run_process(command);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::Interpreter);
      return error.what();
    }
    return "it ran";
  };
  EXPECT_THAT(message("/no/such/program"), HasSubstr("No such file"));
  EXPECT_THAT(message("no-such-program-anywhere"), HasSubstr("not found on PATH"));
  EXPECT_THAT(message(temp.path() / "script"), HasSubstr("first line"));
  EXPECT_THAT(message("/etc/passwd"), HasSubstr("Permission denied"));
}

TEST(FindProgram, TakesTheFirstExecutableFile) {
  const TempDir temp(::testing::TempDir(), "process-test");
  const fs::path& here = temp.path();
  make_directories(here / "a/tool");
  make_directories(here / "b");
  make_directories(here / "c");
  write_file_atomically(here / "b/tool", "", 0666);
  write_file_atomically(here / "c/tool", "", 0777);
  const std::string path = (here / "a").string() + "::" + (here / "b").string() + ":" + (here / "c").string();
  EXPECT_EQ(find_program("tool", path), here / "c/tool");
  EXPECT_EQ(find_program("none", path), std::nullopt);
  EXPECT_EQ(find_program("tool", ""), std::nullopt);
}

}  // namespace
}  // namespace moat
