// moat bundle [LOCK] | show | verify
#include "envs/deploy/bundle.h"

#include "cli/commands/bundle.h"
#include "cli/commands/commands.h"
#include "cli/commands/sync.h"
#include "cli/session/install_pipeline.h"
#include "cli/session/locked_resolution.h"
#include "cli/session/open_env.h"
#include "cli/session/source_setup.h"
#include "envs/deploy/runtime_blob.h"
#include "fetch/archive/archive.h"
#include "fetch/download/originals.h"
#include "fetch/os/presence.h"
#include "fetch/store/wheel_file.h"
#include "resolver/base/text.h"
#include "resolver/files/pyproject.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <functional>

namespace moat {
namespace {

// --- what goes in ---

// The project beside a lock, as far as it says itself what it is.
struct ProjectBeside {
  ProjectTable table;
  bool is_packaged =
      false;  // it says how it is built: it is a package, and not only a list of what is needed
};

std::optional<ProjectBeside> project_beside(const fs::path& lock) {
  const auto text = read_file_if_exists(lock.parent_path() / "pyproject.toml");
  if (!text) return std::nullopt;
  const auto file = PyProject::parse(*text);
  if (!file) return std::nullopt;
  auto table = file->project();
  if (!table || !*table) return std::nullopt;
  return ProjectBeside{std::move(**table), find_key(file->table(), "build-system") != nullptr};
}

// The project itself, where its pylock.toml does not list it: it is built as any folder of a lock is.
std::optional<LockedPackage> own_package(const std::optional<ProjectBeside>& project, const fs::path& lock,
                                         const std::vector<SelectedPackage>& selected) {
  if (!project || !project->is_packaged || lock.filename() != "pylock.toml") return std::nullopt;
  for (const SelectedPackage& one : selected)
    if (one.package->name == project->table.name) return std::nullopt;
  LockedPackage own{.name = project->table.name};
  own.direct = DirectSource{.kind = DirectSourceKind::Directory};
  own.direct->path = lock.parent_path().native();
  return own;
}

// pylock.NAME.toml
std::string name_of_lock(const fs::path& lock) {
  const std::string stem = lock.stem().native();
  constexpr std::string_view kBefore = "pylock.";
  const std::string name = stem.starts_with(kBefore) ? stem.substr(kBefore.size()) : "";
  return is_valid_name(name) ? name : "bundle";
}

void name_program(BundleConfig& config, const BundleCommand& command,
                  const std::optional<ProjectBeside>& project, const fs::path& lock) {
  const bool of_project = project && lock.filename() == "pylock.toml";
  config.name = of_project ? project->table.name.display() : name_of_lock(lock);
  if (of_project && project->table.version) config.version = project->table.version->to_string();
  if (!command.name) return;
  if (!is_valid_name(*command.name))
    throw Error(ErrorKind::Usage, fmt::format("--name: {} is not a valid name", quote(*command.name)),
                {"letters, digits, `.`, `_` and `-`, beginning and ending with a letter or digit"});
  config.name = *command.name;
}

// SOURCE_DATE_EPOCH, else when the newest of the files was published: never the present, so that the same
// lock gives the same bytes.
std::int64_t time_of(const std::vector<SelectedPackage>& selected, const Settings& settings) {
  std::int64_t time = kEarliestTime;
  for (const SelectedPackage& one : selected)
    if (one.file != nullptr && one.file->upload_time) time = std::max(time, *one.file->upload_time);
  const auto given = settings.variables.find("SOURCE_DATE_EPOCH");
  if (given == settings.variables.end()) return time;
  const std::string& text = given->second;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0)
    throw Error(ErrorKind::Usage,
                fmt::format("SOURCE_DATE_EPOCH: {} is not a number of seconds", quote(text)));
  return seconds;
}

// Wheels that were downloaded are passed on as they came; from here on they are taken from the store.
std::map<PackageName, Original> obtain_originals(Resolution& resolution, Session& session) {
  std::vector<FileOrder> orders;
  std::vector<ResolvedPackage*> packages;
  for (ResolvedPackage& package : resolution.packages) {
    if (!package.file.wheel) continue;
    orders.push_back({package.file.artifact, package.accepted});
    packages.push_back(&package);
  }
  const std::vector<Original> files = obtain_originals(orders, session.http(), session.store(),
                                                       session.workers(), session.reporter(), session.stop());
  std::map<PackageName, Original> out;
  for (std::size_t i = 0; i < files.size(); ++i) {
    packages[i]->file.artifact.url = Url::from_path(files[i].file.native());
    out.emplace(packages[i]->name, files[i]);
  }
  return out;
}

// What a file on this machine was called is nobody's business elsewhere.
std::optional<std::string> portable(const std::optional<std::string>& direct_url) {
  const auto from = direct_url ? DirectUrl::parse(*direct_url) : std::nullopt;
  return from && !from->url.starts_with("file:") ? direct_url : std::nullopt;
}

// Adds the packages to the contents. Wheels that were built are written into `folder`.
void add_packages(const std::vector<WantedPackage>& wanted, const std::map<PackageName, Original>& originals,
                  const fs::path& folder, BundleContents& contents) {
  for (const WantedPackage& package : wanted) {
    BundlePackage out{package.name, package.version, package.wheel.filename,      {}, 0, package.requested,
                      false,        package.index,   portable(package.direct_url)};
    const auto original = originals.find(package.name);
    if (original != originals.end()) {
      out.sha256 = original->second.sha256;
      out.size = original->second.size;
      contents.wheels.push_back(original->second.file);
    } else {
      const fs::path file = folder / package.wheel.filename;
      write_wheel_file(package.wheel, file);
      out.built = true;
      out.sha256 = hash_file(file);
      out.size = fs::file_size(file);
      contents.wheels.push_back(file);
    }
    contents.config.packages.push_back(std::move(out));
  }
}

BundlePython python_of(const Interpreter& interpreter) {
  return {.implementation = interpreter.implementation,
          .version = interpreter.version,
          .major = interpreter.major,
          .minor = interpreter.minor,
          .free_threaded = interpreter.free_threaded};
}

std::optional<PrivateKey> signing_key(const std::optional<std::string>& file, const Settings& settings) {
  if (!file) return std::nullopt;
  Expected<PrivateKey> key = PrivateKey::parse(read_named_file(settings.working_directory / *file));
  if (!key)
    throw Error(ErrorKind::BadInput, fmt::format("--sign: {}: {}", quote(*file), key.error().message),
                {"openssl genpkey -algorithm ed25519 -out KEYFILE"});
  return std::move(*key);
}

std::uint64_t bytes_of(const BundleConfig& config) {
  std::uint64_t total = 0;
  for (const BundlePackage& package : config.packages) total += package.size;
  return total;
}

// --- what is told ---

std::string title(const BundleConfig& config) {
  return config.version.empty() ? config.name : fmt::format("{} {}", config.name, config.version);
}

std::string time_text(std::int64_t time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(time)));
}

