#include "resolver/files/conda_environment.h"

#include "resolver/base/text.h"
#include "resolver/pep/requirement.h"
#include "resolver/pep/specifier.h"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace moat {
namespace {

// Packages with another name on the Python index.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"brotli-python", "brotli"},
    {"cupy-core", "cupy"},
    {"dask-core", "dask"},
    {"faiss", "faiss-cpu"},
    {"matplotlib-base", "matplotlib"},
    {"msgpack-python", "msgpack"},
    {"opencv", "opencv-python"},
    {"py-opencv", "opencv-python"},
    {"py-xgboost", "xgboost"},
    {"py-xgboost-cpu", "xgboost"},
    {"py-xgboost-gpu", "xgboost"},
    {"pyqt", "pyqt5"},
    {"pytables", "tables"},
    {"python-blosc", "blosc"},
    {"python-graphviz", "graphviz"},
    {"python-kaleido", "kaleido"},
    {"python-libarchive-c", "libarchive-c"},
    {"python-lmdb", "lmdb"},
    {"python-tzdata", "tzdata"},
    {"python-xxhash", "xxhash"},
    {"pytorch", "torch"},
    {"pytorch-cpu", "torch"},
    {"pytorch-gpu", "torch"},
    {"ray-core", "ray"},
    {"ray-default", "ray"},
    {"redis-py", "redis"},
    {"ruamel_yaml", "ruamel.yaml"},
    {"seaborn-base", "seaborn"},
    {"tensorflow-base", "tensorflow"},
    {"tensorflow-cpu", "tensorflow"},
    {"tensorflow-gpu", "tensorflow"},
    {"torchtriton", "triton"},
};

// Libraries, compilers and programs of conda. A package of the same name on the Python index may be a
// different project.
constexpr std::string_view kNoPython[] = {
    "abseil-cpp",
    "alsa-lib",
    "aom",
    "arrow-cpp",
    "attr",
    "autoconf",
    "automake",
    "bash",
    "binutils",
    "bison",
    "blas",
    "boost",
    "boost-cpp",
    "bzip2",
    "c-ares",
    "c-compiler",
    "ca-certificates",
    "cairo",
    "clang",
    "clangxx",
    "compilers",
    "coreutils",
    "cpython",
    "cuda",
    "cudatoolkit",
    "cudnn",
    "curl",
    "cxx-compiler",
    "dav1d",
    "dbus",
    "doxygen",
    "eigen",
    "elfutils",
    "expat",
    "ffmpeg",
    "fftw",
    "flex",
    "fmt",
    "fontconfig",
    "fortran-compiler",
    "freetype",
    "fribidi",
    "gdbm",
    "geos",
    "gettext",
    "gfortran",
    "gh",
    "giflib",
    "git",
    "glib",
    "gmp",
    "gnutls",
    "go",
    "graphite2",
    "graphviz",
    "grep",
    "grpc-cpp",
    "gsl",
    "gst-plugins-base",
    "gstreamer",
    "harfbuzz",
    "hdf5",
    "htop",
    "icu",
    "imagemagick",
    "intel-openmp",
    "java-jdk",
    "jpeg",
    "jq",
    "keyutils",
    "krb5",
    "lame",
    "lcms2",
    "ld_impl_linux-64",
    "lerc",
    "less",
    "llvm-openmp",
    "lz4-c",
    "m2-base",
    "m4",
    "make",
    "mkl",
    "mkl-devel",
    "mkl-include",
    "mkl-service",
    "mkl_fft",
    "mkl_random",
    "mpc",
    "mpfr",
    "mpi",
    "mpich",
    "mysql-common",
    "mysql-libs",
    "nano",
    "nasm",
    "nccl",
    "ncurses",
    "nettle",
    "nghttp2",
    "ninja-base",
    "nodejs",
    "nspr",
    "nss",
    "ocl-icd",
    "openblas",
    "openh264",
    "openjdk",
    "openjpeg",
    "openmpi",
    "openssh",
    "openssl",
    "orc",
    "p11-kit",
    "pandoc",
    "pango",
    "parallel",
    "patch",
    "patchelf",
    "pcre",
    "pcre2",
    "perl",
    "pixman",
    "pkg-config",
    "poppler",
    "postgresql",
    "proj",
    "pthread-stubs",
    "python_abi",
    "python_impl",
    "pytorch-cuda",
    "pytorch-mutex",
    "qt",
    "qt-main",
    "re2",
    "readline",
    "redis",
    "rsync",
    "rust",
    "s2n",
    "sed",
    "snappy",
    "spdlog",
    "sqlite",
    "suitesparse",
    "svt-av1",
    "swig",
    "tar",
    "tbb",
    "tesseract",
    "tini",
    "tk",
    "tmux",
    "tzdata",
    "ucrt",
    "unistring",
    "unixodbc",
    "unzip",
    "vc",
    "vim",
    "vs2015_runtime",
    "wget",
    "x264",
    "x265",
    "xerces-c",
    "xz",
    "yaml",
    "yasm",
    "zeromq",
    "zip",
    "zlib",
    "zlib-ng",
    "zstandard-c",
    "zstd",
};
constexpr std::array<std::string_view, 12> kNoPythonPrefixes = {
    "_", "aws-c-", "aws-sdk-", "cuda-", "font-", "fonts-", "gcc", "gxx", "lib", "r-", "sysroot_", "xorg-"};
