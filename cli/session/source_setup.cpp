#include "cli/session/source_setup.h"

#include "cli/session/install_terms.h"
#include "envs/build/build.h"
#include "fetch/sources/sources.h"
#include "resolver/base/redact.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace moat {
namespace {

BuildOptions build_options(const InstallRequest& terms, const std::optional<Environment>& environment,
                           Session& session) {
  const Settings& settings = session.settings();
  BuildOptions options;
  options.requirements.indexes = session.index_options(terms.indexes);
  options.requirements.constraints = terms.build.constraints;
  options.requirements.binary = terms.binary;
  // Pre-release options in the request's files apply to what the files ask for, not to builds.
  options.requirements.prereleases = settings.prereleases;
  options.requirements.exclude_newer = terms.exclude_newer;
  options.network = terms.build.network;
  if (!terms.build.isolation) {
    if (!environment)
      throw Error(ErrorKind::Usage,
                  "--no-build-isolation builds with what the environment holds, and there is none yet",
                  {"`moat create`, then install what the builds need, then the package"});
    options.without_isolation = environment->python();
  }
  options.variables = {settings.variables.begin(), settings.variables.end()};
  options.named_variables = settings.build_env;
  return options;
}

void set_builder(SourcePolicy& policy, const InstallRequest& terms, const Interpreter& interpreter,
                 const std::optional<Environment>& environment, Session& session) {
  if (!terms.may_build) {
    policy.refusal = "`--no-build` forbids it";
    return;
  }
  policy.builder = &session.keep_builder(
      std::make_unique<BuildFrontend>(build_options(terms, environment, session), interpreter, session.http(),
                                      session.store(), session.workers(), session.reporter()));
  policy.forbids = [binary = terms.binary](const PackageName& name) { return !binary.sdists(name); };
}

// Options of single lines.
void take_lines(SourcePolicy& policy, const Goal& goal) {
  policy.settings_of = goal.config_settings;
  for (const RootRequirement& root : goal.requirements)
    if (!root.hashes.empty()) policy.accepted[root.requirement.name] = root.hashes;
}

std::string shown(const UnnamedRequirement& unnamed) {
  const std::string text = quote(hide_credentials(unnamed.text));
  return unnamed.origin.where.empty() ? text : fmt::format("{}: {}", unnamed.origin.where, text);
}

// Error(Refused): hashes identify bytes, and these sources have no fixed bytes.
void check_hashable(const RootRequirement& root) {
  if (!root.requirement.url) return;
  const auto source = SourceUrl::parse(*root.requirement.url);
  if (!source || source->kind == SourceKind::Wheel || source->kind == SourceKind::Archive) return;
  const std::string what = root.origin.where.empty() ? quote(root.requirement.name.display())
                                                     : fmt::format("{}: {}", root.origin.where,
                                                                   quote(root.requirement.name.display()));
  throw Error(ErrorKind::Refused,
              fmt::format("{} comes from {}, and hashes are required, but it has none", what,
                          source->kind == SourceKind::Git ? "a git repository" : "a folder"),
              {"`--no-require-hashes` in the file lets it pass"});
}

PackageName learn_name(const UnnamedRequirement& unnamed, Session& session) {
  auto source = SourceUrl::parse(unnamed.source.url);
  SourceOrder order = SourceOrder::of(*source);
  order.accepted = unnamed.hashes;
  order.label = hide_credentials(unnamed.text);  // as the user wrote it
  try {
    const ObtainedSource& obtained = session.sources().obtain(order, session.stop());
    if (auto name = static_name(obtained.files)) return std::move(*name);
    const SourcePolicy& policy = session.source_policy();
    const MetadataAsker asker{policy.builder, policy.refusal};
    const std::string text =
        source_metadata(obtained, std::nullopt, std::nullopt, policy.settings, asker, session.stop());
    auto core = CoreMetadata::parse(text);
    if (!core)
      throw Error(ErrorKind::BadArchive,
                  fmt::format("its metadata cannot be used: {}", core.error().message));
    return std::move(core->name);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::Interrupted || unnamed.origin.where.empty()) throw;
    throw error.with_context(unnamed.origin.where);
  }
}

