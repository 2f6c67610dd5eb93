#include "cli/session/environment_facts.h"

namespace moat {
namespace {

IsNamed is_named(const Settings& settings) {
  return settings.env || !variable(settings.variables, "MOAT_ENV").empty() ? IsNamed::Yes : IsNamed::No;
}

}  // namespace

bool may_ask_python(const Environment& environment, const Settings& settings) {
  return may_ask_python(environment, is_named(settings));
}

Target target_of(const Environment& environment, Session& session) {
  return target_of(environment, is_named(session.settings()), session.store());
}

Interpreter interpreter_like(const Environment& environment, Session& session) {
  return interpreter_like(environment, is_named(session.settings()), session.discovery(), session.store());
}

}  // namespace moat
