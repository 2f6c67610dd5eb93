// The driver runs inside the build's Python, whatever that is (3.6 and later). The request and the answer are
// files: standard output belongs to the backend and its children.
//
// The backend can write the answer's file, so everything in it is checked before use.
#include "envs/build/build_hook.h"

#include "fetch/os/file.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>

namespace moat {
namespace {

constexpr std::string_view kDriver = R"PY(import importlib
import json
import os
import sys
from importlib.machinery import PathFinder


class FromBackendPath:
    """Finds the backend in backend-path and nowhere else."""

    def __init__(self, path, module):
        self.path = path
        self.parent = module.partition(".")[0]

    def find_spec(self, name, path=None, target=None):
        if "." in name:
            return None
        spec = PathFinder.find_spec(name, self.path)
        if spec is None and name == self.parent:
            raise ImportError("no module %r in backend-path" % name, name=name)
        return spec


def load(question):
    tree = os.path.realpath(os.getcwd())
    path = [os.path.realpath(folder) for folder in question["path"]]
    for folder in path:
        if folder != tree and not folder.startswith(tree + os.sep):
            raise ImportError("backend-path leads out of the source tree by a link: %s" % folder)
    module, _, attributes = question["backend"].partition(":")
    if path:
        sys.path[:0] = path
        sys.meta_path.insert(0, FromBackendPath(path, module))
    backend = importlib.import_module(module)
    for attribute in attributes.split(".") if attributes else []:
        backend = getattr(backend, attribute)
    return backend


def main():
    # The source tree is not on sys.path, and neither is the folder of this file.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if entry and os.path.abspath(entry) != here]
    with open(sys.argv[1], encoding="utf-8", errors="surrogateescape") as file:
        question = json.load(file)
    answer = {}
    try:
        backend = load(question)
    except (ImportError, AttributeError) as error:
        answer["unavailable"] = getattr(error, "name", None) or ""
        answer["why"] = "%s: %s" % (type(error).__name__, error)
        import traceback
        traceback.print_exc()
    else:
        hook = getattr(backend, question["hook"], None)
        if hook is None:
            answer["absent"] = True
        else:
            answer["result"] = hook(*question["arguments"])
    sys.stdout.flush()
    sys.stderr.flush()
    with open(question["answer"], "w", encoding="utf-8", errors="surrogateescape") as file:
        json.dump(answer, file)


main()
)PY";

constexpr std::size_t kMostAnswer = 4 << 20;

bool tells_requirements(Hook hook) {
  return hook == Hook::RequiresForWheel || hook == Hook::RequiresForEditable ||
         hook == Hook::RequiresForSdist;
}

nlohmann::json settings_document(const ConfigSettings& settings) {
  if (settings.empty()) return nullptr;
  nlohmann::json out = nlohmann::json::object();
  for (const auto& [key, value] : settings) {
    nlohmann::json& place = out[key];
    if (place.is_null())
      place = value;
    else if (place.is_string())
      place = nlohmann::json::array({place, value});
    else
      place.push_back(value);
  }
  return out;
}

// As the signatures of PEP 517 and 660 order them.
nlohmann::json arguments_of(Hook hook, const fs::path& folder, const HookPlace& place) {
  const nlohmann::json settings = settings_document(place.settings);
  switch (hook) {
    case Hook::RequiresForWheel:
    case Hook::RequiresForEditable:
    case Hook::RequiresForSdist:
      return nlohmann::json::array({settings});
    case Hook::PrepareMetadata:
    case Hook::BuildSdist:
      return nlohmann::json::array({folder.string(), settings});
    case Hook::BuildWheel:
      if (!place.prepared.empty())
        return nlohmann::json::array({folder.string(), settings, place.prepared.string()});
      return nlohmann::json::array({folder.string(), settings, nullptr});
    case Hook::BuildEditable:
      return nlohmann::json::array({folder.string(), settings, nullptr});
  }
  return nullptr;
}

std::variant<std::vector<std::string>, std::string, HookAbsent, HookFailed> read_requirements(
    const nlohmann::json& result) {
  std::vector<std::string> requirements;
  if (!result.is_array()) return HookFailed{"what it returned is not a list of requirements", ""};
  for (const nlohmann::json& element : result) {
    if (!element.is_string()) return HookFailed{"what it returned is not a list of requirements", ""};
    requirements.push_back(element.get<std::string>());
  }
  return requirements;
}

std::variant<std::vector<std::string>, std::string, HookAbsent, HookFailed> read_name(
    const nlohmann::json& result, const fs::path& folder, Hook hook) {
  if (!result.is_string()) return HookFailed{"what it returned is not a name", ""};
  std::string name = result.get<std::string>();
  const bool is_base_name = !name.empty() && name != "." && name != ".." &&
                            name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  if (!is_base_name)
    return HookFailed{
        fmt::format("it returned {}, which is not the name of something in the folder it was given",
                    quote(name)),
        ""};
  std::error_code unknown;
  const fs::file_type type = fs::symlink_status(folder / name, unknown).type();
  const fs::file_type wanted =
      hook == Hook::PrepareMetadata ? fs::file_type::directory : fs::file_type::regular;
  if (type != wanted)
    return HookFailed{fmt::format("it returned {}, and made no such {}", quote(name),
                                  hook == Hook::PrepareMetadata ? "folder" : "file"),
                      ""};
  return name;
}

std::variant<std::vector<std::string>, std::string, HookAbsent, HookFailed> read_answer(
    const fs::path& file, Hook hook, const HookPlace& place, const fs::path& folder) {
  std::error_code unknown;
  if (fs::symlink_status(file, unknown).type() != fs::file_type::regular)
    return HookFailed{"it gave no answer", ""};
  if (fs::file_size(file, unknown) > kMostAnswer) return HookFailed{"its answer is too long", ""};
  const nlohmann::json answer = nlohmann::json::parse(read_file(file), nullptr, false);
  if (!answer.is_object()) return HookFailed{"its answer cannot be read", ""};
  if (const auto module = answer.find("unavailable"); module != answer.end()) {
    const auto why = answer.find("why");
    return HookFailed{
        fmt::format("the backend {} cannot be loaded: {}", quote(place.system.backend),
                    quote(why != answer.end() && why->is_string() ? why->get<std::string>() : "")),
        module->is_string() ? module->get<std::string>() : ""};
  }
  if (answer.contains("absent")) return HookAbsent{};
  const auto result = answer.find("result");
  if (result == answer.end()) return HookFailed{"its answer cannot be read", ""};
  return tells_requirements(hook) ? read_requirements(*result) : read_name(*result, folder, hook);
}

std::string how_it_ended(const ProcessResult& result, const HookPlace& place) {
  if (result.timed_out)
    return fmt::format("it took longer than {} s",
                       std::chrono::duration_cast<std::chrono::seconds>(*place.timeout).count());
  if (result.status > 128) return fmt::format("signal {} ended it", result.status - 128);
  return fmt::format("it failed (exit status {})", result.status);
}

}  // namespace

