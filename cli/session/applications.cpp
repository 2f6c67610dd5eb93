#include "cli/session/applications.h"

#include "envs/environment/environment.h"
#include "resolver/base/text.h"
#include "resolver/pep/requirement.h"

#include <fmt/format.h>

#include <algorithm>

namespace moat {
namespace {

// "0.4": fewer than three numbers and nothing else.
bool is_short(std::string_view version) {
  return std::all_of(version.begin(), version.end(), [](char c) { return is_ascii_digit(c) || c == '.'; }) &&
         std::count(version.begin(), version.end(), '.') < 2;
}

}  // namespace

ApplicationWord parse_application(const std::string& text) {
  const std::size_t at = text.rfind('@');
  const Expected<Requirement> name = Requirement::parse(text.substr(0, at));
  if (!name || !name->specifier.empty() || name->url || name->marker) return {text};
  if (at == std::string::npos) return {text, name->extras.empty()};
  const std::string version = text.substr(at + 1);
  if (version.find_first_of("/: ") != std::string::npos) return {text};  // NAME@URL
  // A specifier, so that it replaces an earlier one.
  if (version == "latest") return {name->to_string() + ">=0", false, true};
  if (!Version::parse(version))
    throw Error(
        ErrorKind::BadInput, fmt::format("{} is not a version (in {})", quote(version), quote(text)),
        {fmt::format("`{}@latest`, or a requirement: '{}>=1'", name->to_string(), name->to_string())});
  return {fmt::format("{}=={}{}", name->to_string(), version, is_short(version) ? ".*" : "")};
}

std::vector<PackageName> installed_applications(const Settings& settings) {
  std::vector<PackageName> out;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(settings.tools_dir(), error))
    if (const auto name = PackageName::parse(entry.path().filename().native());
        name && Environment::exists_at(entry.path()))
      out.push_back(*name);
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace moat
