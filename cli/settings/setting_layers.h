// The settings below the command line: their names, and the value that each layer (environment variables,
// [tool.moat] of the project, the user's file) gives them.
#pragma once

#include "fetch/os/variables.h"
#include "resolver/files/toml.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moat {

// The type of a setting's value.
enum class SettingKind { Flag, Text, Number, List, Table };

// nullopt: there is no such setting.
std::optional<SettingKind> setting_kind(std::string_view name);
// What a project's files may do with a setting (docs/security.md). A checkout is somebody else's text: it may
// say what its code needs, but not how the user's machine and passwords are used.
enum class ProjectMay {
  Set,
  Restrict,     // only `true`, which forbids something
  Assign,       // NAME=VALUE, but not NAME alone, which passes the user's value
  NameVersion,  // a version of Python, but no path or program
  NotSet,
};
// REQUIRES: a setting of this name.
ProjectMay project_may(std::string_view name);

// Every setting a file or a variable may hold, by its name in files: "index-url". The variable is MOAT_ and
// the name in capitals. (MOAT_HOME, MOAT_BIN_DIR and MOAT_ENV are variables only.)
std::vector<std::string> setting_names();

// "1", "true", "yes", "on" or their opposites, in any case.
std::optional<bool> parse_flag(std::string_view text);

// "0" to "1000000".
std::optional<int> parse_count(std::string_view text);

// A value and where it was found, for messages: "MOAT_INDEX_URL", "`index-url` in /p/pyproject.toml:3".
template <class T>
struct Told {
  T value;
  std::string where;
};

// Each query returns the value from the highest layer that has one, and throws Error(Usage or BadInput) that
// names the place if that value has the wrong type. `variables` must outlive this.
class SettingLayers {
 public:
  explicit SettingLayers(const Variables& variables) : variables_(variables) {}

  // Lower than the layers added before. `path` is for messages.
  void add_file(const std::filesystem::path& path, TomlTable table);
  // The same for [tool.moat] of a project or script: settings that it may not change have no effect.
  void add_project_file(const std::filesystem::path& path, TomlTable table);

  std::optional<Told<std::string>> text(std::string_view name) const;
  // Whole and not negative.
  std::optional<Told<int>> number(std::string_view name) const;
  std::optional<bool> flag(std::string_view name) const;
  // Variables: separated by spaces or line ends; files: a list, or one text.
  std::vector<std::string> list(std::string_view name) const;
  // The same without the project's value.
  std::vector<std::string> users_list(std::string_view name) const;
  // The values of all layers, the lowest first.
  std::vector<std::string> list_of_all(std::string_view name) const;
  std::optional<std::string> users_text(std::string_view name) const;
  // Merged from all files; a higher one overrides by key.
  std::map<std::string, std::string> table(std::string_view name) const;

  // Of any kind, as a list of strings: "true", "NAME=VALUE".
  std::optional<Told<std::vector<std::string>>> told(std::string_view name) const;

  // A warning for each name in a file that is not a setting, and for each that a project may not set.
  std::vector<std::string> warnings() const;

 private:
  struct File {
    std::filesystem::path path;
    TomlTable table;
    bool of_project = false;
  };
  struct Found {
    const File& file;
    const TomlValue& value;
  };

  std::optional<Told<std::string>> from_variable(std::string_view name) const;
  enum class Whose { All, Users };
  std::optional<Found> from_file(std::string_view name, Whose whose = Whose::All) const;
  std::vector<std::string> list(std::string_view name, Whose whose) const;

  const Variables& variables_;
  std::vector<File> files_;
  std::vector<std::string> refused_;  // warnings
};

}  // namespace moat
