#include "fetch/os/waiting.h"

#include "fetch/os/file.h"
#include "fetch/os/interrupt.h"
#include "resolver/base/text.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace moat {
namespace {

constexpr std::chrono::seconds kSilence{1};
constexpr std::chrono::milliseconds kLongestPause{50};

// Code that waits for locks has no Reporter.
// NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
std::mutex teller_mutex;
WaitsAreTold::Teller teller;
// NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)

void tell_wait(const std::string& subject) {
  WaitsAreTold::Teller tell;
  {
    const std::lock_guard lock(teller_mutex);
    tell = teller;
  }
  if (tell) tell("waiting for " + subject);
}

struct Holder {
  pid_t pid = 0;
  std::string command;
};

std::string shown(const Holder& holder) {
  return fmt::format("{} (pid {})", quote(holder.command), holder.pid);
}

std::optional<pid_t> as_pid(std::string_view text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  const bool valid = error == std::errc() && end == text.data() + text.size() && pid > 0;
  return valid ? std::optional(pid) : std::nullopt;
}

// "pid 123: moat install x", as FileLock::describe() was given it.
std::optional<Holder> holder_in(std::string_view text) {
  constexpr std::string_view kPid = "pid ";
  const std::size_t colon = text.find(": ");
  if (!text.starts_with(kPid) || colon == text.npos) return std::nullopt;
  const auto pid = as_pid(text.substr(kPid.size(), colon - kPid.size()));
  if (!pid) return std::nullopt;
  return Holder{*pid, std::string(text.substr(colon + 2))};
}

// The command line of a process, without the program's folder and without words that may hold a password.
std::string command_of(pid_t pid) {
  std::string out;
  std::string text = read_file(fmt::format("/proc/{}/cmdline", pid));
  if (text.ends_with('\0')) text.pop_back();
  for (const std::string_view word : split(text, '\0')) {
    if (out.empty())
      out = fs::path(word).filename().string();
    else if (word.find("://") != word.npos && word.find('@') != word.npos)
      out += " …";
    else
      out += fmt::format(" {}", word);
  }
  return out;
}

bool holds_lock(const fs::path& process, const struct stat& file) {
  for (const fs::directory_entry& entry : fs::directory_iterator(process / "fd")) {
    struct stat facts {};
    if (::stat(entry.path().c_str(), &facts) != 0 || facts.st_dev != file.st_dev ||
        facts.st_ino != file.st_ino)
      continue;
    const std::string info = read_file(process / "fdinfo" / entry.path().filename());
    if (info.find("\nlock:") != info.npos) return true;
  }
  return false;
}

std::vector<pid_t> processes() {
  std::vector<pid_t> out;
  std::error_code unknown;
  for (fs::directory_iterator it("/proc", unknown), end; !unknown && it != end; it.increment(unknown))
    if (const auto pid = as_pid(it->path().filename().native()); pid && *pid != ::getpid())
      out.push_back(*pid);
  return out;
}

std::optional<Holder> find_holder(const struct stat& file) {
  for (const pid_t pid : processes()) {
    try {
      if (holds_lock(fmt::format("/proc/{}", pid), file)) return Holder{pid, command_of(pid)};
    } catch (const std::exception&) {  // it has ended, or belongs to another user
    }
  }
  return std::nullopt;
}

}  // namespace

WaitsAreTold::WaitsAreTold(Teller tell) {
  const std::lock_guard lock(teller_mutex);
  teller = std::move(tell);
}

WaitsAreTold::~WaitsAreTold() {
  const std::lock_guard lock(teller_mutex);
  teller = nullptr;
}

Wait::Wait(std::chrono::milliseconds patience, std::function<std::string()> subject)
    : subject_(std::move(subject)), deadline_(begun_ + patience) {}

bool Wait::pause() {
  throw_if_interrupted();
  const auto now = Clock::now();
  if (now >= deadline_) return false;
  if (!told_ && now - begun_ >= kSilence) {
    told_ = true;
    tell_wait(subject_());
  }
  std::this_thread::sleep_for(std::min<Clock::duration>(deadline_ - now, length_));
  length_ = std::min(length_ * 2, kLongestPause);
  return true;
}

std::string lock_holder(const fs::path& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return "another process";
  if (const auto holder = find_holder(facts)) return shown(*holder);
  std::optional<std::string> text;
  try {
    text = read_file_if_exists(file);
  } catch (const Error&) {  // a process that may not be read stays unknown
  }
  const auto holder = text ? holder_in(trim(*text)) : std::nullopt;
  return holder ? shown(*holder) : "another process";
}

}  // namespace moat
