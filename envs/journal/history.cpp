// Going back. Each recorded change is a list of moves, so reversing the list takes it back: new files go out,
// old ones come in again. Taking back several states one after the other would move a file through places
// where it does not stay, and a list with such a chain cannot be repeated from any point. So the reversed
// lists are first played in memory, on a tree whose leaves remember where they are now; the list that is
// carried out is the difference between where each leaf is and where it ends. It names single files, never
// directories: files that a running Python wrote next to them stay, and a directory of a lower overlay layer
// cannot be renamed.
#include "envs/journal/history.h"

#include "envs/journal/bytecode_list.h"
#include "envs/journal/change.h"
#include "envs/journal/former_files.h"
#include "envs/journal/state_files.h"
#include "envs/journal/unflushed.h"
#include "fetch/bytes/hasher.h"
#include "fetch/store/link.h"
#include "resolver/base/text.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <unordered_set>

namespace moat {

Journal::Journal(std::string text, const fs::path& path) : text_(std::move(text)) {
  if (moat_journal_parse(text_.data(), text_.size(), &parsed_) != 0)
    throw Error(ErrorKind::Disk,
                fmt::format("cannot follow {}: {}", quote(path.string()), moat_journal_error()));
}

namespace {

// ---- the tree in memory ----

struct Node {
  std::string
      origin;  // where it lies now, relative to the environment; "" for a directory that is only wanted
  bool is_directory = false;
  bool is_listed = false;  // the children are there
  std::map<std::string, std::unique_ptr<Node>> children;
};

class Tree {
 public:
  explicit Tree(fs::path root) : root_(std::move(root)) {
    top_.is_directory = true;
    list(top_);
  }

  // The node, cut off from the tree; null where there is none.
  std::unique_ptr<Node> detach(std::string_view path) {
    const auto [parent, name] = split_last(path);
    Node* const directory = find(parent);
    if (!directory || !directory->is_directory) return nullptr;
    list(*directory);
    const auto found = directory->children.find(std::string(name));
    if (found == directory->children.end()) return nullptr;
    auto node = std::move(found->second);
    directory->children.erase(found);
    return node;
  }

  Node* find(std::string_view path) {
    Node* node = &top_;
    while (!path.empty()) {
      if (!node->is_directory) return nullptr;
      list(*node);
      const auto [first, rest] = split_first(path);
      const auto found = node->children.find(std::string(first));
      if (found == node->children.end()) return nullptr;
      node = found->second.get();
      path = rest;
    }
    return node;
  }

  // Puts the node there; existing directories are merged. Returns false if a file is in the way.
  bool attach(std::string_view path, std::unique_ptr<Node> node) {
    Node* directory = &top_;
    const auto [parent, name] = split_last(path);
    for (std::string_view rest = parent; !rest.empty();) {
      const auto [first, after] = split_first(rest);
      list(*directory);
      auto& child = directory->children[std::string(first)];
      if (!child) {
        child = std::make_unique<Node>();
        child->is_directory = child->is_listed = true;
      }
      if (!child->is_directory) return false;
      directory = child.get();
      rest = after;
    }
    return attach_child(*directory, std::string(name), std::move(node));
  }

  // visit(path) for every leaf that `node` would have if attached at `path`, where something exists already.
  template <class Visit>
  void for_each_clash(const std::string& path, Node& node, const Visit& visit) {
    if (!find(path)) return;
    if (!node.is_directory) return visit(path);
    list(node);
    for (auto& [name, child] : node.children) for_each_clash(path + "/" + name, *child, visit);
  }

  // visit(path, node) for every leaf that does not lie where it should.
  template <class Visit>
  void for_each_displaced(const Visit& visit) {
    walk(top_, "", visit);
  }

 private:
  static std::pair<std::string_view, std::string_view> split_first(std::string_view path) {
    const std::size_t at = path.find('/');
    if (at == std::string_view::npos) return {path, {}};
    return {path.substr(0, at), path.substr(at + 1)};
  }
  static std::pair<std::string_view, std::string_view> split_last(std::string_view path) {
    const std::size_t at = path.rfind('/');
    if (at == std::string_view::npos) return {{}, path};
    return {path.substr(0, at), path.substr(at + 1)};
  }

  void list(Node& node) {
    if (node.is_listed) return;
    node.is_listed = true;
    for (const fs::directory_entry& entry : fs::directory_iterator(root_ / node.origin)) {
      auto child = std::make_unique<Node>();
      const std::string name = entry.path().filename().string();
      child->origin = node.origin.empty() ? name : node.origin + "/" + name;
      child->is_directory = entry.is_directory() && !entry.is_symlink();
      node.children.emplace(name, std::move(child));
    }
  }

