// Real archives in memory: zip files byte by byte, wheels with a true RECORD; and both deliberately wrong.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat::testing {

// One record of a zip archive. What is set in `Lies` goes into the archive in the place of the truth.
struct ZipMember {
  struct Lies {
    std::optional<std::string> local_name;
    std::optional<std::uint32_t> local_crc, central_crc;
    std::optional<std::uint32_t> local_size, central_size;
    std::optional<std::uint16_t> local_method, central_method;
    std::optional<std::uint32_t> header_offset;
    std::optional<std::string> packed;  // the compressed bytes
  };

  std::string name;
  std::string contents;
  std::uint32_t mode = 0100644;
  bool deflate = true;
  bool descriptor = false;     // sizes and CRC follow the data
  bool zip64 = false;          // sizes in ZIP64 fields
  std::uint16_t flags = 0;     // besides those that follow from the rest
  std::string extra, comment;  // of the central record
  std::string local_extra;
  std::string before;                             // bytes between the record before and this one
  std::uint16_t dos_time = 0, dos_date = 0x5821;  // 2024-01-01 00:00
  Lies lies;
};

struct ZipEndLies {
  std::string before_directory, after_directory, comment, after_end;
  bool zip64 = false;                         // write the ZIP64 end record and its locator
  std::optional<std::uint64_t> zip64_offset;  // in the locator
  std::optional<std::uint16_t> entries;
  std::optional<std::uint32_t> directory_offset, directory_size;
};

std::string build_zip(const std::vector<ZipMember>& members, const ZipEndLies& end = {});

// WheelBuilder("foo", "1.0").file("foo/__init__.py", "").requires_dist("bar>=2").write(folder)
// has METADATA, WHEEL and RECORD as they should be; the last group of members makes it wrong.
class WheelBuilder {
 public:
  WheelBuilder(std::string name, std::string version, std::string tag = "py3-none-any");

  WheelBuilder& file(std::string path, std::string contents, std::uint32_t mode = 0100644);
  WheelBuilder& script(std::string_view name, std::string contents);        // NAME.data/scripts/, executable
  WheelBuilder& data(std::string_view key_and_path, std::string contents);  // NAME.data/
  WheelBuilder& dist_info_file(std::string_view name, std::string contents);  // NAME.dist-info/
  WheelBuilder& metadata(std::string header_line);                            // "Summary: x"
  WheelBuilder& requires_dist(std::string_view requirement);
  WheelBuilder& requires_python(std::string_view specifiers);
  WheelBuilder& provides_extra(std::string_view extra);
  WheelBuilder& entry_point(std::string_view group, std::string_view name, std::string_view target);
  WheelBuilder& console_script(std::string_view name, std::string_view target) {
    return entry_point("console_scripts", name, target);
  }
  WheelBuilder& build_tag(std::string tag);
  WheelBuilder& purelib(bool root_is_purelib);
  WheelBuilder& stored();  // nothing deflated

  WheelBuilder& wheel_version(std::string version);
  WheelBuilder& metadata_name(std::string name);
  WheelBuilder& metadata_version(std::string version);  // the Version field
  WheelBuilder& dist_info_name(std::string folder);     // "foo-1.0.dist-info"
  WheelBuilder& unlisted(ZipMember member);             // in the archive, not in RECORD
  WheelBuilder& listed(std::string record_row);         // in RECORD, whatever the archive holds
  WheelBuilder& instead_of_row(std::string path, std::string record_row);  // "": the row is left out
  WheelBuilder& without(std::string path);  // no such file, METADATA and the like included
  WheelBuilder& end(ZipEndLies lies);

  std::string filename() const;
  std::string metadata_text() const;
  std::string build() const;  // the bytes of the .whl; the same at each call
  std::filesystem::path write(const std::filesystem::path& folder) const;

 private:
  std::string dist_info() const;
  std::vector<ZipMember> members() const;
  std::string record(const std::vector<ZipMember>& members) const;

  std::string name_, version_, tag_, build_tag_, wheel_version_ = "1.0";
  std::optional<std::string> metadata_name_, metadata_version_, dist_info_;
  bool purelib_ = true, stored_ = false;
  std::vector<ZipMember> files_, unlisted_;
  std::vector<std::string> headers_, extra_rows_, without_;
  std::vector<std::pair<std::string, std::string>> replaced_rows_;
  std::vector<std::pair<std::string, std::string>> entry_points_;  // group, "name = target"
  ZipEndLies end_;
};

// "path,sha256=…,size" of RECORD.
std::string record_row(std::string_view path, std::string_view contents);

void write_bytes(const std::filesystem::path& path, std::string_view bytes);

}  // namespace moat::testing
