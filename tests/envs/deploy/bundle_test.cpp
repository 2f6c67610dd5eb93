#include "envs/deploy/bundle.h"

#include "envs/deploy/deploy.h"
#include "resolver/base/base64.h"
#include "tests/envs/folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <set>

namespace moat {
namespace {

// As openssl genpkey -algorithm ed25519 writes them.
constexpr std::string_view kPrivate =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
// RFC 8032, 7.1, test 1.
constexpr std::string_view kPublic =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "-----END PUBLIC KEY-----\n";
constexpr std::string_view kOther =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";

PrivateKey key_of(std::string_view pem) { return *PrivateKey::parse(pem); }

TEST(Signature, IsThatOfTheStandard) {
  const PrivateKey key = key_of(kPrivate);
  EXPECT_EQ(to_base64(key.sign("")),
            "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==");
  const PublicKey pub = *PublicKey::parse(kPublic);
  EXPECT_EQ(pub.fingerprint(), key.public_key().fingerprint());
  EXPECT_TRUE(pub.verifies("text", key.sign("text")));
  EXPECT_FALSE(pub.verifies("Text", key.sign("text")));
  EXPECT_FALSE(pub.verifies("text", key_of(kOther).sign("text")));
  EXPECT_FALSE(pub.verifies("text", ""));
}

TEST(Signature, RefusesWhatIsNoKey) {
  EXPECT_FALSE(PrivateKey::parse(kPublic));
  EXPECT_FALSE(PublicKey::parse(kPrivate));
  EXPECT_FALSE(PublicKey::parse(""));
  EXPECT_FALSE(PublicKey::parse("-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n"));
}

TEST(Signature, Base64HasOneSpelling) {
  for (const char* text : {"a", "ab", "abc", "abcd"}) EXPECT_EQ(*from_base64(to_base64(text)), text);
  for (const char* text : {"", "YQ", "YQ=", "YR==", "YQ==\n", " YQ=", "YQ==YQ=="})
    EXPECT_FALSE(from_base64(text)) << text;
}

class BundleFile : public testing::Test {
 protected:
  BundlePackage package(const std::string& name, const std::string& content) {
    const std::string filename = name + "-1.0-py3-none-any.whl";
    folder.write(filename, content);
    return {*PackageName::parse(name),
            *Version::parse("1.0"),
            filename,
            hash_bytes(content),
            content.size(),
            true,
            false,
            "",
            {}};
  }

  BundleContents contents() {
    BundleContents out{.config = {.name = "shop",
                                  .version = "1.0",
                                  .created = 1'700'000'000,
                                  .moat = "0.1.0",
                                  .architecture = "x86_64",
                                  .python = {"cpython", "3.11.2", 3, 11, false},
                                  .packages = {package("one", std::string(700, '1')), package("two", "22")}},
                       .lock = "lock-version = \"1.0\"\n",
                       .wheels = {}};
    for (const BundlePackage& one : out.config.packages) out.wheels.push_back(folder / one.filename);
    return out;
  }

  std::string written(const BundleContents& what, bool sign = true) {
    return written(std::vector<BundleContents>{what}, sign);
  }

  std::string written(const std::vector<BundleContents>& what, bool sign = true) {
    const fs::path file = folder / "shop.moat";
    const UniqueFd fd = open_file(file, O_RDWR | O_CREAT | O_TRUNC);
    write_bundle(what, sign ? std::optional(key_of(kPrivate)) : std::nullopt, fd.get(), file, {});
    return read_file(file);
  }

  // Throws where it is refused.
  Bundle opened(const std::string& bytes) {
    folder.write("read.moat", bytes);
    Bundle bundle(open_file(folder / "read.moat", O_RDONLY), "read.moat");
    bundle.verify(workers, {});
    return bundle;
  }

