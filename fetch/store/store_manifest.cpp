#include "fetch/store/store_manifest.h"

#include "resolver/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

namespace moat {

namespace {

constexpr std::string_view kHeader = "moat wheel ";
constexpr int kFormat = 2;
constexpr std::string_view kEnd = "end";

// Removes and returns the text up to the separator.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view front = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return front;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "name value" of the head.
Expected<std::string> head_field(std::string_view& text, std::string_view name) {
  std::string_view line = take(text, '\n');
  if (take(line, ' ') != name) return parse_error(fmt::format("there is no {} where it should be", name));
  return std::string(line);
}

// The number in the first line; nullopt if it is not a manifest's first line.
std::optional<int> format_of(std::string_view first_line) {
  if (!first_line.starts_with(kHeader)) return std::nullopt;
  return number<int>(first_line.substr(kHeader.size()));
}

Expected<RecordFault> parse_fault(std::string_view line) {
  const std::string_view kind = take(line, ' ');
  const bool is_word = !kind.empty() && std::all_of(kind.begin(), kind.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || c == '-';
  });
  if (!is_word || line.empty()) return parse_error("a fault's line is damaged");
  return RecordFault{std::string(kind), std::string(line)};
}

// "name count" of the head.
Expected<std::size_t> head_count(std::string_view& text, std::string_view name) {
  const auto field = head_field(text, name);
  if (!field) return tl::unexpected(field.error());
  const auto count = number<std::size_t>(*field);
  if (!count || *count > text.size()) return parse_error("its head is damaged");
  return *count;
}

Expected<StoredFile> parse_file(std::string_view line) {
  auto digest = Digest::parse("sha256", take(line, ' '));
  const auto size = number<std::uint64_t>(take(line, ' '));
  const std::string_view executable = take(line, ' ');
  const auto mtime = number<std::int64_t>(take(line, ' '));
  const auto inode = number<std::uint64_t>(take(line, ' '));
  if (!digest || !size || (executable != "x" && executable != "-") || !mtime || !inode || line.empty())
    return parse_error("a file's line is damaged");
  return StoredFile{.path = std::string(line),
                    .digest = std::move(*digest),
                    .size = *size,
                    .executable = executable == "x",
                    .mtime = *mtime,
                    .inode = *inode};
}

}  // namespace

std::string format_wheel_manifest(const StoredWheel& wheel) {
  std::string text =
      fmt::format("{}{}\nfilename {}\ndist-info {}\nroot-is-purelib {}\nfaults {}\n", kHeader, kFormat,
                  wheel.filename, wheel.dist_info, wheel.root_is_purelib, wheel.faults.size());
  for (const RecordFault& fault : wheel.faults)
    fmt::format_to(std::back_inserter(text), "{} {}\n", fault.kind, fault.path);
  fmt::format_to(std::back_inserter(text), "files {}\n", wheel.files.size());
  constexpr std::size_t kUsualLine = 160;
  text.reserve(text.size() + wheel.files.size() * kUsualLine);
  for (const StoredFile& file : wheel.files)
    fmt::format_to(std::back_inserter(text), "{} {} {} {} {} {}\n", file.digest.hex, file.size,
                   file.executable ? 'x' : '-', file.mtime, file.inode, file.path);
  text += kEnd;
  text += '\n';
  return text;
}

void refuse_newer_entry(std::string_view text, const std::filesystem::path& entry) {
  const auto format = format_of(take(text, '\n'));
  if (format && *format > kFormat)
    throw Error(
        ErrorKind::BadInput,
        fmt::format("{} was written by a newer moat: it has format {}, and this moat reads formats up to {}",
                    quote(entry.native()), *format, kFormat),
        {"use the newer moat, or choose another store with --store-dir or MOAT_STORE_DIR"});
}

Expected<StoredWheel> parse_wheel_manifest(std::string_view text) {
  const auto format = format_of(take(text, '\n'));
  if (!format || *format < 1 || *format > kFormat) return parse_error("it is not the manifest of a wheel");
  auto filename = head_field(text, "filename");
  if (!filename) return tl::unexpected(filename.error());
  auto dist_info = head_field(text, "dist-info");
  if (!dist_info) return tl::unexpected(dist_info.error());
  const auto purelib = head_field(text, "root-is-purelib");
  if (!purelib) return tl::unexpected(purelib.error());
  if (*purelib != "true" && *purelib != "false") return parse_error("its head is damaged");

  StoredWheel wheel;
  if (*format >= 2) {
    const auto faults = head_count(text, "faults");
    if (!faults) return tl::unexpected(faults.error());
    for (std::size_t i = 0; i < *faults; ++i) {
      auto fault = parse_fault(take(text, '\n'));
      if (!fault) return tl::unexpected(fault.error());
      wheel.faults.push_back(std::move(*fault));
    }
  }
  const auto count = head_count(text, "files");
  if (!count) return tl::unexpected(count.error());
  wheel.filename = std::move(*filename);
  wheel.dist_info = std::move(*dist_info);
  wheel.root_is_purelib = *purelib == "true";
  wheel.files.reserve(*count);
  for (std::size_t i = 0; i < *count; ++i) {
    auto file = parse_file(take(text, '\n'));
    if (!file) return tl::unexpected(file.error());
    wheel.files.push_back(std::move(*file));
  }
  if (text != "end\n") return parse_error("its end is missing");
  return wheel;
}

}  // namespace moat
