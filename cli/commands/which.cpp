// moat which NAME…: the file, version and environment of a command, a module or a package.
#include "cli/commands/commands.h"
#include "cli/session/open_env.h"
#include "envs/environment/installed.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/record.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace moat {
namespace {

struct Answer {
  std::string kind;  // command, module, package
  fs::path file;
  std::string package, version;  // "" where no package owns the file
};

// The owner of a file: from the RECORD of each distribution, so that foreign environments work as well.
class Owners {
 public:
  Owners(const Environment& environment, const InstalledDistributions& installed)
      : site_(environment.site_packages()) {
    for (const InstalledDistribution& distribution : installed.all) {
      const std::optional<std::string> text = read_file_if_exists(distribution.info / "RECORD");
      const Expected<std::vector<RecordEntry>> record = text ? parse_record(*text) : parse_error("none");
      if (!record) continue;
      for (const RecordEntry& entry : *record)
        owners_.emplace((site_ / entry.path).lexically_normal().native(), &distribution);
    }
  }
  const InstalledDistribution* of(const fs::path& file) const {
    const auto found = owners_.find(file.lexically_normal().native());
    return found == owners_.end() ? nullptr : found->second;
  }

 private:
  fs::path site_;
  std::map<std::string, const InstalledDistribution*> owners_;
};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// foo.bar below `folder`: a package, a module, an extension, or a namespace (the folder itself).
std::optional<fs::path> module_file(const fs::path& folder, std::string_view dotted) {
  fs::path path = folder;
  for (const std::string_view part : split(dotted, '.')) path /= part;
  if (is_file(path / "__init__.py")) return path / "__init__.py";
  if (is_file(fs::path(path) += ".py")) return fs::path(path) += ".py";
  std::error_code error;
  const std::string stem = path.filename().native() + ".";
  for (const fs::directory_entry& entry : fs::directory_iterator(path.parent_path(), error)) {
    const std::string name = entry.path().filename().native();
    if (name.substr(0, stem.size()) == stem && entry.path().extension() == ".so") return entry.path();
  }
  if (fs::is_directory(path, error)) return path;
  return std::nullopt;
}

// `os.path` is not a file below `os`: then the module with that attribute.
std::optional<fs::path> module_or_attribute(const fs::path& folder, const std::string& dotted) {
  std::optional<fs::path> file = module_file(folder, dotted);
  const std::size_t dot = dotted.rfind('.');
  if (file || dot == std::string::npos) return file;
  file = module_file(folder, dotted.substr(0, dot));
  return file && file->extension() == ".py" && file->filename() != "__init__.py" ? file : std::nullopt;
}

bool is_module_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_ascii_alnum(c) || c == '_' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
  });
}

// The environment's own standard library; a foreign one's is in its base, which is not searched.
std::vector<fs::path> module_folders(const Environment& environment) {
  std::vector<fs::path> out{environment.site_packages()};
  if (!environment.is_foreign()) {
    const std::string version = environment.interpreter().major_minor();
    for (const char* prefix : {"python", "pypy"}) {
      const fs::path stdlib = environment.private_folder() / "rt" / "lib" / (prefix + version);
      out.push_back(stdlib);
      out.push_back(stdlib / "lib-dynload");
    }
  }
  return out;
}

std::vector<Answer> answers_for(const std::string& name, const Environment& environment,
                                const InstalledDistributions& installed, const Owners& owners) {
  std::vector<Answer> out;
  const auto add = [&](std::string kind, const fs::path& file) {
    const InstalledDistribution* owner = owners.of(file);
    out.push_back(
        {std::move(kind), file, owner ? owner->name.display() : "", owner ? owner->version.to_string() : ""});
  };
  if (name.find('/') == std::string::npos && is_file(environment.root() / "bin" / name))
    add("command", environment.root() / "bin" / name);
  if (is_module_name(name))
    for (const fs::path& folder : module_folders(environment))
      if (const std::optional<fs::path> file = module_or_attribute(folder, name)) {
        add("module", *file);
        break;
      }
  if (const Expected<PackageName> package = PackageName::parse(name); package)
    if (const InstalledDistribution* found = installed.find(*package))
      out.push_back({"package", found->info, found->name.display(), found->version.to_string()});
  return out;
}

std::string owner_text(const Answer& answer, const Environment& environment) {
  if (!answer.package.empty()) return fmt::format("{} {}", answer.package, answer.version);
  const std::string runtime = (environment.private_folder() / "rt").native() + "/";
  if (answer.file.native().substr(0, runtime.size()) == runtime) return "standard library";
  return "no package";
}

}  // namespace

int execute(const WhichCommand& command, Session& session) {
  const Environment environment = open_for_reading(session);
  const InstalledDistributions installed = InstalledDistributions::read(environment.site_packages());
  const Owners owners(environment, installed);
  Output& output = session.output();
  nlohmann::ordered_json found = nlohmann::ordered_json::array();
  std::vector<std::string> missing;
  for (const std::string& name : command.names) {
    const std::vector<Answer> answers = answers_for(name, environment, installed, owners);
    if (answers.empty()) missing.push_back(name);
    for (const Answer& answer : answers) {
      const std::string owner = owner_text(answer, environment);
      output.result(fmt::format("{:<8} {:<24} {}", answer.kind, owner, answer.file.native()));
      found.push_back({{"asked", name},
                       {"kind", answer.kind},
                       {"file", answer.file.native()},
                       {"package", answer.package.empty() ? nlohmann::ordered_json(nullptr)
                                                          : nlohmann::ordered_json(answer.package)},
                       {"version", answer.version.empty() ? nlohmann::ordered_json(nullptr)
                                                          : nlohmann::ordered_json(answer.version)}});
    }
  }
  if (!missing.empty() && found.empty())
    throw Error(ErrorKind::NotFound, fmt::format("{} has no command, module or package named {}",
                                                 environment.root().native(), join(missing, ", ")));
  if (output.json())
    output.document({{"schema", 1},
                     {"environment", environment.root().native()},
                     {"found", found},
                     {"missing", missing}});
  for (const std::string& name : missing) output.warn(fmt::format("there is nothing named {}", quote(name)));
  return missing.empty() ? 0 : 1;
}

}  // namespace moat