constexpr std::array<std::string_view, 9> kPythonLibs = {"cuda-bindings", "cuda-python", "libpysal",
                                                         "libclang",      "libcst",      "librosa",
                                                         "libsass",       "libtmux",     "libusb1"};
// Part of every environment, or replaced by moat.
constexpr std::array<std::string_view, 5> kOwn = {"conda", "mamba", "pip", "setuptools", "wheel"};

bool holds(const auto& table, std::string_view name) {
  return std::ranges::find(table, name) != std::ranges::end(table);
}

// A build that was made for a Python says so: py311h64a7726_0, pyhd8ed1ab_0. Others have no Python in them.
bool is_python_package(std::string_view name, std::string_view build) {
  if (!build.empty() && build.find('*') == build.npos) return build.find("py") != build.npos;
  if (holds(kPythonLibs, name)) return true;
  return !holds(kNoPython, name) && std::ranges::none_of(kNoPythonPrefixes, [&](std::string_view prefix) {
    return name.starts_with(prefix);
  });
}

std::string index_name(std::string_view name) {
  for (const auto& [conda, python] : kNames)
    if (conda == name) return std::string(python);
  return std::string(name);
}

// ---- MatchSpec

bool is_of_name(char c) { return is_ascii_alnum(c) || c == '-' || c == '_' || c == '.'; }

// ">=1.2.*" means ">=1.2" to conda, which PEP 440 does not know.
std::string plain_clause(std::string_view clause) {
  clause = trim(clause);
  const bool is_equality = clause.starts_with("==") || clause.starts_with("!=");
  if (!is_equality && clause.ends_with(".*")) clause.remove_suffix(2);
  return std::string(clause);
}

// "1.26*" and "1.26.*" mean the same to conda.
std::string starred(std::string_view version) {
  while (version.ends_with('*') || version.ends_with('.')) version.remove_suffix(1);
  return fmt::format("=={}.*", version);
}

struct Constraint {
  std::string specifier, exact, build;
};

// VERSION, VERSION=BUILD, VERSION BUILD, or a range.
Expected<Constraint> constraint_of(std::string_view text) {
  text = trim(text);
  if (text.find('|') != text.npos)
    return parse_error("lists alternatives (`|`), which pyproject.toml cannot express");
  if (!text.empty() && std::string_view("<>!~").find(text.front()) != std::string_view::npos) {
    Constraint out;
    for (const std::string_view clause : split(text, ','))
      out.specifier += (out.specifier.empty() ? "" : ",") + plain_clause(clause);
    return out;
  }
  const bool is_exact = text.starts_with("==");
  const bool is_fuzzy = !is_exact && text.starts_with('=');
  text = trim(text.substr(is_exact ? 2 : is_fuzzy ? 1 : 0));
  const std::size_t end = std::min(text.find_first_of("= ,"), text.size());
  const std::string_view version = text.substr(0, end);
  std::string_view rest = trim(text.substr(end));
  if (rest.starts_with(',')) return parse_error("combines a version and a range");
  while (rest.starts_with('=')) rest = trim(rest.substr(1));
  Constraint out{.specifier = "", .exact = "", .build = std::string(rest)};
  if (version.empty() && (is_exact || is_fuzzy)) return parse_error("has no version");
  if (version.empty() || version == "*") return out;
  if (version.ends_with('*')) {
    out.specifier = starred(version);
    return out;
  }
  // numpy=1.26 is any 1.26; numpy=1.26.4 is what `conda env export --no-builds` writes.
  const bool is_full = std::ranges::count(version, '.') >= 2;
  const bool is_range = is_fuzzy && rest.empty();
  out.specifier = is_range ? starred(version) : fmt::format("=={}", version);
  if (!is_range || is_full) out.exact = std::string(version);
  return out;
}

