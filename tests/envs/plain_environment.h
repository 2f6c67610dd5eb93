// An environment for tests that install things: all that Environment::open and the installer need, with a
// private runtime that is a link to a Python of the machine instead of a copy, so that it is made in no time.
#pragma once

#include "envs/environment/environment.h"
#include "fetch/bytes/hasher.h"
#include "fetch/os/process.h"
#include "fetch/os/workers.h"
#include "fetch/store/store.h"
#include "tests/envs/folder.h"
#include "tests/support/wheel_builder.h"

#include <string>

namespace moat::test {

class PlainEnvironment {
 public:
  explicit PlainEnvironment(const std::string& name = "env")
      : store(folder / "store"), interpreter(probe_interpreter("/usr/bin/python3", store)) {
    root = folder / name;
    const RuntimeLayout layout = runtime_layout(interpreter);
    for (const std::string directory : {"bin", "include", ".moat/rt/bin"})
      fs::create_directories(root / directory);
    fs::create_directories(root / venv_scheme(interpreter.implementation, interpreter.major_minor()).purelib);
    fs::create_symlink("lib", root / "lib64");
    fs::create_symlink(interpreter.executable, root / ".moat/rt" / layout.python);
    fs::create_symlink(interpreter.executable, root / "bin/python");
    folder.write(name + "/pyvenv.cfg", "home = " + interpreter.executable.parent_path().string() +
                                           "\ninclude-system-site-packages = false\nmoat = 2\n");
    folder.write(name + "/.moat/facts.json", to_json(interpreter));
    Manifest manifest;
    manifest.runtime = "3.11.7-0123456789abcdef";
    folder.write(name + "/.moat/manifest", format_manifest(manifest));
    site = venv_scheme(interpreter.implementation, interpreter.major_minor()).purelib;
  }

  Environment open() const { return Environment::open(root); }

  StoredWheel stored(const testing::WheelBuilder& builder) {
    const fs::path file = builder.write(folder.path());
    return store.add_wheel(file, *WheelFilename::parse(builder.filename()), builder.filename(),
                           hash_file(file), workers);
  }

  bool has(const std::string& path) const { return fs::exists(fs::symlink_status(root / path)); }
  std::string read(const std::string& path) const { return read_file(root / path); }
  void write(const std::string& path, const std::string& text) const {
    folder.write(root.filename().string() + "/" + path, text);
  }
  // What Python says, started in the environment.
  std::string python(const std::string& code) const {
    const ProcessResult result =
        run_process({.argv = {(root / "bin/python").string(), "-c", code}, .directory = "/"});
    return result.output + result.errors;
  }

  Folder folder;
  Store store;
  Workers workers{2};
  Interpreter interpreter;
  fs::path root;
  std::string site;  // lib/python3.11/site-packages
};

}  // namespace moat::test
