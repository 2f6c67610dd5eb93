// moat bundle [LOCK] | show | verify
#include "envs/deploy/bundle.h"

#include "cli/commands/bundle.h"
#include "cli/commands/commands.h"
#include "cli/session/goal.h"
#include "fetch/os/file.h"
#include "resolver/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ctime>
#include <set>

namespace moat {
namespace {

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
  return {{"name", config.name},
          {"version", config.version},
          {"created", config.created},
          {"python", config.python.to_string()},
          {"with_python", with_python},
          {"with_bytecode", !config.bytecode.empty()},
          {"architecture", config.architecture},
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
  if (!config.bytecode.empty())
    output.result(fmt::format("bytecode  included, {}", human_bytes(config.bytecode_size())));
  for (const BundlePackage& package : config.packages)
    output.result(fmt::format("  {} {}  {}{}", package.name.display(), package.version.to_string(),
                              human_bytes(package.size), package.built ? "  built from source" : ""));
}

}  // namespace

namespace {

// The contents of all targets together.
std::string told_contents(const std::vector<BundleContents>& targets) {
  std::set<std::string> seen;
  std::uint64_t bytes = 0;
  for (const BundleContents& target : targets) {
    for (const BundlePackage& package : target.config.packages)
      if (seen.insert(package.sha256.hex).second) bytes += package.size;
    if (target.runtime) bytes += fs::file_size(*target.runtime);
  }
  return fmt::format("{}{}, {}", targets.size() > 1 ? counted(targets.size(), "target") + ", " : "",
                     targets.size() > 1 ? counted(seen.size(), "wheel")
                                        : counted(targets.front().config.packages.size(), "package"),
                     human_bytes(bytes));
}

}  // namespace

int execute(const BundleCommand& command, Session& session) {
  const std::optional<PrivateKey> key = signing_key(command.sign, session.settings());
  const GatheredBundle gathered = gather_bundle(command, session);
  std::optional<Digest> digest;
  write_named_output(command.output, session.settings(), [&](int fd, const fs::path& label) {
    digest = write_bundle(gathered.targets, key, fd, label, session.stop());
  });
  Output& output = session.output();
  output.say(fmt::format("{}: {}, {}", command.output, title(gathered.targets.front().config),
                         told_contents(gathered.targets)));
  output.say(digest->to_string());
  if (output.json() && command.output != "-") {
    nlohmann::ordered_json targets = nlohmann::ordered_json::array();
    for (const BundleContents& target : gathered.targets)
      targets.push_back(document_of(target.config, target.runtime.has_value()));
    output.document({{"schema", 1}, {"digest", digest->to_string()}, {"targets", targets}});
  }
  return 0;
}

int execute(const BundleShowCommand& command, Session& session) {
  const BundleAccess opened = open_bundle(command.file, session);
  const Bundle& bundle = *opened.bundle;
  Output& output = session.output();
  if (command.sbom) {
    for (const BundleTarget& target : bundle.targets())
      output.result(std::string(trim(bundle.sbom_text(target))));
    return 0;
  }
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
  const std::vector<PublicKey> keys = named_keys(command.keys, session.settings());
  const BundleAccess opened = open_bundle(command.file, session);
  const Bundle& bundle = *opened.bundle;
  const std::optional<std::string> signer = bundle.signed_by(keys);
  if (!keys.empty() && !signer) refuse_untrusted(bundle);
  make_whole(opened, session);
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
