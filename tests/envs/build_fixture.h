// For tests of builds: trees that build themselves by a tiny backend, and a frontend with a store, an index
// and sources of its own.
#pragma once

#include "envs/build/build.h"
#include "fetch/sources/sources.h"
#include "resolver/base/text.h"
#include "tests/envs/real_pythons.h"
#include "tests/support/loopback_index.h"
#include "tests/support/wheel_builder.h"

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace moat::test {

using testing::LoopbackIndex;
using testing::LoopbackServer;
using testing::WheelBuilder;

// A whole build backend: the name and version it gives come from `project` in the tree, and each test adds to
// it or takes away.
inline constexpr const char* kBackend = R"(
import base64, hashlib, os, sys, zipfile

def _project():
    with open("project") as file:
        return file.read().split()

def _ran(what):
    with open("ran", "a") as file:
        file.write(what + "\n")

def _metadata():
    name, version = _project()[:2]
    return "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)

def _wheel(folder, files):
    name, version = _project()[:2]
    info = "%s-%s.dist-info/" % (name, version)
    files = dict(files)
    files[info + "METADATA"] = _metadata()
    files[info + "WHEEL"] = "Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = ""
    filename = "%s-%s-py3-none-any.whl" % (name, version)
    with zipfile.ZipFile(os.path.join(folder, filename), "w") as archive:
        for path, text in sorted(files.items()):
            data = text.encode()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record += "%s,sha256=%s,%d\n" % (path, digest, len(data))
            archive.writestr(zipfile.ZipInfo(path, (2020, 2, 2, 0, 0, 0)), data)
        archive.writestr(zipfile.ZipInfo(info + "RECORD", (2020, 2, 2, 0, 0, 0)), record + info + "RECORD,,\n")
    return filename

def _files():
    return {_project()[0] + ".py": "made_by = %r\n" % sys.version}

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _ran("build_wheel")
    return _wheel(wheel_directory, _files())

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    _ran("build_editable")
    return _wheel(wheel_directory, {_project()[0] + ".pth": os.getcwd() + "\n"})

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    _ran("prepare_metadata")
    info = "%s-%s.dist-info" % tuple(_project()[:2])
    os.mkdir(os.path.join(metadata_directory, info))
    with open(os.path.join(metadata_directory, info, "METADATA"), "w") as file:
        file.write(_metadata())
    return info
)";

inline constexpr const char* kInTree = R"(
[build-system]
requires = []
build-backend = "tiny"
backend-path = ["backend"]
)";

class Listener final : public Reporter {
 public:
  void note(std::string_view message) override {
    const std::lock_guard lock(mutex_);
    notes_.emplace_back(message);
  }
  std::vector<std::string> notes() const {
    const std::lock_guard lock(mutex_);
    return notes_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> notes_;
};

// The error that a piece of work throws, as `kind: message`, with what stands below it.
struct Told {
  std::string error;
  std::vector<std::string> hints, details;
};
template <class F>
Told told(F&& act) {
  try {
    act();
  } catch (const Error& error) {
    return {std::string(to_string(error.kind())) + ": " + error.what(), error.hints(), error.details()};
  }
  return {"nothing was thrown", {}, {}};
}

class BuildTest : public InFolder {
 protected:
  // A store of its own, so that what was built is this test's; the snapshots, which take seconds, are
  // everybody's.
  Store& store_for(const fs::path& python) {
    if (store_) return *store_;
    runtime_of(python);
    const fs::path root = folder() / "store";
    fs::create_directories(root);
    fs::create_directory_symlink(shared_store().layout().root / "runtimes", root / "runtimes");
    store_.emplace(root);
    return *store_;
  }
  Store& store() { return store_for(python_); }

  std::unique_ptr<BuildFrontend> frontend(BuildOptions options = {}) {
    if (options.requirements.indexes.indexes.indexes.empty())
      options.requirements.indexes.indexes.indexes = {{"", *Url::parse(index_.url())}};
    if (!sources_) sources_.emplace(http_, store(), reporter_, GitOptions{});
    options.requirements.indexes.sources = &*sources_;
    const Interpreter interpreter = probe_interpreter(python_, shared_store());
    return std::make_unique<BuildFrontend>(std::move(options), interpreter, http_, store(), shared_workers(),
                                           reporter_);
  }

  void write(const fs::path& file, std::string_view text) const {
    make_directories(file.parent_path());
    write_file_atomically(file, text);
  }
  // A tree that builds itself: foo 1.0.
  fs::path tree(const std::string& more_backend = "", const std::string& project = "foo 1.0",
                const std::string& folder_name = "tree") const {
    const fs::path root = folder() / folder_name;
    write(root / "pyproject.toml", kInTree);
    write(root / "backend/tiny.py", kBackend + more_backend);
    write(root / "project", project);
    return root;
  }
  BuildRequest request(const fs::path& tree, const std::string& key = "sha256:abc") const {
    return {.tree = {tree, "foo 1.0 (foo-1.0.tar.gz)", key},
            .name = PackageName::parse("foo").value(),
            .version = Version::parse("1.0").value(),
            .settings = {}};
  }
  // The tree as a source distribution of the index.
  void offer(const std::string& name, const std::string& requirements, const std::string& more_backend = "") {
    const std::string stem = name + "-1.0";
    const fs::path root = tree(more_backend, name + " 1.0", stem);
    write(root / "pyproject.toml", "[build-system]\nrequires = [" + requirements +
                                       "]\nbuild-backend = 'tiny'\nbackend-path = ['backend']\n");
    const std::string archive = stem + ".tar.gz";
    output_of({"/usr/bin/tar", "-czf", archive, stem}, {}, folder());
    index_.add_file(name, archive, read_file(folder() / archive));
  }
  static std::vector<std::string> ran(const fs::path& tree) {
    std::vector<std::string> out;
    const std::string text = read_file_if_exists(tree / "ran").value_or("");
    for (const std::string_view line : split_lines(text)) out.emplace_back(line);
    return out;
  }
  static std::string content(const StoredWheel& wheel, const std::string& path) {
    return read_file(wheel.tree / path);
  }
  // Runs `code` as build_wheel of foo, and gives what it stored in `out`.
  std::string seen_by_backend(const std::string& code, BuildOptions options = {}) {
    const fs::path root = tree("\ndef _files():\n    out = ''\n" + code + "    return {'out': str(out)}\n");
    return content(frontend(std::move(options))->build_wheel(request(root), {}), "out");
  }

  fs::path python_ = "/usr/bin/python3";
  LoopbackIndex index_;
  HttpClient http_{HttpOptions{}};
  Listener reporter_;

 private:
  std::optional<Store> store_;
  std::optional<Sources> sources_;
};

}  // namespace moat::test
