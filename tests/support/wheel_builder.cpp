#include "tests/support/wheel_builder.h"

#include "fetch/bytes/hasher.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <stdexcept>

namespace moat::testing {

namespace {

void put(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFFU);
}

std::string deflated(const std::string& contents) {
  z_stream zlib{};
  if (deflateInit2(&zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string packed(deflateBound(&zlib, contents.size()), '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(contents.data()));
  zlib.avail_in = static_cast<uInt>(contents.size());
  zlib.next_out = reinterpret_cast<Bytef*>(packed.data());
  zlib.avail_out = static_cast<uInt>(packed.size());
  const int result = deflate(&zlib, Z_FINISH);
  packed.resize(zlib.total_out);
  deflateEnd(&zlib);
  if (result != Z_STREAM_END) throw std::runtime_error("deflate");
  return packed;
}

std::uint32_t crc_of(const std::string& contents) {
  const auto* bytes = reinterpret_cast<const Bytef*>(contents.data());
  return static_cast<std::uint32_t>(crc32_z(0, bytes, contents.size()));
}

constexpr std::uint32_t kFull = 0xFFFFFFFFU;

struct Packed {
  std::string bytes;
  std::uint32_t crc = 0;
  std::uint16_t method = 0, flags = 0;
};

std::string zip64_field(std::uint64_t size, std::uint64_t packed) {
  std::string field;
  put(field, 1, 2), put(field, 16, 2), put(field, size, 8), put(field, packed, 8);
  return field;
}

void put_local(std::string& out, const ZipMember& member, const Packed& packed) {
  const auto& lies = member.lies;
  const std::string name = lies.local_name.value_or(member.name);
  const std::uint64_t known = member.descriptor ? 0 : 1;  // streamed: sizes come later
  const std::uint64_t size =
      known * lies.local_size.value_or(static_cast<std::uint32_t>(member.contents.size()));
  const std::uint64_t packed_size = known * packed.bytes.size();
  const std::string extra = (member.zip64 ? zip64_field(size, packed_size) : "") + member.local_extra;
  out += "PK\3\4";
  put(out, member.zip64 ? 45 : 20, 2);
  put(out, packed.flags, 2);
  put(out, lies.local_method.value_or(packed.method), 2);
  put(out, member.dos_time, 2), put(out, member.dos_date, 2);
  put(out, known * lies.local_crc.value_or(packed.crc), 4);
  put(out, member.zip64 ? kFull : packed_size, 4), put(out, member.zip64 ? kFull : size, 4);
  put(out, name.size(), 2), put(out, extra.size(), 2);
  out += name + extra + packed.bytes;
  if (!member.descriptor) return;
  out += "PK\7\10";
  put(out, lies.local_crc.value_or(packed.crc), 4);
  put(out, packed.bytes.size(), member.zip64 ? 8 : 4);
  put(out, lies.local_size.value_or(static_cast<std::uint32_t>(member.contents.size())),
      member.zip64 ? 8 : 4);
}

void put_central(std::string& out, const ZipMember& member, const Packed& packed, std::uint64_t offset) {
  const auto& lies = member.lies;
  const std::uint64_t size = lies.central_size.value_or(static_cast<std::uint32_t>(member.contents.size()));
  const std::string extra = (member.zip64 ? zip64_field(size, packed.bytes.size()) : "") + member.extra;
  out += "PK\1\2";
  put(out, 3U << 8U | 45U, 2), put(out, member.zip64 ? 45 : 20, 2);
  put(out, packed.flags, 2);
  put(out, lies.central_method.value_or(packed.method), 2);
  put(out, member.dos_time, 2), put(out, member.dos_date, 2);
  put(out, lies.central_crc.value_or(packed.crc), 4);
  put(out, member.zip64 ? kFull : packed.bytes.size(), 4), put(out, member.zip64 ? kFull : size, 4);
  put(out, member.name.size(), 2), put(out, extra.size(), 2), put(out, member.comment.size(), 2);
  put(out, 0, 2), put(out, 0, 2), put(out, std::uint64_t{member.mode} << 16U, 4);
  put(out, lies.header_offset.value_or(static_cast<std::uint32_t>(offset)), 4);
  out += member.name + extra + member.comment;
}

void put_end(std::string& out, const ZipEndLies& end, std::uint64_t count, std::uint64_t offset,
             std::uint64_t size) {
  const std::uint64_t record = out.size();
  if (end.zip64) {
    out += "PK\6\6";
    put(out, 44, 8), put(out, 45, 2), put(out, 45, 2), put(out, 0, 8);
    put(out, count, 8), put(out, count, 8), put(out, size, 8), put(out, offset, 8);
    out += "PK\6\7";
    put(out, 0, 4), put(out, end.zip64_offset.value_or(record), 8), put(out, 1, 4);
  }
  out += "PK\5\6";
  put(out, 0, 4);
  const std::uint64_t entries = end.entries.value_or(end.zip64 ? 0xFFFFU : static_cast<std::uint16_t>(count));
  put(out, entries, 2), put(out, entries, 2);
  put(out, end.directory_size.value_or(end.zip64 ? kFull : static_cast<std::uint32_t>(size)), 4);
  put(out, end.directory_offset.value_or(end.zip64 ? kFull : static_cast<std::uint32_t>(offset)), 4);
  put(out, end.comment.size(), 2);
  out += end.comment + end.after_end;
}

std::string without_dashes(std::string text) {
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

}  // namespace

std::string build_zip(const std::vector<ZipMember>& members, const ZipEndLies& end) {
  std::string out, directory;
  for (const ZipMember& member : members) {
    out += member.before;
    const bool deflate = member.deflate && !member.name.ends_with('/');
    const Packed packed{.bytes = member.lies.packed ? *member.lies.packed
                                 : deflate          ? deflated(member.contents)
                                                    : member.contents,
                        .crc = crc_of(member.contents),
                        .method = static_cast<std::uint16_t>(deflate ? 8 : 0),
                        .flags = static_cast<std::uint16_t>(member.flags | (member.descriptor ? 8U : 0U))};
    put_central(directory, member, packed, out.size());
    put_local(out, member, packed);
  }
  out += end.before_directory;
  const std::uint64_t offset = out.size();
  out += directory + end.after_directory;
  put_end(out, end, members.size(), offset, directory.size());
  return out;
}

std::string record_row(std::string_view path, std::string_view contents) {
  const bool quoted = path.find_first_of(",\"\n") != path.npos;
  std::string name;
  for (const char c : path) name += c == '"' ? std::string("\"\"") : std::string(1, c);
  if (quoted) name = '"' + name + '"';
  return fmt::format("{},sha256={},{}", name, hash_bytes(contents).base64(), contents.size());
}

void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

WheelBuilder::WheelBuilder(std::string name, std::string version, std::string tag)
    : name_(std::move(name)), version_(std::move(version)), tag_(std::move(tag)) {}

WheelBuilder& WheelBuilder::file(std::string path, std::string contents, std::uint32_t mode) {
  ZipMember member;
  member.name = std::move(path);
  member.contents = std::move(contents);
  member.mode = mode;
  files_.push_back(std::move(member));
  return *this;
}

WheelBuilder& WheelBuilder::script(std::string_view name, std::string contents) {
  return file(fmt::format("{}-{}.data/scripts/{}", without_dashes(name_), version_, name),
              std::move(contents), 0100755);
}

WheelBuilder& WheelBuilder::data(std::string_view key_and_path, std::string contents) {
  return file(fmt::format("{}-{}.data/{}", without_dashes(name_), version_, key_and_path),
              std::move(contents));
}

WheelBuilder& WheelBuilder::dist_info_file(std::string_view name, std::string contents) {
  return file(fmt::format("{}/{}", dist_info(), name), std::move(contents));
}

WheelBuilder& WheelBuilder::metadata(std::string header_line) {
  headers_.push_back(std::move(header_line));
  return *this;
}

WheelBuilder& WheelBuilder::requires_dist(std::string_view requirement) {
  return metadata(fmt::format("Requires-Dist: {}", requirement));
}

WheelBuilder& WheelBuilder::requires_python(std::string_view specifiers) {
  return metadata(fmt::format("Requires-Python: {}", specifiers));
}

WheelBuilder& WheelBuilder::provides_extra(std::string_view extra) {
  return metadata(fmt::format("Provides-Extra: {}", extra));
}

WheelBuilder& WheelBuilder::entry_point(std::string_view group, std::string_view name,
                                        std::string_view target) {
  entry_points_.emplace_back(group, fmt::format("{} = {}", name, target));
  return *this;
}

WheelBuilder& WheelBuilder::build_tag(std::string tag) { return build_tag_ = std::move(tag), *this; }
WheelBuilder& WheelBuilder::purelib(bool root_is_purelib) { return purelib_ = root_is_purelib, *this; }
WheelBuilder& WheelBuilder::stored() { return stored_ = true, *this; }
WheelBuilder& WheelBuilder::wheel_version(std::string version) {
  return wheel_version_ = std::move(version), *this;
}
WheelBuilder& WheelBuilder::metadata_name(std::string name) {
  return metadata_name_ = std::move(name), *this;
}
WheelBuilder& WheelBuilder::metadata_version(std::string version) {
  return metadata_version_ = std::move(version), *this;
}
WheelBuilder& WheelBuilder::dist_info_name(std::string folder) {
  return dist_info_ = std::move(folder), *this;
}
WheelBuilder& WheelBuilder::unlisted(ZipMember member) {
  return unlisted_.push_back(std::move(member)), *this;
}
WheelBuilder& WheelBuilder::listed(std::string row) { return extra_rows_.push_back(std::move(row)), *this; }
WheelBuilder& WheelBuilder::instead_of_row(std::string path, std::string row) {
  return replaced_rows_.emplace_back(std::move(path), std::move(row)), *this;
}
WheelBuilder& WheelBuilder::without(std::string path) { return without_.push_back(std::move(path)), *this; }
WheelBuilder& WheelBuilder::end(ZipEndLies lies) { return end_ = std::move(lies), *this; }

std::string WheelBuilder::dist_info() const {
  return dist_info_.value_or(fmt::format("{}-{}.dist-info", without_dashes(name_), version_));
}

std::string WheelBuilder::filename() const {
  return fmt::format("{}-{}{}-{}.whl", without_dashes(name_), version_,
                     build_tag_.empty() ? "" : "-" + build_tag_, tag_);
}

std::string WheelBuilder::metadata_text() const {
  std::string text = fmt::format("Metadata-Version: 2.1\nName: {}\nVersion: {}\n",
                                 metadata_name_.value_or(name_), metadata_version_.value_or(version_));
  for (const std::string& header : headers_) text += header + "\n";
  return text;
}

std::vector<ZipMember> WheelBuilder::members() const {
  WheelBuilder whole(*this);
  whole.dist_info_file("METADATA", metadata_text());
  whole.dist_info_file("WHEEL",
                       fmt::format("Wheel-Version: {}\nGenerator: tests\nRoot-Is-Purelib: {}\nTag: {}\n",
                                   wheel_version_, purelib_ ? "true" : "false", tag_));
  std::map<std::string, std::string> groups;
  for (const auto& [group, line] : entry_points_) groups[group] += line + "\n";
  std::string entry_points;
  for (const auto& [group, lines] : groups) entry_points += fmt::format("[{}]\n{}\n", group, lines);
  if (!entry_points.empty()) whole.dist_info_file("entry_points.txt", entry_points);
  return std::move(whole.files_);
}

std::string WheelBuilder::record(const std::vector<ZipMember>& members) const {
  std::string text;
  for (const ZipMember& member : members) {
    const auto replaced = std::find_if(replaced_rows_.begin(), replaced_rows_.end(),
                                       [&](const auto& row) { return row.first == member.name; });
    const std::string row =
        replaced == replaced_rows_.end() ? record_row(member.name, member.contents) : replaced->second;
    if (!row.empty()) text += row + "\n";
  }
  for (const std::string& row : extra_rows_) text += row + "\n";
  return text + dist_info() + "/RECORD,,\n";
}

std::string WheelBuilder::build() const {
  std::vector<ZipMember> all = members();
  const auto left_out = [&](const ZipMember& member) {
    return std::find(without_.begin(), without_.end(), member.name) != without_.end();
  };
  all.erase(std::remove_if(all.begin(), all.end(), left_out), all.end());
  ZipMember record_file;
  record_file.name = dist_info() + "/RECORD";
  record_file.contents = record(all);
  all.insert(all.end(), unlisted_.begin(), unlisted_.end());
  if (!left_out(record_file)) all.push_back(std::move(record_file));
  if (stored_)
    for (ZipMember& member : all) member.deflate = false;
  return build_zip(all, end_);
}

std::filesystem::path WheelBuilder::write(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  std::filesystem::path path = folder / filename();
  write_bytes(path, build());
  return path;
}

}  // namespace moat::testing
