// The platform part of tags: what a libc, a macOS or a named target serves.
#include "resolver/base/text.h"
#include "resolver/pep/tag.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace moat {
namespace {

std::string joined(std::string_view kind, unsigned major, unsigned minor, std::string_view arch) {
  return std::string(kind) + "_" + std::to_string(major) + "_" + std::to_string(minor) + "_" +
         std::string(arch);
}

// ---- Linux

constexpr std::array<std::string_view, 9> kManylinuxArchs = {
    "x86_64", "i686", "aarch64", "armv7l", "ppc64", "ppc64le", "s390x", "loongarch64", "riscv64"};

bool is_x86(std::string_view arch) { return arch == "x86_64" || arch == "i686"; }

// The name a level had before PEP 600.
std::string_view legacy_name(unsigned major, unsigned minor) {
  if (major != 2) return {};
  if (minor == 17) return "manylinux2014";
  if (minor == 12) return "manylinux2010";
  return minor == 5 ? std::string_view("manylinux1") : std::string_view();
}

// A glibc 3 would load anything that 2.50 loads; the last minor of glibc 2 is not known yet.
constexpr unsigned kLastMinor = 50;

void add_manylinux(std::vector<std::string>& out, std::string_view arch, unsigned major, unsigned minor,
                   const ManylinuxVerdict& allowed) {
  const unsigned oldest = is_x86(arch) ? 5 : 17;  // of glibc 2
  for (; major >= 2; --major, minor = kLastMinor) {
    const unsigned last = major == 2 ? oldest : 0;
    for (unsigned level = minor + 1; level-- > last;) {
      if (allowed && !allowed(major, level)) continue;
      out.push_back(joined("manylinux", major, level, arch));
      if (const std::string_view legacy = legacy_name(major, level); !legacy.empty())
        out.push_back(std::string(legacy) + "_" + std::string(arch));
    }
  }
}

}  // namespace

std::vector<std::string> linux_platforms(std::string_view arch, Libc libc, unsigned libc_major,
                                         unsigned libc_minor, const ManylinuxVerdict& allowed) {
  // A 32-bit interpreter on an ARMv8 processor runs what an ARMv7 one does.
  std::vector<std::string_view> archs = {arch};
  if (arch == "armv8l") archs.push_back("armv7l");
  std::vector<std::string> out;
  for (const std::string_view each : archs) out.push_back("linux_" + std::string(each));
  const bool is_known = std::any_of(archs.begin(), archs.end(), [](std::string_view each) {
    return std::find(kManylinuxArchs.begin(), kManylinuxArchs.end(), each) != kManylinuxArchs.end();
  });
  for (const std::string_view each : archs) {
    if (libc == Libc::Musl)
      for (unsigned minor = libc_minor + 1; minor-- > 0;)
        out.push_back(joined("musllinux", libc_major, minor, each));
    else if (is_known)
      add_manylinux(out, each, libc_major, libc_minor, allowed);
  }
  return out;
}

// ---- macOS

namespace {

using MacVersion = std::pair<unsigned, unsigned>;

std::vector<std::string_view> mac_formats(MacVersion version, std::string_view arch) {
  if (arch == "arm64") return {"arm64", "universal2"};
  const bool too_old = version < MacVersion(10, 4);
  if (arch == "x86_64" && !too_old) return {"x86_64", "intel", "fat64", "fat3", "universal2", "universal"};
  if (arch == "i386" && !too_old) return {"i386", "intel", "fat3", "fat", "universal"};
  if (arch == "ppc64" && !too_old && version <= MacVersion(10, 5)) return {"ppc64", "fat64", "universal"};
  if (arch == "ppc" && version <= MacVersion(10, 6)) return {"ppc", "fat3", "fat", "universal"};
  if (arch == "intel") return {"intel", "universal"};
  if (arch == "universal2") return {"universal2"};
  return {};
}

void add_mac(std::vector<std::string>& out, MacVersion version, std::string_view arch) {
  for (const std::string_view format : mac_formats(version, arch))
    out.push_back(joined("macosx", version.first, version.second, format));
}

}  // namespace

std::vector<std::string> macos_platforms(std::string_view arch, unsigned major, unsigned minor) {
  std::vector<std::string> out;
  // An interpreter built with an old SDK reports 10.16 for every macOS from 11 on.
  if (major == 10 && minor >= 16) return macos_platforms(arch, 11, 0);
  if (major == 10)
    for (unsigned level = minor + 1; level-- > 0;) add_mac(out, {10, level}, arch);
  if (major < 11) return out;

  for (unsigned release = major; release >= 11; --release) add_mac(out, {release, 0}, arch);
  // From here on: binaries older than macOS 11. ARM processors run only the universal2 ones.
  for (unsigned level = 16; level >= 4; --level) {
    if (arch == "x86_64")
      add_mac(out, {10, level}, arch);
    else
      out.push_back(joined("macosx", 10, level, "universal2"));
  }
  return out;
}