std::string_view to_string(Hook hook) {
  constexpr std::array<std::string_view, 7> kNames = {"get_requires_for_build_wheel",
                                                      "get_requires_for_build_editable",
                                                      "prepare_metadata_for_build_wheel",
                                                      "build_wheel",
                                                      "build_editable",
                                                      "get_requires_for_build_sdist",
                                                      "build_sdist"};
  return kNames.at(static_cast<std::size_t>(hook));
}

HookAnswer call_hook(Hook hook, const HookPlace& place, const fs::path& folder, std::stop_token stop) {
  const TempDir scratch(place.scratch, "hook");
  const fs::path driver = scratch.path() / "driver.py";
  const fs::path question = scratch.path() / "question.json";
  const fs::path answer = scratch.path() / "answer.json";
  const nlohmann::json asked{{"backend", place.system.backend},
                             {"path", place.system.backend_path},
                             {"hook", to_string(hook)},
                             {"arguments", arguments_of(hook, folder, place)},
                             {"answer", answer.string()}};
  write_file_atomically(driver, kDriver);
  write_file_atomically(question, asked.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));

  Command command;
  command.argv = place.seal;
  command.argv.insert(command.argv.end(), {place.python.string(), driver.string(), question.string()});
  command.environment = place.variables;
  command.directory = place.source;
  command.merge_output = true;
  command.timeout = place.timeout;
  ProcessResult result = run_process(command, stop);
  if (stop.stop_requested()) throw Error(ErrorKind::Interrupted, "interrupted");

  HookAnswer out;
  out.output = std::move(result.output);
  if (result.status != 0)
    out.result = HookFailed{how_it_ended(result, place), ""};
  else
    out.result = read_answer(answer, hook, place, folder);
  return out;
}

}  // namespace moat