  bool attach_child(Node& directory, const std::string& name, std::unique_ptr<Node> node) {
    list(directory);
    auto& place = directory.children[name];
    if (!place) {
      place = std::move(node);
      return true;
    }
    if (!place->is_directory || !node->is_directory) return false;
    list(*node);
    for (auto& [child_name, child] : node->children)
      if (!attach_child(*place, child_name, std::move(child))) return false;
    return true;
  }

  template <class Visit>
  void walk(Node& node, const std::string& path, const Visit& visit) {
    if (!node.is_directory) {
      if (node.origin != path) visit(path, node);
      return;
    }
    if (!node.is_listed && node.origin == path) return;
    list(node);
    for (auto& [name, child] : node.children) walk(*child, path.empty() ? name : path + "/" + name, visit);
  }

  fs::path root_;
  Node top_;
};

// ---- one change from several lists ----

bool is_private(std::string_view path) { return path.substr(0, 6) == ".moat/"; }
bool is_saved_edit(std::string_view path) {
  return path.find(".moat-saved", path.rfind('/') + 1) != path.npos;
}

fs::path history_folder(const fs::path& environment) { return environment / ".moat/history"; }

Manifest read_manifest(const fs::path& path) {
  Expected<Manifest> manifest = parse_manifest(read_file(path));
  if (!manifest)
    throw Error(ErrorKind::Disk,
                fmt::format("cannot read {}: {}", quote(path.string()), manifest.error().message));
  return *std::move(manifest);
}

// Of the state that the change ended.
Manifest manifest_before(const fs::path& environment, int state) {
  return read_manifest(history_folder(environment) / std::to_string(state) / "old/.moat/manifest");
}

class Undo {
 public:
  // `then`: the manifest of the state to go back to.
  Undo(const fs::path& environment, int new_state, const Manifest& present, const Manifest& then)
      : root_(environment),
        new_state_(new_state),
        changes_python_(present.runtime != then.runtime),
        tree_(environment) {
    for (const ManifestEntry& entry : present.entries) placed_.insert(entry.path);
  }

  void take_back(const moat_journal& journal) {
    for (std::size_t i = journal.move_count; i > 0; --i) {
      const moat_move& move = journal.moves[i - 1];
      if (has_no_predecessor(journal, move))
        staying_.insert(move.to);
      else
        take_back(move, journal.state);
    }
  }

  // The manifest lines of launchers that stay, although the old state had another one.
  void bring_into_line(Manifest& then) {
    for (ManifestEntry& entry : then.entries) {
      if (staying_.count(entry.path) == 0) continue;
      const Node* const node = tree_.find(entry.path);
      if (!node || node->is_directory) continue;
      entry.sha256 = hash_file(root_ / node->origin).hex;
      entry.size = fs::file_size(root_ / node->origin);
    }
  }

  std::vector<Move> moves() {
    park_stale_bytecode();
    std::vector<Move> all, ins;
    tree_.for_each_displaced([&](const std::string& path, const Node& node) {
      const bool was_private = stays_apart(node.origin), is_now_private = stays_apart(path);
      if (was_private && is_now_private)
        return;  // in history before and after: it may as well stay where it is
      if (was_private)
        ins.push_back({Move::Kind::In, node.origin, path});
      else if (is_ours(node.origin))
        all.push_back({Move::Kind::Out, node.origin, path});
      else
        check_place_is_free(node.origin);
    });
    // A directory may have to make room for a file, so what is emptied goes before anything comes in.
    const std::set<std::string> emptied = emptied_directories(all);
    append(all, Move::Kind::RemoveDirectory, emptied.rbegin(),
           emptied.rend());  // children sort after their parents
    const std::set<std::string> missing = missing_parents(ins, emptied);
    append(all, Move::Kind::MakeDirectory, missing.begin(), missing.end());
    all.insert(all.end(), ins.begin(), ins.end());
    const std::set<std::string> used_up = emptied_directories(ins);
    append(all, Move::Kind::RemoveDirectory, used_up.rbegin(), used_up.rend());
    return all;
  }

 private:
  // Of .moat, only the files of another Python are part of a state.
  bool stays_apart(std::string_view path) const {
    return changes_python_ ? path.starts_with(".moat/history/") || path.starts_with(".moat/stage/")
                           : is_private(path);
  }
  // Every change writes its own; but the files that start a Python are exchanged with it.
  bool is_written_anew(std::string_view path) const {
    return changes_python_ ? path == ".moat/manifest" || path == kBytecodeList : is_state_file(path);
  }

