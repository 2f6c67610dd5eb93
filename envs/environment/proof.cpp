#include "envs/environment/proof.h"

#include "envs/launcher/image.h"
#include "fetch/os/file.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/paths.h"
#include "fetch/os/process.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <set>

namespace moat {
namespace {

using Json = nlohmann::json;
constexpr std::string_view kAnswerMark = "moat-proved ";
constexpr int kCannot = 126;

// Each module in its own child process, so that no import affects the next one.
constexpr const char* kImport = R"PY(
import json, os, pkgutil, signal, sys
root, names = sys.argv[1], json.loads(sys.argv[2])
if not names:
    own = [entry for entry in sys.path if entry.startswith(root + os.sep)]
    names = sorted(set(module[1] for module in pkgutil.iter_modules(own)))
    # One opens a browser, and these open windows or run the moment they are imported.
    names = [name for name in names if name not in ("antigravity", "idlelib", "this", "turtledemo", "__main__")]
answers = {}
for name in names:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        text = ""
        try:
            signal.alarm(60)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            try:
                __import__(name)
            except BaseException as error:
                text = "%s: %s" % (type(error).__name__, error)
            os.write(writing, b"." + text.encode("utf-8", "replace")[:400])
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read().decode("utf-8", "replace")
    text = text[1:] if text.startswith(".") else "it gave no answer"
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        text = "ended by signal %d" % os.WTERMSIG(status)
    answers[name] = text
print("\nmoat-proved " + json.dumps(answers))
)PY";

// System files for every program: they belong to no Python.
bool is_of_the_system(std::string_view path) {
  return std::ranges::any_of(std::array<std::string_view, 3>{"/proc/", "/dev/", "/sys/"},
                             [&](std::string_view folder) { return path.starts_with(folder); });
}

class Proof {
 public:
  Proof(const Environment& environment, const ProofTerms& terms, const std::stop_token& stop)
      : environment_(environment),
        root_(environment.root()),
        terms_(terms),
        stop_(stop),
        program_(terms.scratch / "watch"),
        list_(terms.scratch / "opened"),
        home_(fs::temp_directory_path(), "moat-prove") {
    write_file_atomically(program_, watch_image(), 0755);
    choose_hidden();
  }

  std::vector<Finding> run() {
    check_possible();
    import_all();
    start_commands();
    std::vector<Finding> out;
    if (!needs_.empty())
      out.push_back({.level = Finding::Level::Leak,
                     .check = "proof",
                     .message = "these fail when other Pythons are hidden",
                     .details = needs_,
                     .hint = "moat create --replace " + root_.string()});
    else
      out.push_back(
          {.check = "proof",
           .message = fmt::format("with {} places of other Pythons hidden, {} modules are imported and "
                                  "{} commands start as they do otherwise",
                                  hidden_.size(), modules_, commands_)});
    if (!strays_.empty())
      out.push_back({.level = Finding::Level::Leak,
                     .check = "proof",
                     .message = "files of other Pythons are opened",
                     .details = {strays_.begin(), strays_.end()},
                     .hint = "moat create --replace " + root_.string()});
    if (!outside_.empty())
      out.push_back({.level = Finding::Level::Note,
                     .check = "opened outside",
                     .message = fmt::format("opened {} files outside the environment, none of another Python",
                                            outside_.size()),
                     .details = {outside_.begin(), outside_.end()}});
    return out;
  }

 private:
  // Existing places that are neither the environment nor a folder around it; each place once, outer ones
  // before those inside them, which need not be hidden separately.
  void choose_hidden() {
    std::set<fs::path> places;
    for (const fs::path& place : terms_.hidden) {
      std::error_code failure;
      const fs::path real = fs::canonical(place, failure);
      if (!failure && !is_below(root_, real) && !is_below(home_.path(), real)) places.insert(real);
    }
    for (const fs::path& place : places)
      if (std::ranges::none_of(hidden_, [&](const fs::path& outer) { return is_below(place, outer); }) &&
          !is_below(place, root_))
        hidden_.push_back(place);
  }

  enum class Others { Hidden, There };

  ProcessResult watched(std::vector<std::string> command, Others others, std::chrono::seconds timeout) {
    throw_if_interrupted(stop_);
    Command run;
    run.argv = {program_.string(), list_.string()};
    if (others == Others::Hidden)
      for (const fs::path& place : hidden_) run.argv.push_back(place.string());
    run.argv.emplace_back("--");
    std::ranges::move(command, std::back_inserter(run.argv));
    run.environment = terms_.variables;
    std::erase_if(*run.environment, [](const auto& variable) { return variable.first == "HOME"; });
    run.environment->emplace_back("HOME", home_.path().string());
    run.directory = home_.path();
    run.timeout = timeout;
    run.merge_output = true;
    run.most_output = std::size_t{1} << 20U;
    ProcessResult result = run_process(run, stop_);
    if (others == Others::Hidden) take_opened();
    return result;
  }

