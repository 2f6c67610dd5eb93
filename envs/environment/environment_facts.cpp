#include "envs/environment/environment_facts.h"

#include "fetch/os/ownership.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <utility>

namespace moat {
namespace {

// "manylinux_2_36_x86_64": this machine's platform tag.
std::string this_platform(const utsname& system) {
  std::array<char, 64> libc{};
  unsigned major = 0, minor = 0;
  if (::confstr(_CS_GNU_LIBC_VERSION, libc.data(), libc.size()) != 0 &&
      std::sscanf(libc.data(), "glibc %u.%u", &major, &minor) == 2)
    return fmt::format("manylinux_{}_{}_{}", major, minor, system.machine);
  return fmt::format("linux-{}", system.machine);
}

std::string version_of(const Interpreter& facts) {
  return facts.version.empty() ? facts.major_minor() : facts.version;
}

Target target_by_tables(const Environment& environment) {
  utsname system{};
  ::uname(&system);
  const Interpreter& facts = environment.interpreter();
  Expected<Target> target = foreign_target(version_of(facts), {this_platform(system)}, nullptr);
  if (!target)
    throw Error(ErrorKind::BadInput,
                fmt::format("{} does not say which Python it is for: {}", environment.root().native(),
                            target.error().message),
                {fmt::format("`--env {}` asks its Python", environment.root().native())});
  target->environment.platform_release = system.release;
  target->environment.platform_version = system.version;
  if (facts.implementation == "pypy") {
    target->environment.implementation_name = "pypy";
    target->environment.platform_python_implementation = "PyPy";
  }
  return std::move(*target);
}

}  // namespace

bool may_ask_python(const Environment& environment, IsNamed is_named) {
  if (is_named == IsNamed::Yes) return true;
  return !environment.is_foreign() && is_ours(environment.root()) && is_ours(environment.python());
}

Target target_of(const Environment& environment, IsNamed is_named, const StoreIfNeeded& store) {
  if (!environment.is_foreign()) return target_of(environment.interpreter());
  if (!may_ask_python(environment, is_named)) return target_by_tables(environment);
  return target_of(probe_interpreter(environment.python(), store()));
}

Interpreter interpreter_like(const Environment& environment, IsNamed is_named,
                             const DiscoveryOptions& discovery, const StoreIfNeeded& store) {
  if (!environment.is_foreign()) return environment.interpreter();
  if (may_ask_python(environment, is_named)) return probe_interpreter(environment.python(), store());
  const Interpreter& facts = environment.interpreter();
  return find_interpreter(fmt::format("{}@{}", facts.implementation, facts.major_minor()), discovery,
                          store());
}

}  // namespace moat
