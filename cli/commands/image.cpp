// moat image LOCK|BUNDLE -o FILE
#include "envs/deploy/image.h"

#include "cli/commands/bundle.h"
#include "cli/commands/commands.h"
#include "envs/deploy/deploy.h"
#include "envs/deploy/runtime_blob.h"
#include "envs/deploy/system_layer.h"
#include "envs/environment/isolation.h"
#include "envs/environment/spawn.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

// --- contents ---

bool is_lock(const fs::path& file) { return file.extension() == ".toml"; }

// A lock becomes a bundle first: an image contains what would be deployed.
BundleAccess bundle_of_lock(const ImageCommand& command, const fs::path& folder, Session& session) {
  BundleCommand bundle;
  bundle.lock = command.source;
  bundle.with_python = true;
  bundle.no_project = command.no_project;
  bundle.extras = command.extras;
  bundle.groups = command.groups;
  const GatheredBundle gathered = gather_bundle(bundle, session);
  const fs::path file = folder / "bundle";
  {
    const UniqueFd fd = open_file(file, O_WRONLY | O_CREAT | O_EXCL);
    write_bundle(gathered.targets, std::nullopt, fd.get(), file, session.stop());
  }
  BundleAccess out;
  out.bundle =
      std::make_unique<const Bundle>(open_file(file, O_RDONLY), command.source.value_or("pylock.toml"));
  return out;
}

BundleAccess open_image_source(const ImageCommand& command, const fs::path& folder, Session& session) {
  if (!command.source || (!is_reference(*command.source) && is_lock(*command.source))) {
    if (!command.keys.empty())
      throw Error(ErrorKind::Usage, "`--key` requires a bundle; a lock is not signed",
                  {"moat bundle --sign KEYFILE makes a bundle that is signed"});
    return bundle_of_lock(command, folder, session);
  }
  if (command.no_project || !command.extras.empty() || !command.groups.empty())
    throw Error(ErrorKind::Usage, "`--extra`, `--group` and `--no-project` are for a lock",
                {"what is in a bundle was chosen by `moat bundle`"});
  BundleAccess out = open_bundle(*command.source, session);
  const std::vector<PublicKey> keys = named_keys(command.keys, session.settings());
  if (!keys.empty() && !out.bundle->signed_by(keys)) refuse_untrusted(*out.bundle);
  make_whole(out, session);
  return out;
}

// The checks of `moat doctor`, run when an image is built.
void examine(const Environment& environment, Session& session) {
  std::vector<Finding> findings = verify_files(environment, session.workers());
  const Variables variables = program_variables(session.settings().variables, environment.root(), true);
  for (Finding& finding : judge(observe(environment, {variables.begin(), variables.end()}), environment))
    findings.push_back(std::move(finding));
  for (const Finding& finding : findings)
    if (finding.level == Finding::Level::Leak || finding.level == Finding::Level::Damage)
      throw Error(ErrorKind::Refused,
                  fmt::format("the environment of the image is not sound: {}", finding.message), {},
                  finding.details);
}

// --- base image ---

struct OpenedBase {
  std::unique_ptr<RegistryAccess> access;
  std::optional<ImageBase> base;
};

OpenedBase open_base(const std::string& name, const std::string& architecture, Session& session) {
  OpenedBase out;
  const auto rest = [&](std::string_view scheme) { return name.substr(scheme.size()); };
  std::unique_ptr<const OciSource> source;
  if (name == "none") return out;
  if (is_reference(name)) {
    out.access = std::make_unique<RegistryAccess>(registry_reference(name), false, session);
    auto registry = std::make_unique<const RegistrySource>(
        out.access->registry(), OciContent::Image, session.store(), session.reporter(), session.stop());
    const RegistrySource& from = *registry;
    out.base = read_image_base(std::move(registry), architecture);
    from.fetch(out.base->layers);
    return out;
  }
  if (name.starts_with("oci-archive:")) {
    const std::string file = rest("oci-archive:");
    source = std::make_unique<const OciArchive>(open_bundle_file(file, session.settings()), file,
                                                OciContent::Image);
  } else if (name.starts_with("oci:")) {
    const std::string place = rest("oci:");
    const std::size_t colon = place.rfind(':');
    const fs::path folder = session.settings().working_directory / place.substr(0, colon);
    source =
        std::make_unique<const OciFolder>(folder, colon == std::string::npos ? "" : place.substr(colon + 1));
  } else {
    throw Error(ErrorKind::Usage, fmt::format("--base: {} is not an image", quote(name)),
                {"--base oci:DIR, --base oci-archive:FILE, --base oci://HOST/REPO:TAG",
                 fmt::format("skopeo copy docker://{} oci:base, then --base oci:base", name)});
  }
  out.base = read_image_base(std::move(source), architecture);
  return out;
}

// --- options ---

std::vector<std::pair<std::string, std::string>> pairs_of(const std::vector<std::string>& words,
                                                          const char* option) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorKind::Usage, fmt::format("{}: {} is not NAME=VALUE", option, quote(word)));
    out.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  return out;
}

