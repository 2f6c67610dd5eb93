// What resolving a goal needs: a store, an index on loopback, and somebody to ask it.
#pragma once

#include "envs/install/resolve_goal.h"
#include "fetch/os/file.h"
#include "tests/support/loopback_index.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <utility>

namespace moat::testing {

struct Resolving : ::testing::Test {
  explicit Resolving(LoopbackIndexOptions options = {}) : index(std::move(options)) {}

  ResolveTools resolving() { return resolving_from(index); }
  ResolveTools resolving_from(const LoopbackIndex& from) {
    ResolveTools out{
        .terms = {}, .indexes = {}, .tools = {http, store, workers, reporter, {}}, .exclude_vulnerable = {}};
    out.terms.indexes.indexes = {{"", Url::parse(from.url()).value()}};
    out.indexes.indexes = out.terms.indexes;
    return out;
  }

  TempDir folder{std::filesystem::temp_directory_path(), "resolving"};
  Store store{folder.path() / "store"};
  LoopbackIndex index;
  HttpClient http{HttpOptions{}};
  Workers workers;
  Reporter reporter;
};

}  // namespace moat::testing
