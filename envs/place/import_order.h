// Which sources a program imports first, as far as this can be told without running anything: background
// compilation begins with them.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// "foo.bar" for "foo/bar.py", "foo" for "foo/__init__.py"; "" where the path names no module.
std::string module_name(std::string_view path);

// Absolute names of the modules that importing this one imports, in order; for `from a import b` both "a" and
// "a.b", as b may be a module. Ignores imports in functions and classes and below TYPE_CHECKING.
std::vector<std::string> imported_modules(std::string_view source, std::string_view module, bool is_package);

struct ImportableFile {
  std::string path;       // as it lies in site-packages: "foo/__init__.py"
  bool is_start = false;  // imported by the user: a top-level module of a package that was asked for
};
// Places in `files`: the starts and what they import, breadth first, then the rest. `read` gives a file's
// text.
std::vector<std::size_t> import_order(const std::vector<ImportableFile>& files,
                                      const std::function<std::string(std::size_t)>& read);

}  // namespace moat