  // Was it renamed over its predecessor, which no longer exists? Without it there would be no environment.
  bool has_no_predecessor(const moat_journal& journal, const moat_move& move) const {
    if (!changes_python_ || moat_journal_replaces(&journal, &move) == 0) return false;
    const std::string_view path = move.to;
    return path == "pyvenv.cfg" || std::ranges::binary_search(manifest_before(root_, journal.state).entries,
                                                              path, {}, &ManifestEntry::path);
  }

  // Files that were added to our directories since then stay.
  bool is_ours(const std::string& path) const {
    return placed_.count(path) != 0 || is_bytecode(path) || is_saved_edit(path) ||
           (changes_python_ && path == "pyvenv.cfg");  // no manifest lists it: a move rewrites it
  }

  template <class Iterator>
  static void append(std::vector<Move>& moves, Move::Kind kind, Iterator begin, Iterator end) {
    for (; begin != end; ++begin) moves.push_back({kind, *begin, {}});
  }

  [[noreturn]] void refuse_in_the_way(const std::string& path) const {
    throw Error(ErrorKind::Refused,
                fmt::format("cannot roll back: {} did not exist then, and moat did not make it",
                            quote((root_ / path).string())),
                {"move it elsewhere, then try again"});
  }

  // A file that stays must not be at the path of one of that state, nor below it.
  void check_place_is_free(const std::string& path) {
    for (std::string part = path;; part.resize(part.rfind('/'))) {
      const Node* const wanted = tree_.find(part);
      if (wanted && !wanted->is_directory) refuse_in_the_way(path);
      if (part.find('/') == part.npos) return;
    }
  }

  void take_back(const moat_move& move, int state) {
    const std::string from = move.from, to = move.to ? move.to : "";
    if (is_written_anew(from) || is_written_anew(to)) return;
    switch (move.kind) {
      case MOAT_MOVE_MKDIR:
        if (!is_private(from)) made_here_.insert(from);
        return;
      case MOAT_MOVE_RMDIR:
        return;
      case MOAT_MOVE_OUT:
        put(from, tree_.detach(to), state);
        return;
      case MOAT_MOVE_IN:
        break;
    }
    made_here_.insert(to);
    // A file that a rollback took from history goes back to its place there; a file from a stage gets a new
    // one.
    put(from.compare(0, 13, ".moat/history") == 0 ? from : parked(to, state), tree_.detach(to), state);
  }

  std::string parked(const std::string& path, int state) const {
    return fmt::format(".moat/history/{}/{}/{}", new_state_, state, path);
  }

  void put(const std::string& path, std::unique_ptr<Node> node, int state) {
    if (!node) return;  // somebody had removed it before
    tree_.for_each_clash(path, *node, [&](const std::string& leaf) {
      if (is_bytecode(leaf)) tree_.attach(parked(leaf, state), tree_.detach(leaf));  // written since
    });
    if (!tree_.attach(path, std::move(node))) refuse_in_the_way(path);
  }

  // Python may have written bytecode for a removed source: by size and time it could pass for that of its
  // successor.
  void park_stale_bytecode() {
    std::vector<std::string> sources;
    tree_.for_each_displaced([&](const std::string&, const Node& node) {
      if (!is_private(node.origin) && fs::path(node.origin).extension() == ".py")
        sources.push_back(node.origin);
    });
    for (const fs::path source : sources) {
      const std::string folder = (source.parent_path() / "__pycache__").string();
      Node* const cache = tree_.find(folder);
      if (!cache || !cache->is_directory) continue;
      std::vector<std::string> stale;
      for (const auto& [name, node] : cache->children)
        if (name.compare(0, source.stem().string().size() + 1, source.stem().string() + ".") == 0 &&
            node->origin == folder + "/" + name)
          stale.push_back(node->origin);
      for (const std::string& path : stale) tree_.attach(parked(path, new_state_), tree_.detach(path));
    }
  }

  std::set<std::string> missing_parents(const std::vector<Move>& ins,
                                        const std::set<std::string>& emptied) const {
    std::set<std::string> out;
    for (const Move& move : ins)
      for (fs::path parent = fs::path(move.to).parent_path(); !parent.empty(); parent = parent.parent_path())
        if ((fs::is_directory(root_ / parent) && emptied.count(parent.string()) == 0) ||
            !out.insert(parent.string()).second)
          break;
    return out;
  }