// A clone for the user to edit: made if there is none yet. The line refers to it from here on.
void clone_for_editing(RootRequirement& root, const std::optional<Environment>& environment,
                       UndoFolders& made, Session& session) {
  const Expected<SourceUrl> source = SourceUrl::parse(root.requirement.url.value_or(""));
  if (!source || source->kind != SourceKind::Git) return;
  if (!environment)
    throw Error(
        ErrorKind::Usage,
        fmt::format("-e {}: a repository is cloned into the environment's folder, and there is none yet",
                    quote(source->display())),
        {"`moat create`, then `moat install -e …`"});
  const fs::path folder = environment->root() / "src", clone = folder / root.requirement.name.normalized();
  if (std::error_code ignored; fs::exists(clone, ignored)) {
    session.reporter().warn(fmt::format("{} already exists; left unchanged", clone.native()));
  } else {
    made.add(fs::exists(folder, ignored) ? clone : folder);
    session.sources().clone(*source, clone, session.stop());
  }
  root.requirement.url = Url::from_path(clone.native()).to_string();
  if (!source->subdirectory.empty())
    *root.requirement.url += "#subdirectory=" + percent_encode_path(source->subdirectory);
}

}  // namespace

UndoFolders prepare_sources(Goal& goal, const Interpreter& interpreter, Session& session,
                            const std::optional<Environment>& environment, bool only_looks) {
  const InstallRequest terms = whole_install_request(goal, session);
  session.use_sources(terms.indexes, {.settings = session.settings().config_settings});
  SourcePolicy& policy = session.source_policy();
  take_lines(policy, goal);
  set_builder(policy, terms, interpreter, environment, session);
  // From the last to the first, so that the indices of the others stay valid.
  while (!goal.unnamed.empty()) {
    UnnamedRequirement unnamed = std::move(goal.unnamed.back());
    goal.unnamed.pop_back();
    PackageName name = learn_name(unnamed, session);
    session.reporter().note(fmt::format("{} is {}", shown(unnamed), name.display()));
    if (unnamed.editable) goal.editables.insert(name);
    if (!unnamed.config_settings.empty()) goal.config_settings[name] = unnamed.config_settings;
    RootRequirement root{unnamed.source.named(std::move(name)), unnamed.origin, unnamed.hashes};
    std::vector<RootRequirement>& lines = goal.requirements;
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(unnamed.place), std::move(root));
  }
  UndoFolders clones;
  if (!only_looks)
    for (RootRequirement& root : goal.requirements)
      if (goal.editables.count(root.requirement.name) != 0)
        clone_for_editing(root, environment, clones, session);
  take_lines(policy, goal);  // of those too that have their names now
  if (goal.require_hashes)
    for (const RootRequirement& root : goal.requirements) check_hashable(root);
  return clones;
}

std::unique_ptr<BuildFrontend> project_builder(const Interpreter& interpreter, Session& session) {
  const BuildOptions options = build_options(whole_install_request({}, session), std::nullopt, session);
  return std::make_unique<BuildFrontend>(options, interpreter, session.http(), session.store(),
                                         session.workers(), session.reporter());
}

BackendAnswer ask_backend(const fs::path& folder, const Target& target, Session& session) {
  const auto source = SourceUrl::parse(Url::from_path(folder.native()).to_string());
  if (!source)
    throw Error(ErrorKind::BadInput, fmt::format("{}: {}", folder.native(), source.error().message));
  SourceOrder order = SourceOrder::of(*source);
  order.label = folder.native();
  const SourcePolicy& policy = session.source_policy();
  const ObtainedSource& obtained = session.sources().obtain(order, session.stop());
  const auto core = CoreMetadata::parse(source_metadata(obtained, std::nullopt, std::nullopt, policy.settings,
                                                        {policy.builder, policy.refusal}, session.stop()));
  if (!core)
    throw Error(ErrorKind::Build,
                fmt::format("{}: the metadata that its build backend gives cannot be used: {}",
                            folder.native(), core.error().message));
  return {*core, target.environment};
}

AskBackend backend_asker(const Goal& goal, std::function<Interpreter()> python, Session& session) {
  return [&goal, python = std::move(python), &session](const fs::path& folder) {
    const Interpreter interpreter = python();
    Goal options{.file_options = goal.file_options};
    prepare_sources(options, interpreter, session);
    return ask_backend(folder, target_of(interpreter), session);
  };
}

}  // namespace moat
