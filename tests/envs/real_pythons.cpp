#include "tests/envs/real_pythons.h"

#include "fetch/bytes/hasher.h"

#include <unistd.h>

#include <cstdlib>

namespace moat::test {

namespace {

// The code that makes snapshots: those made by other code prove nothing about this one.
std::string code_stamp() {
  Hasher hasher;
  for (const char* source :
       {"snapshot.cpp", "runtime.cpp", "elf.cpp", "sysconfig_data.cpp", "interpreter.cpp"})
    hasher.update(read_file(fs::path(MOAT_SOURCE_DIR) / "envs/python" / source));
  return hasher.finish().hex;
}

fs::path store_folder() {
  const fs::path folder = fs::canonical("/proc/self/exe").parent_path() / "envs_tests.store";
  make_directories(folder);
  const FileLock lock =
      FileLock::acquire(folder / "stamp.lock", FileLock::Mode::Exclusive, std::chrono::seconds(60));
  if (read_file_if_exists(folder / "stamp").value_or("") != code_stamp()) {
    remove_tree(folder / "store");
    write_file_atomically(folder / "stamp", code_stamp());
  }
  return folder / "store";
}

}  // namespace

Store& shared_store() {
  static Store store(store_folder());
  return store;
}

Workers& shared_workers() {
  static Workers workers;
  return workers;
}

std::optional<fs::path> find_python(const std::string& which) {
  std::error_code failure;
  if (which == "debian" || which == "debug" || which == "pypy") {
    const fs::path path = which == "debian"  ? "/usr/bin/python3"
                          : which == "debug" ? "/usr/bin/python3-dbg"
                                             : "/usr/bin/pypy3";
    return fs::exists(path, failure) ? std::optional(path) : std::nullopt;
  }
  const char* home = std::getenv("HOME");
  if (!home) return std::nullopt;
  for (fs::directory_iterator it(fs::path(home) / ".pyenv/versions", failure), end; !failure && it != end;
       it.increment(failure))
    // "3.13t" is the free-threaded build, "3.13.1t".
    if (const std::string name = it->path().filename().string();
        name.ends_with('t') == which.ends_with('t') &&
        name.starts_with(which.substr(0, which.find('t')) + "."))
      return it->path() / "bin" / "python3";
  return std::nullopt;
}

std::string python_name(const testing::TestParamInfo<std::string>& info) {
  std::string name;
  for (const char c : info.param) name += c == '.' ? '_' : c;
  return name;
}

Runtime runtime_of(const fs::path& python) {
  Reporter reporter;
  return obtain_runtime(probe_interpreter(python, shared_store()), shared_store(), shared_workers(),
                        reporter);
}

ProcessResult run(std::vector<std::string> argv, Variables variables, const fs::path& directory) {
  Command command;
  command.argv = std::move(argv);
  variables.emplace_back("PATH", "/usr/local/bin:/usr/bin:/bin");
  command.environment = std::move(variables);
  command.directory = directory;
  command.timeout = std::chrono::minutes(2);
  return run_process(command);
}

std::string output_of(std::vector<std::string> argv, Variables variables, const fs::path& directory) {
  const std::string program = argv.at(0);
  ProcessResult result = run(std::move(argv), std::move(variables), directory);
  EXPECT_EQ(result.status, 0) << program << ": " << result.errors;
  while (result.output.ends_with('\n')) result.output.pop_back();
  return result.output;
}

fs::path InFolder::parent_folder() {
  constexpr std::uint64_t kRoom = 1'000'000'000;
  const fs::path memory = "/dev/shm";
  if (::access(memory.c_str(), W_OK) == 0 && free_space(memory).value_or(0) > kRoom) return memory;
  return fs::canonical(fs::temp_directory_path());
}

Environment InFolder::create(const fs::path& root, const fs::path& python, bool replace) {
  return create_environment({.root = root, .prompt = "", .link_mode = LinkMode::Auto, .replace = replace},
                            runtime_of(python), shared_workers());
}

}  // namespace moat::test
