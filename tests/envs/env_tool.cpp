// env_tool create ENV --python BASE --store DIR [--replace] [--share] [--prompt TEXT] [--timings]
#include "envs/environment/environment.h"
#include "envs/python/discovery.h"
#include "fetch/os/file.h"

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

class Laps {
 public:
  void lap(const char* name) {
    const auto now = Clock::now();
    std::cerr << name << " " << std::chrono::duration<double, std::milli>(now - last_).count() << " ms\n";
    last_ = now;
  }

 private:
  Clock::time_point last_ = Clock::now();
};

int create(const std::vector<std::string>& words) {
  moat::CreateOptions options;
  options.root = words.at(1);
  std::string python, store_folder;
  bool timings = false;
  for (std::size_t i = 2; i < words.size(); ++i) {
    if (words[i] == "--python") python = words.at(++i);
    if (words[i] == "--store") store_folder = words.at(++i);
    if (words[i] == "--prompt") options.prompt = words.at(++i);
    if (words[i] == "--replace") options.replace = true;
    if (words[i] == "--share") options.link_mode = moat::LinkMode::Hardlink;
    if (words[i] == "--timings") timings = true;
  }
  Laps laps;
  moat::Store store(store_folder);
  moat::Workers workers;
  moat::Reporter reporter;
  const char* path = std::getenv("PATH");
  const char* home = std::getenv("HOME");
  const moat::DiscoveryOptions discovery{.path = path ? path : "",
                                         .home = home ? home : "",
                                         .pyenv_root = {},
                                         .pyenv_version = {},
                                         .working_directory = moat::fs::current_path()};
  const moat::Interpreter interpreter = python.empty() ? moat::default_interpreter(discovery, store)
                                                       : moat::find_interpreter(python, discovery, store);
  if (timings) laps.lap("interpreter");
  const moat::Runtime runtime = moat::obtain_runtime(interpreter, store, workers, reporter);
  if (timings) laps.lap("runtime");
  const auto environment = moat::create_environment(options, runtime, workers);
  if (timings) laps.lap("environment");
  std::cout << environment.root().string() << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() >= 2 && words[0] == "create") return create(words);
    std::cerr << "env_tool create ENV --python BASE --store DIR\n";
    return 2;
  } catch (const moat::Error& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