nlohmann::ordered_json document_of(const BundleConfig& config, bool with_python) {
  nlohmann::ordered_json packages = nlohmann::ordered_json::array();
  for (const BundlePackage& package : config.packages)
    packages.push_back({{"name", package.name.display()},
                        {"version", package.version.to_string()},
                        {"filename", package.filename},
                        {"sha256", package.sha256.hex},
                        {"size", package.size},
                        {"built", package.built}});
  return {{"name", config.name},        {"version", config.version},
          {"created", config.created},  {"python", config.python.to_string()},
          {"with_python", with_python}, {"architecture", config.architecture},
          {"packages", packages}};
}

void show_target(const BundleTarget& target, Output& output) {
  const BundleConfig& config = target.config;
  output.result(title(config));
  output.result(fmt::format(
      "python    {}, {}{}", config.python.to_string(), config.architecture,
      target.runtime() == nullptr
          ? ""
          : fmt::format(", included: {}, {}", config.python.version, human_bytes(target.runtime()->size))));
  output.result(fmt::format("created   {}, moat {}", time_text(config.created), config.moat));
  output.result(fmt::format("packages  {}, {}", config.packages.size(), human_bytes(bytes_of(config))));
  for (const BundlePackage& package : config.packages)
    output.result(fmt::format("  {} {}  {}{}", package.name.display(), package.version.to_string(),
                              human_bytes(package.size), package.built ? "  built from source" : ""));
}

}  // namespace

