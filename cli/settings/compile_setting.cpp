#include "cli/settings/compile_setting.h"

#include "resolver/base/error.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace moat {
namespace {

// By the marks that Docker, Podman, systemd-nspawn and Kubernetes leave.
bool is_container(const Variables& variables) {
  std::error_code failure;
  return fs::exists("/.dockerenv", failure) || fs::exists("/run/.containerenv", failure) ||
         !variable(variables, "container").empty() || !variable(variables, "KUBERNETES_SERVICE_HOST").empty();
}

Compile parse(const Told<std::vector<std::string>>& told) {
  const std::string value = told.value.empty() ? "" : told.value.front();
  if (value == "background") return Compile::Background;
  if (value == "now") return Compile::Now;
  if (value == "never") return Compile::Never;
  if (const auto flag = parse_flag(value)) return *flag ? Compile::Now : Compile::Never;
  throw Error(ErrorKind::Usage,
              fmt::format("{}: {} must be one of: background, now, never", told.where, quote(value)));
}

}  // namespace

bool is_ci(const Variables& variables) {
  const std::string ci = ascii_lower(variable(variables, "CI"));
  constexpr std::array kOthers = {"TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION"};
  return (!ci.empty() && ci != "false" && ci != "0") ||
         std::ranges::any_of(kOthers, [&](const char* name) { return !variable(variables, name).empty(); });
}

void set_compile(Settings& settings, const SharedOptions& shared, const SettingLayers& layers) {
  const auto told = layers.told("compile");
  const bool ci = is_ci(settings.variables);
  settings.compile = told                                      ? parse(*told)
                     : !ci && is_container(settings.variables) ? Compile::Now
                                                               : Compile::Background;
  if (shared.compile) settings.compile = Compile::Now;
  if (shared.no_compile) settings.compile = Compile::Never;
  settings.works_behind = settings.compile == Compile::Background && !ci;
}

}  // namespace moat