// ---- named targets

namespace {

struct PlatformName {
  unsigned major = 0;
  unsigned minor = 0;
  std::string_view arch;
};

// "2_28_x86_64"; with components == 1 "21_arm64_v8a".
std::optional<PlatformName> read_platform(std::string_view text, int components) {
  PlatformName name;
  for (unsigned* number : {&name.major, &name.minor}) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
    const auto length = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || length > 4 || length == text.size() || text[length] != '_')
      return std::nullopt;
    text.remove_prefix(length + 1);
    if (--components == 0) break;
  }
  const bool is_arch = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_ascii_lower(c) || is_ascii_digit(c) || c == '_';
  });
  if (!is_arch) return std::nullopt;
  name.arch = text;
  return name;
}

std::optional<std::string_view> after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix) || text.size() == prefix.size()) return std::nullopt;
  return text.substr(prefix.size());
}

std::vector<std::string> android_platforms(unsigned api_level, std::string_view abi) {
  std::vector<std::string> out;
  for (unsigned level = api_level; level >= 16; --level)
    out.push_back("android_" + std::to_string(level) + "_" + std::string(abi));
  return out;
}

// Minor releases up to 9 of every earlier major; the highest there ever was is 8.
std::vector<std::string> ios_platforms(unsigned major, unsigned minor, std::string_view multiarch) {
  std::vector<std::string> out;
  for (; major >= 12; --major, minor = 9)
    for (unsigned level = minor + 1; level-- > 0;) out.push_back(joined("ios", major, level, multiarch));
  return out;
}

// Tags as a file name has them: each level stands for itself and those below.
std::optional<std::vector<std::string>> platforms_of_tag(std::string_view tag) {
  if (tag == "win32" || tag == "win_amd64" || tag == "win_arm64") return {{std::string(tag)}};
  if (tag == "any") return std::vector<std::string>();
  constexpr std::pair<std::string_view, unsigned> kLegacy[] = {
      {"manylinux1_", 5}, {"manylinux2010_", 12}, {"manylinux2014_", 17}};
  for (const auto& [prefix, level] : kLegacy)
    if (const auto arch = after(tag, prefix)) return linux_platforms(*arch, Libc::Glibc, 2, level);
  const auto numbered = [tag](std::string_view prefix, int components) -> std::optional<PlatformName> {
    const auto rest = after(tag, prefix);
    return rest ? read_platform(*rest, components) : std::nullopt;
  };
  if (const auto name = numbered("manylinux_", 2))
    return linux_platforms(name->arch, Libc::Glibc, name->major, name->minor);
  if (const auto name = numbered("musllinux_", 2))
    return linux_platforms(name->arch, Libc::Musl, name->major, name->minor);
  if (const auto name = numbered("macosx_", 2)) return macos_platforms(name->arch, name->major, name->minor);
  if (const auto name = numbered("ios_", 2)) return ios_platforms(name->major, name->minor, name->arch);
  if (const auto name = numbered("android_", 1)) return android_platforms(name->major, name->arch);
  if (const auto name = numbered("pyemscripten_", 2)) return {{std::string(tag)}};
  if (after(tag, "linux_")) return {{std::string(tag)}};
  return std::nullopt;
}

// What a named target supports: the oldest system that its vendor still maintains.
std::optional<std::vector<std::string>> platforms_of_target(std::string_view target) {
  if (const auto arch = after(target, "linux-musl-")) return linux_platforms(*arch, Libc::Musl, 1, 2);
  if (const auto arch = after(target, "linux-")) {
    if (std::find(kManylinuxArchs.begin(), kManylinuxArchs.end(), *arch) == kManylinuxArchs.end())
      return std::nullopt;
    return linux_platforms(*arch, Libc::Glibc, 2, 28);
  }
  if (target == "macos-arm64" || target == "macos-aarch64") return macos_platforms("arm64", 13, 0);
  if (target == "macos-x86_64") return macos_platforms("x86_64", 13, 0);
  if (target == "windows-amd64" || target == "windows-x86_64") return {{"win_amd64"}};
  if (target == "windows-arm64" || target == "windows-aarch64") return {{"win_arm64"}};
  if (target == "windows-x86" || target == "windows-i686") return {{"win32"}};
  return std::nullopt;
}

}  // namespace

Expected<std::vector<std::string>> platforms_of(std::string_view platform_or_target) {
  const std::string name = ascii_lower(platform_or_target);
  auto platforms = platforms_of_target(name);
  if (!platforms) platforms = platforms_of_tag(name);
  if (!platforms)
    return parse_error(
        "a platform is a name like `linux-x86_64`, `macos-arm64`, `windows-x86_64` or a tag like "
        "`manylinux_2_28_x86_64`");
  return std::move(*platforms);
}

}  // namespace moat