GatheredBundle gather_bundle(const BundleCommand& command, Session& session) {
  const fs::path path = lock_path(command.lock, session.settings());
  if (path.extension() != ".toml")
    throw Error(ErrorKind::Usage, fmt::format("{} is not a pylock.toml", quote(path.native())),
                {fmt::format("moat lock -r {} -o pylock.toml", path.filename().native())});
  const Pylock lock = read_pylock(path, session);
  const Interpreter python = project_python(session, lock.requires_python);
  // What runs elsewhere needs no group that its developers have by default.
  SyncCommand chosen;
  chosen.extras = command.extras;
  chosen.groups = command.groups;
  const LockChoice choice = choice_of(chosen);
  std::vector<SelectedPackage> selected =
      select_packages(lock, target_of(python), choice.extras, choice.all_groups(lock));
  const std::optional<ProjectBeside> project = project_beside(path);
  const std::optional<LockedPackage> own =
      command.no_project ? std::nullopt : own_package(project, path, selected);
  if (own) selected.push_back({&*own, nullptr});

  BundleContents contents{.config = {.name = "",
                                     .version = "",
                                     .created = time_of(selected, session.settings()),
                                     .moat = MOAT_VERSION,
                                     .architecture = python.markers.platform_machine,
                                     .python = python_of(python),
                                     .packages = {}},
                          .lock = read_named_file(path),
                          .wheels = {}};
  name_program(contents.config, command, project, path);

  Goal goal = locked_goal(selected);
  goal.editables.clear();  // a folder that one edits here is not there
  prepare_sources(goal, python, session);
  Resolution resolution = locked_resolution(selected, path.parent_path(), session);
  const std::map<PackageName, Original> originals = obtain_originals(resolution, session);
  TransactionRequest request = with_wheels(plan_install(goal, resolution, {}, false), {}, false, {}, session);
  std::sort(request.install.begin(), request.install.end(),
            [](const WantedPackage& a, const WantedPackage& b) { return a.name < b.name; });
  TempDir folder = session.store().make_temp("bundle");
  add_packages(request.install, originals, folder.path(), contents);
  if (command.with_python) {
    contents.runtime = folder.path() / "runtime.tar.gz";
    write_runtime_blob(obtain_runtime(python, session.store(), session.workers(), session.reporter()),
                       *contents.runtime);
  }
  return {std::move(contents), std::move(folder)};
}

int execute(const BundleCommand& command, Session& session) {
  const std::optional<PrivateKey> key = signing_key(command.sign, session.settings());
  const GatheredBundle gathered = gather_bundle(command, session);
  const BundleContents& contents = gathered.contents;
  std::optional<Digest> digest;
  write_named_output(command.output, session.settings(), [&](int fd, const fs::path& label) {
    digest = write_bundle(contents, key, fd, label, session.stop());
  });
  session.output().say(fmt::format("{}: {}, {}, {}", command.output, title(contents.config),
                                   counted(contents.config.packages.size(), "package"),
                                   human_bytes(bytes_of(contents.config))));
  session.output().say(digest->to_string());
  if (session.output().json() && command.output != "-")
    session.output().document({{"schema", 1},
                               {"digest", digest->to_string()},
                               {"target", document_of(contents.config, command.with_python)}});
  return 0;
}

int execute(const BundleShowCommand& command, Session& session) {
  const BundleAccess opened = open_bundle(command.file, session);
  const Bundle& bundle = *opened.bundle;
  Output& output = session.output();
  nlohmann::ordered_json targets = nlohmann::ordered_json::array();
  for (const BundleTarget& target : bundle.targets()) {
    show_target(target, output);
    targets.push_back(document_of(target.config, target.runtime() != nullptr));
  }
  output.result(fmt::format("digest    {}", bundle.digest().to_string()));
  for (const std::string& signer : bundle.claimed_signers())
    output.result(fmt::format("signature by the key {} (`moat bundle verify --key PUB {}` checks it)", signer,
                              command.file));
  if (output.json())
    output.document({{"schema", 1},
                     {"digest", bundle.digest().to_string()},
                     {"targets", targets},
                     {"signers", bundle.claimed_signers()}});
  return 0;
}

int execute(const BundleVerifyCommand& command, Session& session) {
  const std::vector<PublicKey> keys = named_keys(command.keys, session);
  const BundleAccess opened = open_bundle(command.file, session);
  const Bundle& bundle = *opened.bundle;
  const std::optional<std::string> signer = bundle.signed_by(keys);
  if (!keys.empty() && !signer) refuse_untrusted(bundle);
  if (opened.registry != nullptr) opened.registry->fetch(bundle.blobs());
  bundle.verify(session.workers(), session.stop());
  Output& output = session.output();
  output.result(fmt::format("{}: all hashes verified, {}", command.file,
                            signer ? fmt::format("signed by the key {}", *signer)
                            : bundle.claimed_signers().empty()
                                ? "not signed"
                                : "signature not checked (--key PUB checks it)"));
  if (output.json())
    output.document({{"schema", 1},
                     {"digest", bundle.digest().to_string()},
                     {"signed_by", signer ? nlohmann::ordered_json(*signer) : nlohmann::ordered_json()}});
  return 0;
}

}  // namespace moat
