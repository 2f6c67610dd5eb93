#include "cli/session/environment_facts.h"

namespace moat {
namespace {

IsNamed is_named(const Settings& settings) {
  return settings.env || !variable(settings.variables, "MOAT_ENV").empty() ? IsNamed::Yes : IsNamed::No;
}

StoreIfNeeded store_of(Session& session) {
  return [&session]() -> const Store& { return session.store(); };
}

}  // namespace

bool may_ask_python(const Environment& environment, const Settings& settings) {
  return may_ask_python(environment, is_named(settings));
}

Target target_of(const Environment& environment, Session& session) {
  return target_of(environment, is_named(session.settings()), store_of(session));
}

Interpreter interpreter_like(const Environment& environment, Session& session) {
  return interpreter_like(environment, is_named(session.settings()), session.discovery(), store_of(session));
}

}  // namespace moat