// A JSON list, or words with spaces between them.
std::vector<std::string> words_of(const std::string& text) {
  if (text.starts_with('[')) {
    const auto list = nlohmann::json::parse(text, nullptr, false);
    std::vector<std::string> out;
    if (list.is_array())
      for (const auto& one : list)
        if (one.is_string()) out.push_back(one.get<std::string>());
    if (!list.is_array() || out.size() != list.size() || out.empty())
      throw Error(ErrorKind::Usage, fmt::format("--entrypoint: {} is not a list of words", quote(text)));
    return out;
  }
  std::vector<std::string> out;
  for (const std::string_view word : split(text, ' '))
    if (!word.empty()) out.emplace_back(word);
  if (out.empty()) throw Error(ErrorKind::Usage, "--entrypoint is empty");
  return out;
}

// The program's own command, or Python.
std::vector<std::string> entrypoint_of(const ImageCommand& command, const Environment& environment,
                                       const std::string& program) {
  const auto has = [&](const std::string& name) {
    std::error_code error;
    return name.find('/') == std::string::npos &&
           fs::is_regular_file(environment.root() / "bin" / name, error);
  };
  std::vector<std::string> words = command.entrypoint
                                       ? words_of(*command.entrypoint)
                                       : std::vector<std::string>{has(program) ? program : "python"};
  if (has(words.front()))
    words.front() = command.place + "/bin/" + words.front();
  else if (!words.front().starts_with('/'))
    throw Error(ErrorKind::NotFound,
                fmt::format("--entrypoint: there is no command {} in the image", quote(words.front())));
  return words;
}

void check_place(const std::string& place) {
  if (!place.starts_with('/') || place.size() < 2 || fs::path(place).lexically_normal() != fs::path(place) ||
      place.ends_with('/'))
    throw Error(ErrorKind::Usage, fmt::format("--place: {} is not an absolute path", quote(place)),
                {"--place /app"});
}

ImageOptions options_of(const ImageCommand& command, const BundleConfig& config,
                        const Environment& environment) {
  ImageOptions out{.created = config.created, .architecture = config.architecture, .name = {}};
  out.name = command.name.value_or(
      fmt::format("{}:{}", config.name, config.version.empty() ? "latest" : config.version));
  out.entrypoint = entrypoint_of(command, environment, config.name);
  out.command = command.command;
  out.ports = command.ports;
  out.path = command.place + "/bin";
  out.user = command.user;
  out.working_directory = command.working_directory;
  out.for_docker = command.format == "docker";
  if (command.base == "none")
    out.variables = {{"LANG", "C.UTF-8"}, {"SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"}};
  for (auto& pair : pairs_of(command.variables, "--env")) out.variables.push_back(std::move(pair));
  out.labels = pairs_of(command.labels, "--label");
  return out;
}

std::vector<ImageLayer> layers_of(const ImageCommand& command, const Environment& environment,
                                  const BundleConfig& config, Reporter& reporter) {
  std::vector<ImageLayer> out;
  if (command.base == "none") {
    const NeededLibraries libraries = needed_libraries(environment.root());
    for (const auto& [name, who] : libraries.missing)
      reporter.warn(fmt::format("{} needs {}, which this machine does not have: it is not in the image",
                                quote(who), quote(name)));
    out.push_back(system_layer(libraries, command.user.value_or("")));
  }
  std::set<std::string> own;
  for (const BundlePackage& package : config.packages)
    if (package.name.normalized() == normalize_name(config.name) || (package.built && package.requested))
      own.insert(package.name.normalized());
  for (ImageLayer& layer : environment_layers(environment, command.place, own))
    out.push_back(std::move(layer));
  return out;
}

}  // namespace

int execute(const ImageCommand& command, Session& session) {
  check_place(command.place);
  pairs_of(command.variables, "--env");
  pairs_of(command.labels, "--label");
  const OpenedBase base = open_base(command.base, this_machine(), session);
  const TempDir folder = session.store().make_temp("image");
  const BundleAccess opened = open_image_source(command, folder.path(), session);
  const BundleTarget& target = fitting_target(*opened.bundle, session);
  ReleaseParts parts = bundle_parts(*opened.bundle, target, PartsIn::Store, session);
  std::optional<Environment> environment;
  {
    const Phase phase(session.reporter(), "build");
    environment =
        make_environment(folder.path() / "environment", target.config.name, std::move(parts), Durable::Never,
                         "moat image", session.store(), session.workers(), session.reporter());
    examine(*environment, session);
  }
  const ImageOptions options = options_of(command, target.config, *environment);
  const std::vector<ImageLayer> layers = layers_of(command, *environment, target.config, session.reporter());
  fs::create_directory(folder.path() / "layers");
  std::optional<WrittenImage> written;
  write_named_output(command.output, session.settings(), [&](int fd, const fs::path& label) {
    const Phase phase(session.reporter(), "pack");
    written = write_image(base.base ? &*base.base : nullptr, layers, options, folder.path() / "layers", fd,
                          label, session.workers(), session.stop());
  });
  Output& output = session.output();
  output.say(fmt::format("{}: {}, {}, {}", command.output, options.name, counted(written->layers, "layer"),
                         human_bytes(written->size)));
  output.say(written->digest.to_string());
  if (output.json() && command.output != "-")
    output.document({{"schema", 1},
                     {"name", options.name},
                     {"digest", written->digest.to_string()},
                     {"layers", written->layers},
                     {"size", written->size},
                     {"entrypoint", options.entrypoint}});
  return 0;
}

}  // namespace moat
