// requirements.txt as pip reads it (not a standard): text → entries and options.
// Where it differs from pip on purpose, docs/differences.md says so.
#pragma once

#include "resolver/base/error.h"
#include "resolver/files/digest.h"
#include "resolver/files/requirements_text.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat {

// One requirement of a file, nested files included, in order.
struct RequirementsEntry {
  std::string text;            // what stands before the options, e.g. "foo>=1 ; python_version > '3'"
  std::string where;           // "requirements.txt:4"
  bool editable = false;       // -e
  bool constraint = false;     // comes from a -c file
  std::vector<Digest> hashes;  // --hash
  std::vector<std::pair<std::string, std::string>> config_settings;
};

// Options leak globally in pip: the last value wins across files.
struct RequirementsOptions {
  std::optional<std::string> index_url;
  std::vector<std::string> extra_index_urls;
  bool no_index = false;
  std::vector<std::string> find_links;
  std::vector<std::string> trusted_hosts, trusted_hosts_at;  // and the line of each: "requirements.txt:4"
  std::vector<std::pair<std::string, std::string>> binary;   // {"no-binary" | "only-binary", value}, in order
  bool prefer_binary = false;
  // {"all-releases" | "only-final", value} and {"pre", ""}, in order
  std::vector<std::pair<std::string, std::string>> releases;
  std::optional<bool> require_hashes;  // unset: on as soon as one entry has a hash
};

struct RequirementsFile {
  std::vector<RequirementsEntry> entries;
  RequirementsOptions options;
  std::vector<std::string> warnings;
};

struct RequirementsReader {
  // Contents of a file or URL (http, https, file) named in -r or -c; throws Error where there is none.
  std::function<std::string(const std::string& path)> read;
  // Value of an environment variable; nullopt when unset. For ${NAME}.
  std::function<std::optional<std::string>(const std::string& name)> variable;
  // Is there such a file or folder? A relative -f means the file's own folder if it exists there, else the
  // working directory.
  std::function<bool(const std::string& path)> exists;
  // Throws Error if this line may not read this variable although it is set. Default: every line may.
  std::function<void(const std::string& name, const std::string& line)> check_variable = {};
};

// Reads `path` and the files it includes. Error(BadInput) names file and line; recursion is an error, a
// diamond is not, unless it repeats very many files.
RequirementsFile read_requirements(const std::string& path, bool constraint,
                                   const RequirementsReader& reader);

}  // namespace moat
