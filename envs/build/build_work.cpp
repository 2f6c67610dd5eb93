#include "envs/build/build_work.h"

#include "envs/build/build_tree.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <system_error>
#include <utility>
#include <variant>

namespace moat {
namespace {

BuildSystem system_of(const SharedBuilds& shared, const SourceTree& tree) {
  Expected<BuildSystem> system = read_build_system(tree.path);
  if (!system) shared.fail(tree.label, system.error().message);
  return *std::move(system);
}

}  // namespace

BuildWork::BuildWork(SharedBuilds& shared, const BuildRequest& request, BuildPurpose purpose,
                     std::stop_token stop, SourceBuilder& deeper, bool nested)
    : shared_(shared),
      request_(request),
      purpose_(purpose),
      stop_(std::move(stop)),
      place_{.system = system_of(shared, request.tree)},
      requirements_(parse_all(place_.system.requirements, "[build-system] requires")),
      folder_(shared.store.make_temp("build")) {
  for (const char* folder : {"home", "tmp", "out", "scratch"}) make_directories(folder_.path() / folder);
  take_source();
  place_.settings = request_.settings;
  place_.scratch = folder_.path() / "scratch";
  place_.seal = shared_.seal().command;
  place_.timeout = shared_.options.timeout;
  if (const auto& python = shared_.options.without_isolation) {
    use_python(*python, python->parent_path().parent_path());
    return;
  }
  use_environment(deeper, nested);
  add_dynamic_requirements(deeper, nested);
}

// ---- made ready ----

std::vector<Requirement> BuildWork::parse_all(const std::vector<std::string>& texts,
                                              std::string_view source) const {
  std::vector<Requirement> out;
  for (const std::string& text : texts) {
    if (trim(text).empty()) continue;  // setup_requires="""\n…""" gives empty ones
    Expected<Requirement> requirement = Requirement::parse(text);
    if (!requirement)
      fail(fmt::format("{}: {} is not a requirement: {}", source, quote(text), requirement.error().message));
    out.push_back(std::move(*requirement));
  }
  return out;
}

void BuildWork::take_source() {
  std::error_code failure;
  place_.source = fs::canonical(request_.tree.path, failure);
  if (failure) throw_errno("enter directory", request_.tree.path, failure.value());
  is_users_ = request_.tree.key.empty() && purpose_ != BuildPurpose::Editable;
  if (!is_users_ || !wants_copy(place_.system, place_.source)) return;
  const fs::path copy = folder_.path() / "source" / place_.source.filename();
  copy_tree(place_.source, copy);
  place_.source = copy;
  is_users_ = false;
}

void BuildWork::use_python(const fs::path& python, const fs::path& environment) {
  place_.python = python;
  BuildVariables passed = shared_.passed;
  if (!shared_.seal().closes_network) {
    const BuildVariables network = network_variables(shared_.options.variables);
    passed.insert(passed.end(), network.begin(), network.end());
  }
  place_.variables = build_variables(passed, {.environment = environment,
                                              .home = folder_.path() / "home",
                                              .temporary = folder_.path() / "tmp",
                                              .tools = shared_.tools});
  tell_git_what_is_safe();
}

// git uses a folder of another user only if its own user allowed that, in settings that are not in the
// build's empty HOME.
void BuildWork::tell_git_what_is_safe() const {
  if (!request_.tree.key.empty()) return;
  const fs::path file = folder_.path() / "home" / ".gitconfig";
  const std::string& lines = shared_.safe_directories();
  if (!lines.empty()) write_file_atomically(file, lines, 0600);
}

void BuildWork::use_environment(SourceBuilder& deeper, bool nested) {
  try {
    environment_ = shared_.environments.obtain(requirements_, deeper, nested, stop_);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Interrupted) throw;
    throw error.with_context(fmt::format("build requirements of {}", request_.tree.label));
  }
  use_python(environment_->environment().python(), environment_->environment().root());
}

void BuildWork::add_dynamic_requirements(SourceBuilder& deeper, bool nested) {
  const Hook hook = purpose_ == BuildPurpose::Editable ? Hook::RequiresForEditable
                    : purpose_ == BuildPurpose::Sdist  ? Hook::RequiresForSdist
                                                       : Hook::RequiresForWheel;
  const HookAnswer answer = call(hook);
  if (std::holds_alternative<HookAbsent>(answer.result)) return;
  if (const auto* failed = std::get_if<HookFailed>(&answer.result)) fail_hook(hook, *failed, answer.output);
  const std::vector<Requirement> more =
      parse_all(std::get<std::vector<std::string>>(answer.result), to_string(hook));
  const std::vector<Requirement> unmet = unmet_in(environment_->environment(), more);
  if (unmet.empty()) return;
  requirements_.insert(requirements_.end(), unmet.begin(), unmet.end());
  use_environment(deeper, nested);
}

// ---- its hooks ----

HookAnswer BuildWork::call(Hook hook, const fs::path& prepared) {
  place_.prepared = prepared;
  // Only one hook may run in a folder. Taken after the lock of the build, or without it.
  const FileLock lock = shared_.lock("tree:" + place_.source.native(), request_.tree.label, stop_);
  const BuildSlot slot(shared_.slots, stop_);
  const std::optional<BuildTraces> traces =
      is_users_ ? std::optional<BuildTraces>(place_.source) : std::nullopt;
  const Phase phase(shared_.reporter, "build");
  shared_.reporter.progress("build", request_.tree.label, 0, 0);
  shared_.reporter.note(fmt::format("{}: {} of {}", request_.tree.label, to_string(hook), backend()));
  return call_hook(hook, place_, out(), stop_);
}

fs::path BuildWork::made_by(Hook hook, const HookAnswer& answer) const {
  if (const auto* failed = std::get_if<HookFailed>(&answer.result)) fail_hook(hook, *failed, answer.output);
  if (std::holds_alternative<HookAbsent>(answer.result))
    fail(hook == Hook::BuildEditable
             ? fmt::format("its backend {} cannot make editable installs (it has no build_editable)",
                           backend())
             : fmt::format("its backend {} has no {}", backend(), to_string(hook)),
         answer.output);
  return out() / std::get<std::string>(answer.result);
}

// ---- how it fails ----

void BuildWork::fail(std::string reason, std::string output, std::vector<std::string> hints) const {
  shared_.fail(request_.tree.label, std::move(reason), std::move(output), std::move(hints));
}

void BuildWork::fail_hook(Hook hook, const HookFailed& failed, const std::string& output) const {
  const std::string reason = fmt::format("{} of {}: {}", to_string(hook), backend(), failed.reason);
  const std::string_view module = std::string_view(backend()).substr(0, backend().find_first_of(".:"));
  const bool backend_itself =
      place_.system.backend_path.empty() && !failed.missing_module.empty() && module == failed.missing_module;
  if (!backend_itself) fail(reason, output);
  // The traceback adds nothing then.
  if (shared_.options.without_isolation)
    fail(reason, {},
         {fmt::format(
             "with --no-build-isolation the environment must hold what builds need: `moat install {}`",
             typed_requirements())});
  fail(reason, {},
       {fmt::format("its [build-system] requires ({}) do not bring its backend: a fault of the package",
                    join(place_.system.requirements, ", "))});
}

// The requirements as a user would type them.
std::string BuildWork::typed_requirements() const {
  std::string out;
  for (const Requirement& requirement : requirements_)
    out += (out.empty() ? "'" : " '") + requirement.to_string() + "'";
  return out;
}

}  // namespace moat