  test::Folder folder;
  Workers workers{1};
};

TEST_F(BundleFile, BytecodeComesWithItsWheel) {
  BundleContents with = contents();
  with.config.bytecode = "cpython-311-a70d0d0a";
  with.config.packages[0].bytecode = BundleBlob{hash_bytes("compiled"), 8};
  folder.write("compiled", "compiled");
  with.bytecode = {folder / "compiled", {}};
  const Bundle bundle = opened(written(with));
  const BundleConfig& config = bundle.targets().front().config;
  EXPECT_EQ(format_bundle_config(config), format_bundle_config(with.config));
  EXPECT_EQ(config.bytecode_size(), 8U);
  std::string bytes;
  bundle.pass(describe_bytecode(*config.packages[0].bytecode),
              [&](std::string_view piece) { bytes += piece; }, {});
  EXPECT_EQ(bytes, "compiled");

  BundleContents unnamed = with;
  unnamed.config.bytecode.clear();
  EXPECT_THROW(opened(written(unnamed)), Error) << "for which Python?";
  BundleContents stray = with;
  stray.config.packages[1].bytecode = BundleBlob{hash_bytes("other"), 5};
  folder.write("other", "other");
  stray.bytecode[1] = folder / "other";
  EXPECT_NO_THROW(opened(written(stray)));
}

TEST_F(BundleFile, ComesBackAsItWasWritten) {
  const Bundle bundle = opened(written(contents()));
  ASSERT_EQ(bundle.targets().size(), 1U);
  const BundleTarget& target = bundle.targets().front();
  EXPECT_EQ(format_bundle_config(target.config), format_bundle_config(contents().config));
  EXPECT_EQ(bundle.lock_text(target), "lock-version = \"1.0\"\n");
  bundle.save(target.config.packages[1], folder / "saved", {});
  EXPECT_EQ(folder.read("saved"), "22");
  EXPECT_EQ(bundle.signed_by({*PublicKey::parse(kPublic)}), PublicKey::parse(kPublic)->fingerprint());
  EXPECT_EQ(bundle.signed_by({key_of(kOther).public_key()}), std::nullopt);
}

TEST_F(BundleFile, HoldsSeveralTargetsAndWhatTheyShareOnce) {
  BundleContents other = contents(), with_list = contents();
  other.config.architecture = "aarch64";
  other.config.packages.pop_back();
  other.wheels.pop_back();
  with_list.sbom = "{\"bomFormat\": \"CycloneDX\"}\n";
  const std::string bytes = written({with_list, other});
  const Bundle bundle = opened(bytes);
  ASSERT_EQ(bundle.targets().size(), 2U);
  EXPECT_EQ(bundle.sbom_text(bundle.targets()[0]), with_list.sbom);
  EXPECT_EQ(bundle.sbom_text(bundle.targets()[1]), "");
  EXPECT_EQ(bundle.targets()[1].config.packages.size(), 1U);
  EXPECT_TRUE(bundle.signed_by({*PublicKey::parse(kPublic)}));
  EXPECT_EQ(bytes.find(std::string(700, '1')), bytes.rfind(std::string(700, '1')));
  EXPECT_EQ(fitting_targets(bundle, "aarch64"), std::vector{&bundle.targets()[1]});
  EXPECT_THROW(fitting_targets(bundle, "riscv64"), Error);
}

TEST_F(BundleFile, IsTheSameBytesEachTime) {
  EXPECT_EQ(written(contents()), written(contents()));
  EXPECT_NE(written(contents()), written(contents(), false));
}

TEST_F(BundleFile, IsRefusedWithAnyByteChanged) {
  const std::string good = written(contents());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x55);
    EXPECT_THROW(opened(bad), Error) << "byte " << i;
  }
}

TEST_F(BundleFile, IsRefusedWhereverItIsCutOff) {
  const std::string good = written(contents());
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_THROW(opened(good.substr(0, size)), Error) << size;
}

TEST_F(BundleFile, IsRefusedWithBytesBehindItsEnd) {
  const std::string good = written(contents());
  EXPECT_NO_THROW(opened(good + std::string(512, '\0')));  // what fills a record of tar
  EXPECT_THROW(opened(good + "x"), Error);
  EXPECT_THROW(opened(good + good), Error);
}

// What a hand could put together of good parts.
class Layout {
 public:
  explicit Layout(const fs::path& file) : file_(file), fd_(open_file(file, O_RDWR | O_CREAT | O_TRUNC)) {}
  Layout& add(const std::string& name, const std::string& bytes) {
    writer().add(name, bytes);
    return *this;
  }
  OciDescriptor blob(std::string_view type, const std::string& bytes) {
    const OciDescriptor out{
        .media_type = std::string(type), .digest = hash_bytes(bytes), .size = bytes.size()};
    blobs_.emplace_back(out.digest.hex, bytes);
    return out;
  }
  std::string finish(const OciDescriptor& index) {
    add("oci-layout", R"({"imageLayoutVersion":"1.0.0"})").add("index.json", format_oci_index({index}));
    std::set<std::string> names;
    for (const auto& [hex, bytes] : blobs_)
      if (names.insert(hex).second) add("blobs/sha256/" + hex, bytes);
    writer().finish();
    return read_file(file_);
  }
  TarWriter& writer() { return writer_; }

