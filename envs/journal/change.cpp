#include "envs/journal/change.h"

#include "envs/journal/history.h"
#include "envs/journal/move_check.h"
#include "envs/journal/sealed.h"
#include "envs/journal/unflushed.h"
#include "envs/launcher/recover.h"
#include "fetch/os/interrupt.h"
#include "fetch/os/waiting.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <set>

namespace moat {

namespace {

// How long to wait for another moat that is changing the same environment.
constexpr std::chrono::seconds kPatience{60};

// The journal is at its final place; here it reaches the disk before anything is moved. If that fails,
// nothing has been moved yet, and the change is taken back together with it.
void sync_journal(const fs::path& folder, bool& committed) {
  try {
    sync_directory(folder);
  } catch (const Error&) {
    committed = ::unlink((folder / "journal").c_str()) != 0;
    if (!committed) throw;
  }
}

// The change is made. Old states that cannot be examined or removed now are left to the next change.
void prune_what_can_be(const fs::path& environment, std::int64_t now) {
  try {
    prune_history(environment, now);
  } catch (const Error&) {
  }
}

[[noreturn]] void throw_journal_error(int result, const fs::path& environment) {
  const std::string message = moat_journal_error();
  if (result == MOAT_JOURNAL_BUSY) throw Error(ErrorKind::Busy, message, {"try again when it has finished"});
  if (result == MOAT_JOURNAL_FOREIGN)
    throw Error(ErrorKind::Refused,
                fmt::format("{} holds a change that another user did not finish: {}",
                            quote(environment.string()), message),
                {"run any moat command on it as that user, for example moat env history"});
  if (result == MOAT_RECOVERY_DAMAGED)
    throw Error(ErrorKind::Disk, fmt::format("{} is damaged: {}", quote(environment.string()), message),
                {fmt::format("moat doctor --repair --env {}", environment.string())});
  if (result == MOAT_JOURNAL_BAD)
    throw Error(ErrorKind::Disk, fmt::format("cannot follow {}: {}",
                                             quote((environment / ".moat/journal").string()), message));
  throw Error(ErrorKind::Disk,
              fmt::format("cannot finish the change of {}: {}", quote(environment.string()), message),
              {fmt::format("remove the cause and run any moat command on it, or abandon the change: moat env "
                           "rollback --force --env {}",
                           environment.string())});
}

[[noreturn]] void throw_taken_back(const fs::path& environment) {
  throw Error(ErrorKind::Disk, fmt::format("cannot change {}: {}; nothing has changed",
                                           quote(environment.string()), moat_journal_error()));
}

UniqueFd open_directory(const fs::path& path) { return open_file(path, O_RDONLY | O_DIRECTORY); }

int manifest_state(const fs::path& environment) {
  const auto text = read_file_if_exists(environment / ".moat/manifest");
  constexpr std::string_view kKey = "\nstate ";
  const std::size_t at = text ? text->find(kKey) : std::string::npos;
  int state = 0;
  if (at != std::string::npos) {
    const char* begin = text->data() + at + kKey.size();
    std::from_chars(begin, text->data() + text->size(), state);
  }
  return state;
}

std::string escape(std::string_view field) {
  std::string out;
  out.reserve(field.size());
  for (const char c : field) {
    if (c == '\t')
      out += "\\t";
    else if (c == '\n')
      out += "\\n";
    else if (c == '\\')
      out += "\\\\";
    else
      out += c;
  }
  return out;
}

void append_line(std::string& out, std::string_view word, std::string_view first) {
  out.append(word).append("\t").append(escape(first)).append("\n");
}

void append_move(std::string& out, const Move& move) {
  switch (move.kind) {
    case Move::Kind::MakeDirectory:
      append_line(out, "mkdir", move.from);
      return;
    case Move::Kind::RemoveDirectory:
      append_line(out, "rmdir", move.from);
      return;
    case Move::Kind::Out:
      out += "out\t";
      break;
    case Move::Kind::In:
      out += "in\t";
      break;
  }
  out.append(escape(move.from)).append("\t").append(escape(move.to)).append("\n");
}

std::string format_journal(int state, std::int64_t time, const std::string& reason,
                           const std::vector<std::string>& summary, const std::vector<Move>& moves) {
  std::string out = fmt::format("moat-journal 1\nstate\t{}\ntime\t{}\n", state, time);
  append_line(out, "reason", reason);
  for (const std::string& line : summary) append_line(out, "summary", line);
  for (const Move& move : moves) append_move(out, move);
  return out + "end\n";
}

// Directories for `to` of the moves out, parents first.
std::set<std::string> history_directories(const std::vector<Move>& moves) {
  std::set<std::string> out;
  for (const Move& move : moves) {
    if (move.kind != Move::Kind::Out) continue;
    for (std::size_t at = move.to.rfind('/'); at != std::string::npos && at > 0;
         at = move.to.rfind('/', at - 1))
      if (!out.insert(move.to.substr(0, at)).second) break;
  }
  out.erase(".moat");
  return out;
}

int call_hook(void* context, std::size_t step) {
  return (*static_cast<const Change::StepHook*>(context))(step) ? 0 : 1;
}

void write_new(const fs::path& path, std::string_view text, Durable durable) {
  const UniqueFd file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  write_all(file.get(), text, path);
  if (durable != Durable::Never && ::fsync(file.get()) != 0) throw_errno("sync", path, errno);
}

std::int64_t unix_now() { return static_cast<std::int64_t>(std::time(nullptr)); }

}  // namespace

struct Change::State {
  State(fs::path environment, FileLock held) : root(std::move(environment)), lock(std::move(held)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (!committed && !stage.empty()) remove_tree_quietly(stage.parent_path());
  }
  fs::path root;
  FileLock lock;
  fs::path stage;
  std::int64_t begun = unix_now();
  bool committed = false;
};

Change::Change(Change&&) noexcept = default;
Change::~Change() = default;
Change::Change(std::unique_ptr<State> state, int number) : impl_(std::move(state)), state_(number) {}

Change Change::begin(const fs::path& environment, const std::string& command) {
  refuse_release(environment);
  const fs::path folder = environment / ".moat";
  auto state = std::make_unique<State>(
      environment, FileLock::acquire({environment, ".moat/lock"}, FileLock::Mode::Exclusive, kPatience));
  state->lock.describe(fmt::format("pid {}: {}", ::getpid(), command));
  const int result = moat_journal_resume(open_directory(environment).get());
  if (result < 0) throw_journal_error(result, environment);
  const int recovery = moat_recover(open_directory(environment).get(), MOAT_BOOT_ID_FILE);
  if (recovery < 0) throw_journal_error(recovery, environment);
  flush_if_old(environment, state->begun);

  // Files that a killed writer staged and never committed.
  remove_tree(folder / "stage");
  const int number = 1 + std::max(manifest_state(environment), newest_history_number(environment));
  state->stage = folder / "stage" / std::to_string(number);
  make_directories(state->stage / ".moat");
  return Change(std::move(state), number);
}

fs::path Change::stage() const { return impl_->stage; }
std::string Change::stage_relative() const { return fmt::format(".moat/stage/{}", state_); }
std::string Change::history_relative() const { return fmt::format(".moat/history/{}/old", state_); }

void Change::commit(const std::vector<Move>& moves, Manifest manifest, const std::string& reason,
                    const std::vector<std::string>& summary, Durable durable, const StepHook& hook) {
  manifest.state = state_;
  const fs::path aside = impl_->stage / ".moat";
  write_new(aside / "manifest", format_manifest(manifest), durable);

  const std::string old_manifest = history_relative() + "/.moat/manifest";
  std::vector<Move> all = {{Move::Kind::Out, ".moat/manifest", old_manifest}};
  all.insert(all.end(), moves.begin(), moves.end());
  std::vector<Move> steps;
  for (const std::string& directory : history_directories(all))
    steps.push_back({Move::Kind::MakeDirectory, directory, {}});
  steps.insert(steps.end(), all.begin(), all.end());
  steps.push_back({Move::Kind::In, stage_relative() + "/.moat/manifest", ".moat/manifest"});

  check_moves(impl_->root, steps);

  const std::int64_t now = unix_now();
  const std::string text = format_journal(state_, now, reason, summary, steps);
  const Journal journal(text, aside / "journal");  // do not write what we would not follow
  const UniqueFd root = open_directory(impl_->root);
  if (const int result = moat_journal_check(root.get(), &*journal); result < 0)
    throw Error(ErrorKind::Refused,
                fmt::format("cannot change {}: {}", quote(impl_->root.string()), moat_journal_error()),
                {"replace the link with what it points to"});
  if (durable == Durable::Always) sync_file_system(impl_->stage);
  // Without these nobody finds the damaged environment, or can start it.
  if (durable == Durable::Auto)
    for (std::size_t i = 0; i < journal->move_count; ++i)
      if (moat_journal_replaces(&*journal, &journal->moves[i]))
        sync_file(impl_->root / journal->moves[i].from);
  if (durable == Durable::Auto) mark_unflushed(impl_->root / ".moat", state_, impl_->begun);
  write_new(aside / "journal", text, durable);

  // From here the change will happen, by us or by the next command that opens the environment.
  const CommitUnderWay under_way;
  rename_over(aside / "journal", impl_->root / ".moat/journal");
  impl_->committed = true;
  if (durable != Durable::Never) sync_journal(impl_->root / ".moat", impl_->committed);
  StepHook step = hook;
  const int result =
      moat_journal_apply(root.get(), &*journal, MOAT_JOURNAL_FRESH, hook ? call_hook : nullptr, &step);
  if (result < 0) throw_journal_error(result, impl_->root);
  if (result == MOAT_JOURNAL_TAKEN_BACK) throw_taken_back(impl_->root);
  if (durable == Durable::Always) flush(impl_->root);
  prune_what_can_be(impl_->root, now);
}

bool give_up_change(const fs::path& environment) {
  if (!fs::exists(environment / ".moat/journal")) return false;
  const FileLock lock = FileLock::acquire({environment, ".moat/lock"}, FileLock::Mode::Exclusive, kPatience);
  const UniqueFd root = open_directory(environment);
  if (const int result = moat_journal_resume(root.get()); result >= 0) return result != MOAT_JOURNAL_NONE;
  if (const int result = moat_journal_give_up(root.get()); result < 0)
    throw_journal_error(result, environment);
  return true;
}

bool roll_forward(const fs::path& environment) {
  Wait wait(kPatience, [&] { return lock_holder(environment / ".moat/lock"); });
  int result = MOAT_JOURNAL_BUSY;
  while ((result = moat_journal_roll_forward(environment.c_str(), 0)) == MOAT_JOURNAL_BUSY)
    if (!wait.pause()) break;
  if (result < 0) throw_journal_error(result, environment);
  return result == MOAT_JOURNAL_APPLIED;
}

}  // namespace moat