  void take_opened() {
    const std::string text = read_file_if_exists(list_).value_or("");
    for (const std::string_view path : split(text, '\0')) {
      if (path.empty() || is_below(path, root_) || is_below(path, home_.path()) || is_of_the_system(path))
        continue;
      struct stat facts {};
      // Folders are opened on the way to a file.
      if (::stat(std::string(path).c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) continue;
      const bool is_stray =
          std::ranges::any_of(hidden_, [&](const fs::path& place) { return is_below(path, place); });
      (is_stray ? strays_ : outside_).emplace(path);
    }
  }

  void check_possible() {
    const ProcessResult result = watched({"--check"}, Others::Hidden, std::chrono::seconds(20));
    if (result.status == 0) return;
    const auto lines = split_lines(result.output);
    throw Error(
        ErrorKind::Refused,
        "cannot hide other Pythons here: " +
            (lines.empty() ? "exit status " + std::to_string(result.status) : std::string(lines.back())),
        {"`moat doctor` checks without hiding anything",
         "this requires user and mount namespaces; containers often forbid them"});
  }

  // By module: "", or why it cannot be imported.
  std::map<std::string, std::string> imported(const std::vector<std::string>& names, Others others) {
    const ProcessResult result =
        watched({environment_.python().string(), "-B", "-c", kImport, root_.string(), Json(names).dump()},
                others, std::chrono::minutes(30));
    const auto at = result.output.rfind(kAnswerMark);
    const Json answer = at == std::string::npos
                            ? Json()
                            : Json::parse(result.output.substr(at + kAnswerMark.size()), nullptr, false);
    if (!answer.is_object()) {
      if (result.timed_out)
        throw Error(ErrorKind::Refused, fmt::format("cannot prove anything about {}: importing its modules "
                                                    "took more than 30 min",
                                                    quote(root_.string())));
      const auto lines = split_lines(result.output);
      const std::string why =
          lines.empty() ? "exit status " + std::to_string(result.status) : std::string(lines.back());
      return {{"", "python itself: " + why}};
    }
    return answer.get<std::map<std::string, std::string>>();
  }

  void import_all() {
    const std::map<std::string, std::string> hidden = imported({}, Others::Hidden);
    std::vector<std::string> failed;
    for (const auto& [name, why] : hidden) {
      if (name.empty()) return take_no_start(why);
      ++modules_;
      if (!why.empty()) failed.push_back(name);
    }
    if (failed.empty()) return;
    // A module that fails with all of it visible has another reason.
    const std::map<std::string, std::string> there = imported(failed, Others::There);
    for (const std::string& name : failed) {
      const auto found = there.find(name);
      if (found != there.end() && found->second.empty())
        needs_.push_back("module " + name + ": " + hidden.at(name));
      else
        --modules_;
    }
  }

  // Its Python did not start, or gave no answer: a leak only if it works with the others visible.
  void take_no_start(const std::string& why) {
    const std::map<std::string, std::string> there = imported({"sys"}, Others::There);
    const auto found = there.find("");
    if (found != there.end())
      throw Error(ErrorKind::Refused,
                  fmt::format("cannot prove anything about {}: {}", quote(root_.string()), found->second),
                  {"moat doctor --repair --env " + root_.string()});
    needs_.push_back(why);
  }

  // Without the environment's own: its Python, and its `pip`, which is moat.
  std::vector<fs::path> commands() const {
    const Environment::Placed placed =
        environment_.is_foreign() ? Environment::Placed{} : environment_.placed();
    std::set<std::string> own;
    for (const ManifestEntry& entry : placed.manifest.entries)
      if (entry.owner.empty()) own.insert(entry.path);
    std::vector<fs::path> out;
    std::error_code failure;
    for (fs::directory_iterator entry(root_ / "bin", failure), end; !failure && entry != end;
         entry.increment(failure)) {
      const bool is_own = own.contains("bin/" + entry->path().filename().string());
      if (!is_own && entry->is_regular_file(failure) && ::access(entry->path().c_str(), X_OK) == 0)
        out.push_back(entry->path());
    }
    std::ranges::sort(out);
    return out;
  }

  // "" if it starts; it may refuse `--help`.
  std::string why_it_does_not_start(const fs::path& command, Others others) {
    const ProcessResult result = watched({command.string(), "--help"}, others, std::chrono::seconds(30));
    constexpr int kNotFound = 127;
    if (result.status == kCannot || result.status == kNotFound)
      return "exit status " + std::to_string(result.status);
    for (const std::string_view line : split_lines(result.output))
      for (const std::string_view error : {"ModuleNotFoundError: ", "ImportError: ", "Fatal Python error: "})
        if (line.starts_with(error)) return std::string(line);
    return "";
  }

  void start_commands() {
    for (const fs::path& command : commands()) {
      const std::string why = why_it_does_not_start(command, Others::Hidden);
      if (why.empty())
        ++commands_;
      else if (why_it_does_not_start(command, Others::There).empty())
        needs_.push_back("command " + command.filename().string() + ": " + why);
    }
  }

  const Environment& environment_;
  const fs::path root_;
  const ProofTerms& terms_;
  const std::stop_token stop_;
  const fs::path program_, list_;
  const TempDir home_;
  std::vector<fs::path> hidden_;
  std::size_t modules_ = 0, commands_ = 0;
  std::vector<std::string> needs_;
  std::set<std::string> strays_, outside_;
};

}  // namespace

std::vector<Finding> prove_isolation(const Environment& environment, const ProofTerms& terms,
                                     const std::stop_token& stop) {
  return Proof(environment, terms, stop).run();
}

std::vector<fs::path> places_of(const Interpreter& interpreter) {
  std::vector<fs::path> out = {interpreter.executable, interpreter.stdlib, interpreter.platstdlib,
                               interpreter.include};
  const bool shares_its_prefix =
      interpreter.prefix == "/usr" || interpreter.prefix == "/usr/local" || interpreter.prefix == "/";
  if (!shares_its_prefix) out.push_back(interpreter.prefix);
  if (!interpreter.libpython.empty()) out.push_back(interpreter.libdir / interpreter.libpython);
  // Debian's packages, which several of its Pythons share.
  if (interpreter.debian) out.emplace_back("/usr/lib/python3");
  if (shares_its_prefix) out.push_back("/usr/local/lib/python" + interpreter.major_minor());
  std::erase_if(out, [](const fs::path& place) { return place.empty(); });
  return out;
}

}  // namespace moat
