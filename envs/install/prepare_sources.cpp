#include "envs/install/prepare_sources.h"

#include "resolver/base/redact.h"
#include "resolver/base/text.h"

#include <fmt/format.h>

#include <utility>

namespace moat {
namespace {

BuildOptions build_options(const BuildSetup& how, const SourceSetup& sources) {
  const InstallRequest& terms = how.terms;
  BuildOptions options = how.options;
  options.requirements.indexes.sources = sources.sources.get();
  options.requirements.indexes.source_policy = sources.policy;
  options.requirements.constraints = terms.build.constraints;
  options.requirements.binary = terms.binary;
  options.requirements.exclude_newer = terms.exclude_newer;
  options.network = terms.build.network;
  if (!terms.build.isolation) {
    if (!how.environment)
      throw Error(ErrorKind::Usage,
                  "--no-build-isolation builds with what the environment holds, and there is none yet",
                  {"`moat create`, then install what the builds need, then the package"});
    options.without_isolation = how.environment->python();
  }
  return options;
}

void set_builder(const BuildSetup& how, SourceSetup& sources, const Tools& tools) {
  if (!how.terms.may_build) {
    sources.policy.refusal = "`--no-build` forbids it";
    return;
  }
  sources.builder = make_builder(how, sources, tools);
  sources.policy.builder = sources.builder.get();
  sources.policy.forbids = [binary = how.terms.binary](const PackageName& name) {
    return !binary.sdists(name);
  };
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

PackageName learn_name(const UnnamedRequirement& unnamed, const SourceSetup& sources,
                       const std::stop_token& stop) {
  auto source = SourceUrl::parse(unnamed.source.url);
  SourceOrder order = SourceOrder::of(*source);
  order.accepted = unnamed.hashes;
  order.label = hide_credentials(unnamed.text);  // as the user wrote it
  try {
    const ObtainedSource& obtained = sources.sources->obtain(order, stop);
    if (auto name = static_name(obtained.files)) return std::move(*name);
    const SourcePolicy& policy = sources.policy;
    const MetadataAsker asker{policy.builder, policy.refusal};
    const std::string text =
        source_metadata(obtained, std::nullopt, std::nullopt, policy.settings, asker, stop);
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

// The unnamed lines take their places among the others, with their names.
void name_lines(Goal& goal, const SourceSetup& sources, const Tools& tools) {
  // From the last to the first, so that the indices of the others stay valid.
  while (!goal.unnamed.empty()) {
    UnnamedRequirement unnamed = std::move(goal.unnamed.back());
    goal.unnamed.pop_back();
    PackageName name = learn_name(unnamed, sources, tools.stop);
    tools.reporter.note(fmt::format("{} is {}", shown(unnamed), name.display()));
    if (unnamed.editable) goal.editables.insert(name);
    if (!unnamed.config_settings.empty()) goal.config_settings[name] = unnamed.config_settings;
    RootRequirement root{unnamed.source.named(std::move(name)), unnamed.origin, unnamed.hashes};
    std::vector<RootRequirement>& lines = goal.requirements;
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(unnamed.place), std::move(root));
  }
}

// A clone for the user to edit: made if there is none yet. The line refers to it from here on.
void clone_for_editing(RootRequirement& root, const std::optional<Environment>& environment,
                       UndoFolders& made, Sources& sources, const Tools& tools) {
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
    tools.reporter.warn(fmt::format("{} already exists; left unchanged", clone.native()));
  } else {
    made.add(fs::exists(folder, ignored) ? clone : folder);
    sources.clone(*source, clone, tools.stop);
  }
  root.requirement.url = Url::from_path(clone.native()).to_string();
  if (!source->subdirectory.empty())
    *root.requirement.url += "#subdirectory=" + percent_encode_path(source->subdirectory);
}

}  // namespace

std::unique_ptr<BuildFrontend> make_builder(const BuildSetup& how, const SourceSetup& sources,
                                            const Tools& tools) {
  return std::make_unique<BuildFrontend>(build_options(how, sources), how.interpreter, tools.http,
                                         tools.store, tools.workers, tools.reporter);
}

UndoFolders prepare_sources(Goal& goal, const BuildSetup& how, bool only_looks, SourceSetup& sources,
                            const Tools& tools) {
  sources.policy = {.settings = how.terms.build.config_settings};
  take_lines(sources.policy, goal);
  set_builder(how, sources, tools);
  name_lines(goal, sources, tools);
  UndoFolders clones;
  if (!only_looks)
    for (RootRequirement& root : goal.requirements)
      if (goal.editables.count(root.requirement.name) != 0)
        clone_for_editing(root, how.environment, clones, *sources.sources, tools);
  take_lines(sources.policy, goal);  // of those too that have their names now
  if (goal.require_hashes)
    for (const RootRequirement& root : goal.requirements) check_hashable(root);
  return clones;
}

CoreMetadata ask_backend(const fs::path& folder, const SourceSetup& sources, const std::stop_token& stop) {
  const auto source = SourceUrl::parse(Url::from_path(folder.native()).to_string());
  if (!source)
    throw Error(ErrorKind::BadInput, fmt::format("{}: {}", folder.native(), source.error().message));
  SourceOrder order = SourceOrder::of(*source);
  order.label = folder.native();
  const SourcePolicy& policy = sources.policy;
  const ObtainedSource& obtained = sources.sources->obtain(order, stop);
  auto core = CoreMetadata::parse(source_metadata(obtained, std::nullopt, std::nullopt, policy.settings,
                                                  {policy.builder, policy.refusal}, stop));
  if (!core)
    throw Error(ErrorKind::Build,
                fmt::format("{}: the metadata that its build backend gives cannot be used: {}",
                            folder.native(), core.error().message));
  return std::move(*core);
}

}  // namespace moat