  // Directories that did not exist before the reversed changes, and the emptied ones of the
  // history.
  std::set<std::string> emptied_directories(const std::vector<Move>& moves) const {
    std::set<std::string> out;
    for (const Move& move : moves) {
      for (fs::path parent = fs::path(move.from).parent_path(); !parent.empty();
           parent = parent.parent_path())
        if (is_private(move.from) ? std::distance(parent.begin(), parent.end()) > 3 : came_with_them(parent))
          if (!out.insert(parent.string()).second) break;
    }
    return out;
  }
  bool came_with_them(fs::path directory) const {
    for (; !directory.empty(); directory = directory.parent_path())
      if (made_here_.count(directory.string()) != 0) return true;
    return false;
  }

  fs::path root_;
  int new_state_;
  bool changes_python_;
  Tree tree_;
  std::set<std::string> made_here_;
  std::unordered_set<std::string> placed_, staying_;
};

std::vector<int> numbered_folders(const fs::path& folder) {
  std::vector<int> out;
  std::error_code error;
  for (fs::directory_iterator i(folder, error), end; !error && i != end; i.increment(error)) {
    std::error_code gone;
    if (i->symlink_status(gone).type() != fs::file_type::directory) continue;  // a link leads out of here
    const std::string name = i->path().filename().string();
    int number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) out.push_back(number);
  }
  if (error && error != std::errc::no_such_file_or_directory) throw_errno("read", folder, error.value());
  std::sort(out.rbegin(), out.rend());
  return out;
}

// Numbers N of all `.moat/history/N/…` among its paths.
void add_mentioned_states(const moat_journal& journal, std::set<int>& out) {
  constexpr std::string_view kFolder = ".moat/history/";
  for (const moat_move& move : std::span(journal.moves, journal.move_count)) {
    for (const char* const path : {move.from, move.to}) {
      if (!path || std::string_view(path).substr(0, kFolder.size()) != kFolder) continue;
      const char* const begin = path + kFolder.size();
      int state = 0;
      if (std::from_chars(begin, begin + std::string_view(begin).size(), state).ec == std::errc())
        out.insert(state);
    }
  }
}

}  // namespace

std::string_view python_version_of(std::string_view runtime) { return runtime.substr(0, runtime.rfind('-')); }

std::vector<std::string> summarize(const Manifest& before, const Manifest& after) {
  const auto versions = [](const Manifest& manifest) {
    std::map<std::string, const ManifestPackage*> out;
    for (const ManifestPackage& package : manifest.packages) out[package.name] = &package;
    return out;
  };
  const auto old_packages = versions(before), new_packages = versions(after);
  std::map<std::string, std::string> lines;
  for (const auto& [name, package] : old_packages)
    if (new_packages.count(name) == 0) lines[name] = fmt::format("- {} {}", name, package->version);
  for (const auto& [name, package] : new_packages) {
    const auto old = old_packages.find(name);
    if (old == old_packages.end())
      lines[name] = fmt::format("+ {} {}", name, package->version);
    else if (old->second->version != package->version)
      lines[name] = fmt::format("~ {} {} → {}", name, old->second->version, package->version);
    else if (old->second->wheel_sha256 != package->wheel_sha256)
      lines[name] = fmt::format("~ {} {}", name, package->version);
  }
  std::vector<std::string> out;
  const std::string_view was = python_version_of(before.runtime), is = python_version_of(after.runtime);
  if (was != is && !was.empty() && !is.empty()) out.push_back(fmt::format("~ Python {} → {}", was, is));
  for (auto& [name, line] : lines) out.push_back(std::move(line));
  return out;
}

fs::path moves_file(const fs::path& environment, int state) {
  return history_folder(environment) / std::to_string(state) / "moves";
}

std::vector<int> history_states(const fs::path& environment) {
  std::vector<int> states = numbered_folders(history_folder(environment));
  std::erase_if(states, [&](int state) { return !fs::exists(moves_file(environment, state)); });
  return states;
}

int newest_history_number(const fs::path& environment) {
  const std::vector<int> numbers = numbered_folders(history_folder(environment));
  return numbers.empty() ? 0 : numbers.front();
}

void prune_history(const fs::path& environment, std::int64_t now) {
  const std::vector<int> states = history_states(environment);
  const std::optional<int> unflushed = first_unflushed_state(environment);
  std::set<int> keep, mentioned;
  for (const int state : states) {
    const fs::path path = moves_file(environment, state);
    const Journal journal(read_file(path), path);
    const bool is_needed = unflushed && state >= *unflushed;  // the way back after a power failure
    const bool is_old = !keep.empty() && journal->time < now - kHistorySeconds;
    if (!is_needed && (keep.size() >= kHistoryEntries || is_old)) break;
    keep.insert(state);
    add_mentioned_states(*journal, mentioned);
  }
  for (const int state : numbered_folders(history_folder(environment))) {
    if (keep.count(state) != 0) continue;
    // A kept rollback may have put files back into an old folder that they were taken from.
    const fs::path folder = history_folder(environment) / std::to_string(state);
    remove_tree_quietly(mentioned.count(state) != 0 ? folder / "moves" : folder);
  }
}

