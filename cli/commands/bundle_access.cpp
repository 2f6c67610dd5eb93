#include "cli/commands/bundle.h"
#include "envs/deploy/deploy.h"
#include "fetch/os/leftovers.h"
#include "fetch/os/presence.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <optional>

namespace moat {

UniqueFd open_bundle_file(const std::string& file, const Settings& settings) {
  const fs::path path = settings.working_directory / file;
  const fs::file_status status = status_of(path);
  if (!fs::exists(status))
    throw Error(ErrorKind::BadInput, fmt::format("there is no file {}", quote(path.native())));
  if (!fs::is_regular_file(status))
    throw Error(ErrorKind::BadInput, fmt::format("{} is not a regular file", quote(path.native())),
                {"moat deploy - DEST takes a bundle from standard input"});
  return open_file(path, O_RDONLY);
}

bool is_reference(const std::string& name) { return name.starts_with(kOciScheme); }

BundleAccess open_bundle(const std::string& name, Session& session) {
  BundleAccess out;
  if (!is_reference(name)) {
    out.bundle = std::make_unique<const Bundle>(open_bundle_file(name, session.settings()), name);
    return out;
  }
  out.access = std::make_unique<RegistryAccess>(registry_reference(name), false, session);
  auto source = std::make_unique<const RegistrySource>(out.access->registry(), OciContent::Bundle,
                                                       session.store(), session.reporter(), session.stop());
  out.registry = source.get();
  out.bundle = std::make_unique<const Bundle>(std::move(source));
  return out;
}

std::vector<PublicKey> named_keys(const std::vector<std::string>& keys, const Settings& settings) {
  std::vector<PublicKey> out;
  for (const std::string& key : keys)
    for (PublicKey& one : read_public_keys(settings.working_directory / key)) out.push_back(std::move(one));
  return out;
}

void write_named_output(const std::string& output, const Settings& settings,
                        const std::function<void(int fd, const fs::path& label)>& write) {
  if (output == "-") {
    write(STDOUT_FILENO, "standard output");
    return;
  }
  const fs::path file = settings.working_directory / output;
  std::error_code error;
  if (fs::is_directory(file, error))
    throw Error(ErrorKind::Usage, fmt::format("{} is a folder", quote(file.native())),
                {fmt::format("-o {}", (file / "bundle.moat").lexically_normal().native())});
  if (const fs::file_status status = fs::status(file, error);
      fs::exists(status) && !fs::is_regular_file(status)) {
    const UniqueFd fd = open_file(file, O_WRONLY);
    write(fd.get(), file);
    return;
  }
  const fs::path real = fs::weakly_canonical(file, error);
  const StagingFolder folder(real.parent_path(), ".moat-bundle");
  const fs::path part = folder.path() / "bundle";
  const UniqueFd fd = open_file(part, O_WRONLY | O_CREAT | O_EXCL);
  write(fd.get(), file);
  rename_over(part, real);
}

namespace {

Interpreter find_python(const BundlePython& wanted, Session& session) {
  if (session.settings().python_is_option) {
    Interpreter python = session.chosen_interpreter();
    if (!wanted.fits(python))
      throw Error(ErrorKind::NoInterpreter, fmt::format("the bundle is for {}; -p names Python {}",
                                                        wanted.to_string(), python.version));
    return python;
  }
  std::vector<std::string> there;
  for (Interpreter& python : list_interpreters(session.discovery(), session.store())) {  // newest first
    if (wanted.fits(python)) return std::move(python);
    there.push_back(python.version);
  }
  throw Error(ErrorKind::NoInterpreter,
              fmt::format("the bundle needs {}, which is not found; available: {}", wanted.to_string(),
                          there.empty() ? "none" : join(there, ", ")),
              {fmt::format("install {}, or name it with -p", wanted.to_string())});
}

}  // namespace

std::string this_machine() {
  utsname facts{};
  return ::uname(&facts) == 0 ? facts.machine : "";
}

void hash_all(const Bundle& bundle, Session& session) {
  const Phase phase(session.reporter(), "verify");
  bundle.verify(session.workers(), session.stop());
}

void make_whole(const BundleAccess& access, Session& session) {
  if (access.registry != nullptr)
    access.registry->fetch(access.bundle->blobs());
  else
    hash_all(*access.bundle, session);
}

const BundleTarget& fitting_target(const Bundle& bundle, Session& session) {
  const std::vector<const BundleTarget*> targets = fitting_targets(bundle, this_machine());
  if (targets.size() == 1) return *targets.front();
  std::optional<Error> first;
  for (const BundleTarget* target : targets) {
    try {
      if (target->runtime() == nullptr || session.settings().python_is_option)
        check_platform(*target, find_python(target->config.python, session));
      return *target;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::NoInterpreter && error.kind() != ErrorKind::NoSolution) throw;
      if (!first) first = error;
    }
  }
  throw std::move(*first);
}

ReleaseParts bundle_parts(const Bundle& bundle, const BundleTarget& target, PartsIn place, Session& session) {
  if (target.runtime() != nullptr && !session.settings().python_is_option)
    return obtain_parts(bundle, target, place, session.store(), session.workers(), session.reporter());
  const Interpreter python = find_python(target.config.python, session);
  check_platform(target, python);
  Store& store = session.store();
  Workers& workers = session.workers();
  Reporter& reporter = session.reporter();
  // A snapshot is made by one thread for much of its time.
  auto runtime = begin_async([&] { return obtain_runtime(python, store, workers, reporter); });
  std::vector<WantedPackage> packages =
      obtain_packages(bundle, target, python, place, store, workers, reporter);
  return {runtime.get(), std::move(packages)};
}

}  // namespace moat