// ---- YAML

struct Document {
  explicit Document(std::string_view text) {
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    is_loaded = yaml_parser_load(&parser, &document) != 0;
  }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  ~Document() {
    if (is_loaded) yaml_document_delete(&document);
    yaml_parser_delete(&parser);
  }

  const yaml_node_t* node(int index) { return yaml_document_get_node(&document, index); }
  const yaml_node_t* root() { return is_loaded ? yaml_document_get_root_node(&document) : nullptr; }

  yaml_parser_t parser{};
  yaml_document_t document{};
  bool is_loaded = false;
};

std::optional<std::string> scalar(const yaml_node_t* node) {
  if (node == nullptr || node->type != YAML_SCALAR_NODE) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(node->data.scalar.value), node->data.scalar.length);
}

std::vector<const yaml_node_t*> items(Document& document, const yaml_node_t* node) {
  std::vector<const yaml_node_t*> out;
  if (node == nullptr || node->type != YAML_SEQUENCE_NODE) return out;
  for (const yaml_node_item_t* item = node->data.sequence.items.start; item < node->data.sequence.items.top;
       ++item)
    out.push_back(document.node(*item));
  return out;
}

std::vector<std::pair<std::string, const yaml_node_t*>> fields(Document& document, const yaml_node_t* node) {
  std::vector<std::pair<std::string, const yaml_node_t*>> out;
  if (node == nullptr || node->type != YAML_MAPPING_NODE) return out;
  for (const yaml_node_pair_t* pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
       ++pair)
    if (auto key = scalar(document.node(pair->key)))
      out.emplace_back(std::move(*key), document.node(pair->value));
  return out;
}

std::size_t line_of(const yaml_node_t* node) { return node->start_mark.line + 1; }

// An export names the exact Python release it was made with; any patch release of that minor version is
// accepted.
void take_python(const CondaSpec& spec, ForeignProject& project) {
  const Expected<Version> exact = Version::parse(spec.exact);
  project.requires_python =
      exact && exact->release().size() > 2
          ? starred(fmt::format("{}.{}", exact->release_at(0).to_string(), exact->release_at(1).to_string()))
          : spec.specifier;
}

// All lines for one package apply, so their ranges are combined.
void add_requirement(const Requirement& requirement, ForeignProject& project) {
  for (ForeignRequirement& there : project.requirements) {
    Requirement before = Requirement::parse(there.text).value();
    if (before.name != requirement.name) continue;
    before.specifier = before.specifier.intersected(requirement.specifier);
    there.text = before.to_string();
    return;
  }
  project.requirements.push_back({.list = {}, .text = requirement.to_string(), .source = std::nullopt});
}

void take_spec(const std::string& text, CondaEnvironment& out) {
  const Expected<CondaSpec> spec = parse_conda_spec(text);
  if (!spec) return out.project.left_out.push_back(fmt::format("{}: {}", text, spec.error().message));
  if (spec->name == "python") return take_python(*spec, out.project);
  if (holds(kOwn, spec->name)) return;
  if (!is_python_package(spec->name, spec->build))
    return out.project.left_out.push_back(
        fmt::format("{}: conda's package of that name is not a Python package", text));
  const Expected<Requirement> requirement = Requirement::parse(index_name(spec->name) + spec->specifier);
  if (!requirement)
    return out.project.left_out.push_back(fmt::format("{}: {}", text, requirement.error().message));
  if (const Expected<Version> version = Version::parse(spec->exact))
    out.versions[requirement->name] = {*version};
  add_requirement(*requirement, out.project);
}

