#include "fetch/oci/challenge.h"
#include "fetch/oci/logins.h"
#include "fetch/oci/reference.h"

#include <gtest/gtest.h>

#include <string>

namespace moat {
namespace {

TEST(RegistryReference, IsHostRepositoryAndTagOrDigest) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const auto plain = RegistryReference::parse("oci://Registry.Example:5000/team/my_shop:2.1-rc_1");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "registry.example:5000");
  EXPECT_EQ(plain->repository, "team/my_shop");
  EXPECT_EQ(plain->tag, "2.1-rc_1");
  EXPECT_EQ(plain->wanted(), "2.1-rc_1");
  EXPECT_EQ(plain->to_string(), "oci://registry.example:5000/team/my_shop:2.1-rc_1");
  EXPECT_EQ(RegistryReference::parse("oci://[::1]:5000/a")->tag, "latest");
  const auto by_digest = RegistryReference::parse("oci://h/a/b@" + digest);
  ASSERT_TRUE(by_digest);
  EXPECT_EQ(by_digest->tag, "");
  EXPECT_EQ(by_digest->wanted(), digest);
  const auto both = RegistryReference::parse("oci://h/a:1@" + digest);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->tag, "1");
  EXPECT_EQ(both->wanted(), digest);
  EXPECT_EQ(both->to_string(), "oci://h/a:1@" + digest);
}

TEST(RegistryReference, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "oci:/h/a",
                           "docker://h/a",
                           "oci://",
                           "oci://h",
                           "oci://h/",
                           "oci:///a",
                           "oci://h/A",
                           "oci://h/a//b",
                           "oci://h/../b",
                           "oci://h/a.",
                           "oci://h/a..b",
                           "oci://h/a_-b",
                           "oci://h/a:",
                           "oci://h/a:b c",
                           "oci://h/a:.b",
                           "oci://h:/a",
                           "oci://h:x/a",
                           "oci://u:p@h/a",
                           "oci://h/a@sha256:12",
                           "oci://h/a@md5:00000000000000000000000000000000",
                           "oci://h h/a",
                           "oci://h\n/a",
                           "oci://h/a?b",
                           "oci://[/a",
                           "oci://h/a:1:2"})
    EXPECT_FALSE(RegistryReference::parse(text)) << text;
  for (const char* text : {"oci://h/a__b", "oci://h/a---b", "oci://h/0/1/2", "oci://h.e-x/a:A_.-"})
    EXPECT_TRUE(RegistryReference::parse(text)) << text;
}

TEST(Challenge, OfTokensAndPasswords) {
  const auto bearer = parse_challenges(
      R"(Bearer realm="https://a.example/token?x=1,2",service="reg \"1\"",scope="repository:a:pull,push")");
  ASSERT_EQ(bearer.size(), 1U);
  EXPECT_EQ(bearer[0].scheme, "bearer");
  EXPECT_EQ(bearer[0].parameters.at("realm"), "https://a.example/token?x=1,2");
  EXPECT_EQ(bearer[0].parameters.at("service"), "reg \"1\"");
  EXPECT_EQ(bearer[0].parameters.at("scope"), "repository:a:pull,push");
  const auto two = parse_challenges("BASIC Realm = plain , Negotiate, Bearer realm=b");
  ASSERT_EQ(two.size(), 3U);
  EXPECT_EQ(two[0].scheme, "basic");
  EXPECT_EQ(two[0].parameters.at("realm"), "plain");
  EXPECT_TRUE(two[1].parameters.empty());
  EXPECT_EQ(two[2].parameters.at("realm"), "b");
}

TEST(Challenge, EndsWhereItCannotBeRead) {
  for (const char* text :
       {"", ",,", "=", "realm=x", "\"", "Bearer realm=\"never ends", "Bearer =x", "Bearer realm"})
    EXPECT_LE(parse_challenges(text).size(), 2U) << text;
  EXPECT_TRUE(parse_challenges("realm=x").empty());
}

TEST(RegistryLogins, AsDockerAndPodmanWriteThem) {
  // me:secret, you:a:b
  const auto logins = RegistryLogins::parse(R"({
    "auths": {"registry.example:5000": {"auth": "bWU6c2VjcmV0"},
              "https://old.example/v1/": {"auth": "bWU6c2VjcmV0"},
              "quay.example/team": {"auth": "eW91OmE6Yg=="},
              "quay.example": {"auth": "bWU6c2VjcmV0"},
              "token.example": {"auth": "bWU6", "identitytoken": "t"},
              "empty.example": {}, "odd.example": 3, "damaged.example": {"auth": "***"}},
    "credHelpers": {"helped.example": "pass"}, "credsStore": "secretservice", "more": 1})");
  ASSERT_TRUE(logins);
  const RegistryLogin me{"me", "secret", ""};
  EXPECT_EQ(*logins->find("registry.example:5000", "a/b"), me);
  EXPECT_EQ(logins->find("registry.example", "a/b"), nullptr);
  EXPECT_EQ(*logins->find("old.example", "a"), me);
  EXPECT_EQ(logins->find("quay.example", "team/shop")->password, "a:b");
  EXPECT_EQ(*logins->find("quay.example", "teams/shop"), me);
  EXPECT_EQ(logins->find("token.example", "a")->identity_token, "t");
  for (const char* host : {"empty.example", "odd.example", "damaged.example", ""})
    EXPECT_EQ(logins->find(host, "a"), nullptr) << host;
  EXPECT_EQ(logins->helpers.at("helped.example"), "pass");
  EXPECT_EQ(logins->helper, "secretservice");
  EXPECT_FALSE(RegistryLogins::parse("[]"));
  EXPECT_FALSE(RegistryLogins::parse("{"));
}

TEST(RegistryLogins, OfDockerHubUnderEachOfItsNames) {
  for (const char* key :
       {"https://index.docker.io/v1/", "docker.io", "docker.io/team", "registry-1.docker.io"}) {
    const auto logins =
        RegistryLogins::parse(R"({"auths": {")" + std::string(key) + R"(": {"auth": "bWU6c2VjcmV0"}}})");
    ASSERT_TRUE(logins) << key;
    EXPECT_NE(logins->find("index.docker.io", "team/shop"), nullptr) << key;
  }
  const auto logins = RegistryLogins::parse(R"({"auths": {"docker.io.example": {"auth": "bWU6c2VjcmV0"}}})");
  ASSERT_TRUE(logins);
  EXPECT_EQ(logins->find("index.docker.io", "team/shop"), nullptr);
}

TEST(RegistryLogins, OfAHelper) {
  EXPECT_EQ(parse_helper_answer(R"({"ServerURL": "x", "Username": "me", "Secret": "s"})"),
            (RegistryLogin{"me", "s", ""}));
  EXPECT_EQ(parse_helper_answer(R"({"Username": "<token>", "Secret": "s"})"), (RegistryLogin{"", "", "s"}));
  for (const char* text :
       {"", "{}", "[]", R"({"Username": "me"})", R"({"Secret": "s"})", R"({"Username": 1, "Secret": "s"})"})
    EXPECT_EQ(parse_helper_answer(text), std::nullopt) << text;
}

}  // namespace
}  // namespace moat
