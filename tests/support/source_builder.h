// A small real SourceBuilder: it makes a wheel of the tree's project.json-like facts, without any Python.
#pragma once

#include "fetch/bytes/hasher.h"
#include "fetch/os/file.h"
#include "fetch/os/guarded.h"
#include "fetch/os/process.h"
#include "fetch/sources/source_builder.h"
#include "tests/support/wheel_builder.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace moat::testing {

// A .tar.gz of one folder `stem` with these files.
inline std::string sdist_bytes(const std::string& stem,
                               const std::vector<std::pair<std::string, std::string>>& files) {
  const TempDir work(std::filesystem::temp_directory_path(), "sdist");
  for (const auto& [path, contents] : files) {
    std::filesystem::create_directories((work.path() / stem / path).parent_path());
    write_bytes(work.path() / stem / path, contents);
  }
  const std::filesystem::path out = work.path() / "sdist.tar.gz";
  run_process({.argv = {"/bin/tar", "-czf", out.native(), "-C", work.path().native(), stem}});
  return read_file(out);
}

// A tree tells its name in setup.py: `# NAME VERSION REQUIREMENT…`. That is all there is to build.
class CommentBuilder final : public SourceBuilder {
 public:
  CommentBuilder(Store& store, Workers& workers) : store_(store), workers_(workers) {}

  std::string metadata(const BuildRequest& request, std::stop_token) override {
    ++metadata_asked;
    asked_.with([&](auto& asked) { asked.insert(request.tree.key); });
    return wheel(request).metadata_text();
  }
  // It knows what it has been asked before.
  std::optional<std::string> known_metadata(const BuildRequest& request) override {
    if (asked_.with([&](auto& asked) { return !asked.contains(request.tree.key); })) return std::nullopt;
    return wheel(request).metadata_text();
  }
  StoredWheel build_wheel(const BuildRequest& request, std::stop_token) override {
    ++wheels_built;
    const TempDir folder = store_.make_temp("built");
    const std::filesystem::path file = wheel(request).write(folder.path());
    const auto name = WheelFilename::parse(file.filename().string());
    return store_.add_wheel(file, *name, file.filename().string(), hash_file(file), workers_);
  }
  StoredWheel build_editable(const BuildRequest& request, std::stop_token stop) override {
    return build_wheel(request, stop);
  }

  std::atomic<int> metadata_asked{0}, wheels_built{0};

 private:
  static WheelBuilder wheel(const BuildRequest& request) {
    std::ifstream file(request.tree.path / "setup.py");
    std::string hash, name, version, requirement;
    if (!(file >> hash >> name >> version)) throw Error(ErrorKind::Build, "it says nothing");
    WheelBuilder builder(name, version);
    while (file >> requirement) builder.requires_dist(requirement);
    return builder;
  }

  Store& store_;
  Workers& workers_;
  Guarded<std::set<std::string>> asked_;
};

}  // namespace moat::testing