// An entry of `dependencies`: a specification, or the list for pip.
Expected<void> take_item(Document& document, const yaml_node_t* item, CondaEnvironment& out) {
  if (const auto text = scalar(item)) {
    take_spec(*text, out);
    return {};
  }
  if (item->type != YAML_MAPPING_NODE)
    return parse_error(fmt::format("line {}: expected a package, or the list `pip:`", line_of(item)));
  for (const auto& [tool, lines] : fields(document, item)) {
    if (tool != "pip")
      return parse_error(fmt::format("line {}: unknown list {}", line_of(item), quote(tool)));
    if (lines->type != YAML_SEQUENCE_NODE)
      return parse_error(fmt::format("line {}: `pip:` must be a list", line_of(lines)));
    for (const yaml_node_t* line : items(document, lines))
      if (auto text = scalar(line))
        out.pip.push_back({std::move(*text), static_cast<std::uint32_t>(line_of(line))});
  }
  return {};
}

// "" if it is not a valid project name: `My Lab`, a path, null.
std::string project_name(const std::string& name) {
  return name != "null" && PackageName::parse(name) ? name : "";
}

}  // namespace

bool is_yaml_name(std::string_view filename) {
  return filename.ends_with(".yml") || filename.ends_with(".yaml");
}

Expected<CondaSpec> parse_conda_spec(std::string_view text) {
  text = trim(text.substr(0, text.find(" #")));
  if (const std::size_t channel = text.rfind("::"); channel != text.npos)
    text = trim(text.substr(channel + 2));
  const auto* const end = std::ranges::find_if_not(text, is_of_name);
  CondaSpec out{.name = ascii_lower(text.substr(0, static_cast<std::size_t>(end - text.begin()))),
                .specifier = ""};
  if (out.name.empty()) return parse_error("has no package name");
  std::string_view rest = trim(text.substr(out.name.size()));
  if (rest.starts_with('[')) {
    constexpr std::string_view kVersion = "version=";
    if (rest.find(']') == rest.npos) return parse_error("has a bracket that is not closed");
    const std::size_t begin = rest.find(kVersion);
    if (begin == rest.npos) return out;  // it selects by build or channel
    rest = rest.substr(begin + kVersion.size());
    const char mark = rest.empty() ? '\0' : rest.front();
    const bool is_quoted = mark == '\'' || mark == '"';
    rest = rest.substr(is_quoted ? 1 : 0);
    const std::size_t end_of_value = is_quoted ? rest.find(mark) : rest.find_first_of(",]");
    if (end_of_value == rest.npos) return parse_error("has a quote that is not closed");
    rest = rest.substr(0, end_of_value);
  }
  auto constraint = constraint_of(rest);
  if (!constraint) return tl::unexpected(constraint.error());
  if (const auto specifier = SpecifierSet::parse(constraint->specifier); !specifier)
    return parse_error(fmt::format("{} is not a valid version range", quote(rest)));
  out.specifier = std::move(constraint->specifier);
  out.exact = std::move(constraint->exact);
  out.build = std::move(constraint->build);
  return out;
}

Expected<CondaEnvironment> read_conda_environment(std::string_view yaml) {
  Document document(yaml);
  if (!document.is_loaded)
    return parse_error(
        fmt::format("line {}: {}", document.parser.problem_mark.line + 1,
                    document.parser.problem == nullptr ? "is not YAML" : document.parser.problem));
  CondaEnvironment out;
  bool has_dependencies = false;
  for (const auto& [key, value] : fields(document, document.root())) {
    if (key == "name") out.project.name = project_name(scalar(value).value_or(""));
    if (key == "variables")
      for (const auto& [name, of_variable] : fields(document, value))
        out.project.left_out.push_back(
            fmt::format("the variable {}: set it in the shell or service that starts the program", name));
    if (key != "dependencies") continue;
    has_dependencies = true;
    if (value->type != YAML_SEQUENCE_NODE)
      return parse_error(fmt::format("line {}: `dependencies` must be a list", line_of(value)));
    for (const yaml_node_t* item : items(document, value))
      if (const Expected<void> taken = take_item(document, item, out); !taken)
        return tl::unexpected(taken.error());
  }
  if (!has_dependencies)
    return parse_error("it has no `dependencies`: it is not an environment.yml of conda");
  return out;
}

}  // namespace moat