 private:
  fs::path file_;
  UniqueFd fd_;
  TarWriter writer_{[this](std::string_view bytes) { write_all(fd_.get(), bytes, file_); }, 0};
  std::vector<std::pair<std::string, std::string>> blobs_;
};

struct Parts {
  std::string config, extra_layer_type;
  std::string index_manifest_type = std::string(oci::kManifestType);
  int locks = 1;
  bool stray = false, wheel = true;
};

std::string put_together(const fs::path& file, const Parts& parts) {
  Layout layout(file);
  OciManifest manifest{layout.blob(bundle::kConfigType, parts.config), {}};
  for (int i = 0; i < parts.locks; ++i)
    manifest.layers.push_back(layout.blob(bundle::kLockType, "lock" + std::to_string(i)));
  if (parts.wheel) manifest.layers.push_back(layout.blob(bundle::kWheelType, "22"));
  if (!parts.extra_layer_type.empty()) manifest.layers.push_back(layout.blob(parts.extra_layer_type, "?"));
  OciDescriptor target = layout.blob(parts.index_manifest_type, format_oci_manifest(manifest));
  target.platform = OciPlatform{"amd64", "linux"};
  if (parts.stray) layout.blob("x", "nobody refers to this");
  return layout.finish(layout.blob(oci::kIndexType, format_oci_index({target})));
}

TEST_F(BundleFile, IsRefusedWhereItsPartsDoNotFit) {
  BundleContents what = contents();
  what.config.packages.erase(what.config.packages.begin());
  const std::string config = format_bundle_config(what.config);
  const auto put = [&](const Parts& parts) { return put_together(folder / "hand.moat", parts); };
  EXPECT_NO_THROW(opened(put({.config = config})));
  EXPECT_THROW(opened(put({.config = config, .extra_layer_type = "application/x-new"})), Error);
  EXPECT_THROW(opened(put({.config = config, .extra_layer_type = std::string(bundle::kWheelType)})), Error);
  EXPECT_THROW(opened(put({.config = config, .locks = 0})), Error);
  EXPECT_THROW(opened(put({.config = config, .locks = 2})), Error);
  EXPECT_THROW(opened(put({.config = config, .stray = true})), Error);
  EXPECT_THROW(opened(put({.config = config, .wheel = false})), Error);
  EXPECT_THROW(
      opened(put({.config = config, .index_manifest_type = "application/vnd.oci.image.config.v1+json"})),
      Error);
  std::string newer = config;
  newer.replace(newer.find("\"schema\": 1"), 11, "\"schema\": 2");
  EXPECT_THROW(opened(put({.config = newer})), Error);
  std::string other_size = config;
  other_size.replace(other_size.find("\"size\": 2"), 9, "\"size\": 3");
  EXPECT_THROW(opened(put({.config = other_size})), Error);
  std::string other_name = config;
  other_name.replace(other_name.find("\"name\": \"two\""), 13, "\"name\": \"six\"");
  EXPECT_THROW(opened(put({.config = other_name})), Error);
}

TEST_F(BundleFile, HasNoStrangers) {
  const auto with = [&](const std::string& name) {
    Layout layout(folder / "hand.moat");
    layout.add(name, "x");
    return layout.finish(layout.blob(oci::kIndexType, format_oci_index({})));
  };
  for (const char* name :
       {"../evil", "/etc/passwd", "blobs/sha256/abc", "blobs/md5/x", "README", "oci-layout"})
    EXPECT_THROW(opened(with(name)), Error) << name;
}

TEST_F(BundleFile, SignatureDoesNotCoverAnotherTarget) {
  const std::string text = signed_text("shop", {hash_bytes("a"), hash_bytes("b")});
  EXPECT_EQ(text, signed_text("shop", {hash_bytes("b"), hash_bytes("a")}));
  EXPECT_NE(text, signed_text("shop", {hash_bytes("a")}));
  EXPECT_NE(text, signed_text("Shop", {hash_bytes("a"), hash_bytes("b")}));
}

}  // namespace
}  // namespace moat
