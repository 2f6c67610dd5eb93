// moat python list | find
#include "cli/commands/commands.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace moat {
namespace {

nlohmann::ordered_json to_document(const Interpreter& interpreter) {
  return {{"implementation", interpreter.implementation},
          {"version", interpreter.version},
          {"executable", interpreter.executable.native()},
          {"free_threaded", interpreter.free_threaded},
          {"libc", interpreter.libc}};
}

}  // namespace

int execute(const PythonListCommand&, Session& session) {
  Output& output = session.output();
  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  for (const Interpreter& interpreter : list_interpreters(session.discovery(), session.store())) {
    output.result(fmt::format("{:<8} {:<10} {}", interpreter.implementation,
                              interpreter.version + (interpreter.free_threaded ? "t" : ""),
                              interpreter.executable.native()));
    documents.push_back(to_document(interpreter));
  }
  if (output.json())
    output.document({{"schema", 1}, {"interpreters", documents}});
  else if (documents.empty())
    output.say("no Python was found on PATH or below ~/.pyenv");
  return 0;
}

int execute(const PythonFindCommand& command, Session& session) {
  const Interpreter interpreter = command.spec
                                      ? find_interpreter(*command.spec, session.discovery(), session.store())
                                      : session.chosen_interpreter();
  session.output().result(interpreter.executable.native());
  if (session.output().json()) {
    nlohmann::ordered_json document{{"schema", 1}};
    document.update(to_document(interpreter));
    session.output().document(document);
  }
  return 0;
}

}  // namespace moat