std::vector<HistoryEntry> read_history(const fs::path& environment) {
  std::vector<HistoryEntry> out;
  bool reachable = true;
  for (const int state : history_states(environment)) {
    const fs::path path = moves_file(environment, state);
    const Journal journal(read_file(path), path);
    reachable = reachable && fs::exists(path.parent_path() / "old/.moat/manifest") &&
                (out.empty() || out.back().state == state + 1);
    HistoryEntry entry{state, journal->time, journal->reason, {}, reachable};
    for (std::size_t i = 0; i < journal->summary_count; ++i) entry.summary.emplace_back(journal->summary[i]);
    out.push_back(std::move(entry));
  }
  return out;
}

namespace {

bool have_same_bytes(const fs::path& a, const FileFacts& facts_a, const fs::path& b,
                     const FileFacts& facts_b) {
  return facts_a.size == facts_b.size && hash_file(a) == hash_file(b);
}

// A file that returns to a path with other bytes has changed too (envs/journal/former_files.h). A file with
// other names, a link into the store, must not get another time there: it is restored as a copy.
void date_returning_files(std::vector<Move>& moves, const fs::path& environment, const Change& change,
                          std::int64_t now) {
  Linker copier(LinkMode::Auto);
  for (Move& move : moves) {
    if (move.kind != Move::Kind::In) continue;
    const fs::path from = environment / move.from, place = environment / move.to;
    struct stat facts {};
    const auto displaced = facts_of_file(place);
    if (!displaced || ::lstat(from.c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    const FileFacts returning{facts.st_mtime, static_cast<std::uint64_t>(facts.st_size)};
    const std::int64_t time = have_same_bytes(from, returning, place, *displaced)
                                  ? displaced->mtime
                                  : time_of_change(now, displaced->mtime);
    if (time == returning.mtime) continue;
    if (facts.st_nlink == 1) {
      const std::array<timespec, 2> times = {timespec{time, 0}, timespec{time, 0}};
      if (::utimensat(AT_FDCWD, from.c_str(), times.data(), 0) != 0)
        throw_errno("set the time of", from, errno);
      continue;
    }
    move.from = fmt::format("{}/{}", change.stage_relative(), move.to);
    make_directories((environment / move.from).parent_path());
    copier.place({.from_directory = AT_FDCWD,
                  .from = from.c_str(),
                  .to = {.directory = AT_FDCWD,
                         .name = (environment / move.from).c_str(),
                         .mode = facts.st_mode & 07777U,
                         .mtime = time}});
  }
}

}  // namespace

int rollback(const fs::path& environment, std::optional<int> state, const std::string& command,
             Durable durable) {
  Change change = Change::begin(environment, command);
  const std::vector<HistoryEntry> history = read_history(environment);
  const int current = change.state() - 1;
  if (history.empty() || history.front().state != current)
    throw Error(ErrorKind::Refused, fmt::format("nothing to roll back in {}", quote(environment.string())));
  const int target = state.value_or(current - 1);
  if (target >= current)
    throw Error(ErrorKind::Refused,
                fmt::format("no earlier state {} (current: {}); see moat env history", target, current));
  const auto oldest = std::find_if(history.begin(), history.end(),
                                   [&](const HistoryEntry& entry) { return entry.state == target + 1; });
  if (oldest == history.end() || !oldest->can_return)
    throw Error(ErrorKind::Refused, fmt::format("history no longer reaches back to state {}", target),
                {"moat env history shows the states that can be returned to"});

  const Manifest present = read_manifest(environment / ".moat/manifest");
  const fs::path displaced = history_folder(environment) / std::to_string(target + 1) / "old";
  Manifest then = manifest_before(environment, target + 1);
  Undo undo(environment, change.state(), present, then);
  for (int taken = current; taken > target; --taken) {
    const fs::path path = moves_file(environment, taken);
    undo.take_back(*Journal(read_file(path), path));
  }
  std::vector<Move> moves = undo.moves();
  date_returning_files(moves, environment, change, std::time(nullptr));
  renew_state_files(change, environment, read_bytecode_list(displaced, then), moves);
  undo.bring_into_line(then);
  if (present.runtime == then.runtime) renew_launcher(change, present, then, moves);
  const std::vector<std::string> summary = summarize(present, then);
  change.commit(moves, std::move(then), command, summary, durable);
  return change.state();
}

}  // namespace moat
