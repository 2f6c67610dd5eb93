#include "envs/environment/installed.h"

#include "fetch/os/file.h"
#include "resolver/base/text.h"
#include "resolver/pep/metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <system_error>

namespace moat {

namespace {

bool ends_with(std::string_view text, std::string_view ending) {
  return text.size() > ending.size() && text.substr(text.size() - ending.size()) == ending;
}

class Reader {
 public:
  explicit Reader(const fs::path& site_packages) : site_packages_(site_packages) {}

  InstalledDistributions read() {
    std::error_code error;
    std::vector<fs::path> entries;
    for (fs::directory_iterator i(site_packages_, error), end; !error && i != end; i.increment(error))
      entries.push_back(i->path());
    // Other errors must not be mistaken for an empty folder.
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
      throw_errno("read", site_packages_, error.value());
    std::sort(entries.begin(), entries.end());
    for (const fs::path& entry : entries) look_at(entry);
    auto& all = out_.all;
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (std::size_t i = 1; i < all.size(); ++i)
      if (all[i].name == all[i - 1].name)
        problem(all[i].info, fmt::format("{} is installed twice", all[i].name.normalized()));
    return std::move(out_);
  }

 private:
  void look_at(const fs::path& entry) {
    const std::string name = entry.filename().string();
    if (name.front() == '~') {
      if (ends_with(name, ".dist-info") || ends_with(name, ".egg-info"))
        problem(entry, "left over from an interrupted pip");
    } else if (ends_with(name, ".dist-info")) {
      add(entry, entry / "METADATA", false);
    } else if (ends_with(name, ".egg-info")) {
      add(entry, fs::is_directory(entry) ? entry / "PKG-INFO" : entry, true);
    } else if (ends_with(name, ".egg")) {
      if (fs::is_directory(entry)) add(entry, entry / "EGG-INFO/PKG-INFO", true);
    } else if (ends_with(name, ".egg-link")) {
      problem(entry, "an old-style editable install, which moat does not manage");
    }
  }

  // A folder, a pipe or an endless file damages this distribution only. A read that fails throws: the
  // distribution may exist.
  void add(const fs::path& info, const fs::path& metadata, bool legacy) {
    try {
      add_readable(info, metadata, legacy);
    } catch (const Error& error) {
      if (!is_no_file(metadata) && !is_no_file(info / "INSTALLER") && !is_no_file(info / "direct_url.json"))
        throw;
      problem(info, error.what());
    }
  }

  static bool is_no_file(const fs::path& path) {
    constexpr std::uintmax_t kTooLarge = std::uintmax_t{1} << 30U;
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (error == std::errc::too_many_symbolic_link_levels) return true;
    return fs::exists(status) && (!fs::is_regular_file(status) || fs::file_size(path, error) > kTooLarge);
  }

  void add_readable(const fs::path& info, const fs::path& metadata, bool legacy) {
    std::optional<std::string> text = read_file_if_exists(metadata);
    if (!text) return problem(info, fmt::format("has no {}", metadata.filename().string()));
    const MetadataFields fields = parse_metadata_fields(*text);
    const auto name_text = fields.find("Name"), version_text = fields.find("Version");
    Expected<PackageName> name = PackageName::parse(trim(name_text.value_or("")));
    if (!name) return problem(info, "its metadata has no project name");
    Expected<Version> version = Version::parse(trim(version_text.value_or("")));
    if (!version) return problem(info, fmt::format("{} is not a version", quote(version_text.value_or(""))));
    InstalledDistribution out{.name = *std::move(name),
                              .version = *std::move(version),
                              .info = info,
                              .legacy = legacy,
                              .metadata = *std::move(text)};
    if (out.metadata.ends_with(fields.body)) out.metadata.resize(out.metadata.size() - fields.body.size());
    if (!legacy) {
      out.installer = std::string(trim(read_file_if_exists(info / "INSTALLER").value_or("")));
      out.requested = fs::exists(info / "REQUESTED");
      out.has_record = fs::exists(info / "RECORD");
      out.direct_url = read_file_if_exists(info / "direct_url.json");
    }
    out_.all.push_back(std::move(out));
  }

  // A name with a line end in it must not pass for a line of ours.
  void problem(const fs::path& entry, std::string_view what) {
    const std::string name = entry.filename().string();
    const bool is_plain = std::ranges::none_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    out_.problems.push_back(fmt::format("{}: {}", is_plain ? name : quote(name), what));
  }

  const fs::path& site_packages_;
  InstalledDistributions out_;
};

}  // namespace

InstalledDistributions InstalledDistributions::read(const fs::path& site_packages) {
  return Reader(fs::absolute(site_packages)).read();
}

const InstalledDistribution* InstalledDistributions::find(const PackageName& name) const {
  const auto found =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const InstalledDistribution& a, const PackageName& b) { return a.name < b; });
  return found != all.end() && found->name == name ? &*found : nullptr;
}

}  // namespace moat
