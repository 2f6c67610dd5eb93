#include "envs/build/build_key.h"

#include "fetch/os/process.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

// The packages of a foreign environment: builds in it depend on them.
std::optional<std::string> packages_of(const fs::path& python) {
  constexpr const char* kList =
      "from importlib.metadata import distributions as d\n"
      "print(sorted({'%s==%s' % (x.metadata['Name'], x.version) for x in d()}))";
  Command command{.argv = {python.string(), "-I", "-c", kList}};
  command.environment.emplace();
  command.directory = "/";
  const ProcessResult result = run_process(command);
  return result.status == 0 ? std::optional(result.output) : std::nullopt;
}

}  // namespace

std::optional<std::string> setting_key_of(const BuildOptions& options, const Interpreter& interpreter,
                                          const BuildVariables& passed) {
  std::string key = fmt::format("{} {} {} {} {}\n", interpreter.implementation, interpreter.major_minor(),
                                interpreter.ext_suffix, interpreter.debug ? "debug" : "", interpreter.libc);
  if (!interpreter.tags.platforms.empty()) key += interpreter.tags.platforms.front() + "\n";
  for (const auto& [name, value] : passed) key += fmt::format("variable {}={}\n", name, value);
  for (const RootRequirement& constraint : options.requirements.constraints)
    key += "constraint " + constraint.requirement.to_string() + "\n";
  if (options.without_isolation) {
    const auto packages = packages_of(*options.without_isolation);
    if (!packages) return std::nullopt;
    key += "with " + *packages;
  }
  return key;
}

std::string build_key(const BuildRequest& request, const std::string& setting_key) {
  std::string key = "built:1\n" + request.tree.key + "\n" + setting_key;
  ConfigSettings settings = request.settings;
  // The order of different keys does not matter, that of the values of one key does.
  std::stable_sort(settings.begin(), settings.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [name, value] : settings)
    key += fmt::format("setting {} {} {}={}\n", name.size(), value.size(), name, value);
  return key;
}

Expected<BuiltIdentity> BuiltIdentity::parse(const std::string& metadata) {
  const MetadataFields fields = parse_metadata_fields(metadata);
  Expected<PackageName> name = PackageName::parse(trim(fields.find("Name").value_or("")));
  if (!name) return parse_error(fmt::format("its Name: {}", name.error().message));
  Expected<Version> version = Version::parse(trim(fields.find("Version").value_or("")));
  if (!version) return parse_error(fmt::format("its Version: {}", version.error().message));
  return BuiltIdentity{std::move(*name), std::move(*version)};
}

}  // namespace moat
