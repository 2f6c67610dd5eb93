// The command line of bundles and deployments.
#include "cli/args/commands_declared.h"
#include "cli/args/declaration.h"
#include "resolver/base/error.h"

namespace moat {
namespace {

void declare_hooks(Declaration& d, HookOptions& hooks) {
  d.value("--after", hooks.after, "CMD",
          "run once it is live, to restart the program; if it fails, switch back");
  d.value("--probe", hooks.probe, "CMD", "then run until it succeeds; if it never does, switch back");
  d.value("--probe-timeout", hooks.probe_timeout, "TIME", "how long --probe may take (default: 30s)");
}

}  // namespace

void declare_bundle(Declaration& d) {
  BundleCommand& bundle = d.invocation.command.emplace<BundleCommand>();
  d.positional("LOCK", bundle.lock, "pylock*.toml (default: the project's pylock.toml)");
  d.value("-o,--output", bundle.output, "FILE", "where to write the bundle; - for standard output")
      ->required();
  d.value("--name", bundle.name, "NAME", "name of the program (default: the project's)");
  d.flag("--with-python", bundle.with_python, "with the Python itself: the machine it goes to needs none");
  CLI::Option* with = d.flag("--with-bytecode", bundle.with_bytecode,
                             "with what Python compiles, so that deploying compiles nothing (default with "
                             "--with-python)");
  d.flag("--without-bytecode", bundle.without_bytecode, "without it: a smaller bundle")->excludes(with);
  d.flag("--no-project", bundle.no_project, "what the project needs, without the project itself");
  d.value("--sign", bundle.sign, "KEYFILE", "sign with this private key (Ed25519, PEM)");
  d.values("--extra", bundle.extras, "NAME", "with this extra");
  d.values("--group", bundle.groups, "NAME", "also this dependency group (default: no groups)");
  declare_python(d, "the Python that the bundle is for");
  d.values("--platform", bundle.platforms, "TARGET",
           "for this platform: linux-x86_64, manylinux_2_28_aarch64, …; several: for each of them");
  d.values("--python-version", bundle.python_versions, "X.Y",
           "for this Python, which need not be here; several: for each of them");
  d.value("--env", d.invocation.shared.env, "PATH|NAME", "this environment as it is, instead of a lock");
  declare_index(d);
}
void declare_bundle_show(Declaration& d) {
  BundleShowCommand& show = d.invocation.command.emplace<BundleShowCommand>();
  d.positional("FILE", show.file, "a bundle, or oci://HOST/REPO:TAG")->required();
  d.flag("--sbom", show.sbom, "print only the list of components (CycloneDX) of each target");
  declare_registry(d);
}
void declare_bundle_verify(Declaration& d) {
  BundleVerifyCommand& verify = d.invocation.command.emplace<BundleVerifyCommand>();
  d.positional("FILE", verify.file, "a bundle, or oci://HOST/REPO:TAG")->required();
  d.values("--key", verify.keys, "PUB",
           "a public key, or a folder of them, one of which must have signed it");
  declare_registry(d);
}
void declare_push(Declaration& d) {
  PushCommand& push = d.invocation.command.emplace<PushCommand>();
  d.positional("FILE", push.file, "a bundle")->required();
  d.positional("REFERENCE", push.reference, "where to: oci://HOST/REPO:TAG")->required();
  declare_registry(d);
}
void declare_pull(Declaration& d) {
  PullCommand& pull = d.invocation.command.emplace<PullCommand>();
  d.positional("REFERENCE", pull.reference, "oci://HOST/REPO:TAG, or oci://HOST/REPO@sha256:…")->required();
  d.value("-o,--output", pull.output, "FILE", "where to write the bundle; - for standard output")->required();
  d.values("--key", pull.keys, "PUB", "a public key, or a folder of them, one of which must have signed it");
  declare_registry(d);
}
void declare_image(Declaration& d) {
  ImageCommand& image = d.invocation.command.emplace<ImageCommand>();
  d.positional("SOURCE", image.source,
               "pylock*.toml, a bundle, or oci://HOST/REPO:TAG (default: the project's lock)");
  d.value("-o,--output", image.output, "FILE", "where to write the image; - for standard output")->required();
  d.value("--base", image.base, "IMAGE",
          "oci:DIR[:TAG], oci-archive:FILE or oci://HOST/REPO:TAG (default: none)");
  d.value("--place", image.place, "DIR", "where the environment lies in the image (default: /app)");
  d.value("--entrypoint", image.entrypoint, "COMMAND",
          "the command to start: words, or a JSON list (default: the project's command)");
  d.values("--cmd", image.command, "ARG", "a default argument, replaced by arguments of `docker run`");
  d.values("--env", image.variables, "NAME=VALUE", "set a variable");
  d.value("--user", image.user, "UID[:GID]", "who runs it");
  d.value("--workdir", image.working_directory, "DIR", "the folder that it is started in");
  d.values("--port", image.ports, "PORT", "a port that it listens on, for information");
  d.values("--label", image.labels, "NAME=VALUE", "a label");
  d.value("--name", image.name, "NAME:TAG", "its name for tools (default: name and version of the program)");
  d.one_of("--format", image.format, "FORMAT", {"oci", "docker"},
           "docker: also for `docker load` before version 25");
  d.values("--key", image.keys, "PUB",
           "a public key, or a folder of them, one of which must have signed the bundle");
  d.flag("--no-project", image.no_project, "what the project needs, without the project itself");
  d.values("--extra", image.extras, "NAME", "with this extra");
  d.values("--group", image.groups, "NAME", "also this dependency group (default: no groups)");
  declare_python(d, "the Python that goes into the image, where the bundle has none");
  declare_index(d);
}
void declare_deploy(Declaration& d) {
  DeployCommand& deploy = d.invocation.command.emplace<DeployCommand>();
  d.positional("SOURCE", deploy.source, "a bundle, oci://HOST/REPO:TAG, or - for standard input")->required();
  d.positional("DEST", deploy.dest, "the folder that the program is deployed to")->required();
  d.values("--key", deploy.keys, "PUB",
           "a public key, or a folder of them, one of which must have signed the bundle");
  d.flag("--insecure", deploy.insecure, "accept an unsigned bundle");
  d.flag("--not-older", deploy.not_older, "refuse a bundle that is dated before the one that is live");
  d.value("--check", deploy.hooks.check, "CMD",
          "run in the new release before it is live; if it fails, nothing changes");
  d.value("--check-timeout", deploy.hooks.check_timeout, "TIME", "how long --check may take (default: 60s)");
  declare_hooks(d, deploy.hooks);
  d.value("--keep", deploy.keep, "N", "how many releases stay (default: 3)");
  declare_python(d, "the Python to deploy with (default: the newest that fits the bundle)");
  declare_registry(d);
  d.finish.emplace_back([&deploy] {
    if (deploy.insecure && !deploy.keys.empty())
      throw Error(ErrorKind::Usage, "`--key` and `--insecure` exclude each other");
    if (deploy.keep < 1) throw Error(ErrorKind::Usage, "--keep must be at least 1");
  });
}
void declare_deploy_rollback(Declaration& d) {
  DeployRollbackCommand& rollback = d.invocation.command.emplace<DeployRollbackCommand>();
  d.positional("DEST", rollback.dest, "the folder that the program is deployed to")->required();
  d.positional("N", rollback.release, "the release to go back to (default: the one before)");
  declare_hooks(d, rollback.hooks);
}
void declare_deploy_history(Declaration& d) {
  DeployHistoryCommand& history = d.invocation.command.emplace<DeployHistoryCommand>();
  d.positional("DEST", history.dest, "the folder that the program is deployed to")->required();
  d.value("--limit", history.limit, "N", "the newest N only");
}
void declare_deploy_verify(Declaration& d) {
  d.positional("DEST", d.invocation.command.emplace<DeployVerifyCommand>().dest,
               "the folder that the program is deployed to")
      ->required();
}
void declare_deploy_status(Declaration& d) {
  d.positional("DEST", d.invocation.command.emplace<DeployStatusCommand>().dest,
               "the folder that the program is deployed to")
      ->required();
}

}  // namespace moat
