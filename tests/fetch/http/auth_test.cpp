#include "fetch/http/auth.h"

#include "fetch/http/http.h"
#include "fetch/os/file.h"
#include "tests/support/loopback_server.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace moat {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Url url(std::string_view text) { return Url::parse(text).value(); }

TEST(Netrc, ReadsWhatPythonReads) {
  struct Case {
    const char* text;
    std::vector<NetrcEntry> entries;
  };
  const Case cases[] = {
      {"", {}},
      {"machine a login u password p", {{"a", "u", "p"}}},
      {"machine a\n\tuser u\n\taccount x\n\tpassword p\n", {{"a", "u", "p"}}},
      {"machine a login u password p machine b login v password q", {{"a", "u", "p"}, {"b", "v", "q"}}},
      {"machine a password p\r\ndefault login d password e\r\n", {{"a", "", "p"}, {"", "d", "e"}}},
      {"machine a login \"u x\" password \"p\\\"q\"", {{"a", "u x", "p\"q"}}},
      {"machine a login u\\ x password p\\\\q", {{"a", "u x", "p\\q"}}},
      {"# machine a\nmachine b # login x\n login u #tail\n password #hash#1 # end", {{"b", "u", "#hash#1"}}},
      {"machine a login machine password default", {{"a", "machine", "default"}}},
      {"macdef init\ncd /pub\nmachine x\n\nmachine a login u password p", {{"a", "u", "p"}}},
      {"machine a login u password p\nmacdef last\nput\n", {{"a", "u", "p"}}},
      {"machine a login \"\" password p", {{"a", "", "p"}}},
  };
  for (const Case& c : cases) {
    const auto entries = parse_netrc(c.text);
    ASSERT_TRUE(entries) << c.text << ": " << entries.error().message;
    EXPECT_EQ(*entries, c.entries) << c.text;
  }
}

TEST(Netrc, SaysWhereItIsWrong) {
  struct Case {
    const char* text;
    std::size_t offset;
  };
  for (const Case& c : std::vector<Case>{{"nonsense", 0},
                                         {"login u", 0},
                                         {"machine", 0},
                                         {"machine a login", 10},
                                         {"machine a x y", 10},
                                         {"machine a \"login\" u", 10},
                                         {"machine \"\"", 8}}) {
    const auto entries = parse_netrc(c.text);
    ASSERT_FALSE(entries) << c.text;
    EXPECT_EQ(entries.error().offset, c.offset) << c.text;
  }
}

TEST(Netrc, FindsByMachineThenDefault) {
  const std::vector<NetrcEntry> entries = {{"a", "u", "1"}, {"", "d", "2"}, {"a", "v", "3"}, {"b", "u", "4"}};
  EXPECT_EQ(find_netrc_entry(entries, "A")->password, "1");
  EXPECT_EQ(find_netrc_entry(entries, "a", "v")->password, "3");
  EXPECT_EQ(find_netrc_entry(entries, "b")->password, "4");
  EXPECT_EQ(find_netrc_entry(entries, "c")->password, "2");
  EXPECT_EQ(find_netrc_entry(entries, "a", "w"), nullptr);
  EXPECT_EQ(find_netrc_entry({}, "a"), nullptr);
}

TEST(FindIndexOf, TheLongestSharedPathWins) {
  const std::vector<Url> indexes = {url("https://h/one/simple/"), url("https://h/two/simple/"),
                                    url("https://h/"), url("https://h:8443/two/simple/")};
  const auto found = [&](std::string_view text) {
    const Url* index = find_index_of(indexes, url(text));
    return index == nullptr ? "none" : index->to_string();
  };
  EXPECT_EQ(found("https://h/two/simple/foo/"), "https://h/two/simple/");
  EXPECT_EQ(found("https://h/two/files/foo.whl"), "https://h/two/simple/");
  EXPECT_EQ(found("https://h/twofold/x"), "https://h/one/simple/");
  EXPECT_EQ(found("https://h:443/two/x"), "https://h/two/simple/");
  EXPECT_EQ(found("https://h:8443/x"), "https://h:8443/two/simple/");
  EXPECT_EQ(found("http://h/two/simple/"), "none");
  EXPECT_EQ(found("https://other/two/simple/"), "none");
}

TEST(Keyring, AnswersAreReadWithCare) {
  EXPECT_EQ(parse_keyring_answer(R"({"username": "u", "password": "p:q"})"), "u:p:q");
  EXPECT_EQ(parse_keyring_answer(R"({"username": null, "password": "p"})"), ":p");
  for (const char* bad :
       {"", "[]", "{}", "null", R"({"username": "u"})", R"({"password": 5})", "{\"password\""})
    EXPECT_EQ(parse_keyring_answer(bad), std::nullopt) << bad;
}

class Warnings : public Reporter {
 public:
  void warn(std::string_view message) override { told.emplace_back(message); }
  std::vector<std::string> told;
};

class CredentialsTest : public ::testing::Test {
 protected:
  void write_netrc(std::string_view text, mode_t mode = 0600) {
    options_.netrc = temp_.path() / "netrc";
    write_file_atomically(options_.netrc, text, mode);
  }
  // A keyring that remembers how it was called.
  void write_keyring(const std::string& script) {
    options_.keyring = temp_.path() / "keyring";
    write_file_atomically(options_.keyring,
                          "#!/bin/sh\necho \"$*\" >> '" + log_.string() + "'\n" + script + "\n", 0777);
  }
  std::string calls() const { return read_file_if_exists(log_).value_or(""); }

  TempDir temp_{::testing::TempDir(), "auth-test"};
  fs::path log_ = temp_.path() / "log";
  CredentialOptions options_;
  Warnings warnings_;
};

TEST_F(CredentialsTest, IndexThenNetrcThenTokenAlone) {
  write_netrc("machine a login n password n1\nmachine b login n password n2\n");
  options_.indexes = {url("https://u%40x:p@a/simple/"), url("https://b/simple/"),
                      url("https://token@c/simple/"), url("https://n@b:8443/simple/")};
  Credentials credentials(options_, warnings_);
  EXPECT_EQ(credentials.find(url("https://a/files/x.whl"), false), "u@x:p");
  EXPECT_EQ(credentials.find(url("https://b/simple/x/"), false), "n:n2");
  EXPECT_EQ(credentials.find(url("https://b:8443/simple/x/"), false), "n:n2");
  EXPECT_EQ(credentials.find(url("https://c/simple/x/"), false), "token:");
  EXPECT_EQ(credentials.find(url("https://d/simple/x/"), false), std::nullopt);
  EXPECT_EQ(credentials.find(url("https://a/files/x.whl"), true), std::nullopt);
  EXPECT_THAT(warnings_.told, IsEmpty());
}

TEST_F(CredentialsTest, DefaultAndThisMachineAreForTheUsersOwn) {
  write_netrc(
      "machine localhost login n password 1\nmachine a login n password 2\ndefault login n password 3\n");
  options_.users = {url("http://localhost:3141/simple/"), url("https://own.example/")};
  Credentials credentials(options_, warnings_);
  EXPECT_EQ(credentials.find(url("http://localhost:3141/files/x"), false), "n:1");
  EXPECT_EQ(credentials.find(url("http://localhost:9/simple/"), false), std::nullopt);
  EXPECT_EQ(credentials.find(url("https://a:8443/"), false), "n:2");
  EXPECT_EQ(credentials.find(url("https://own.example/x"), false), "n:3");
  EXPECT_EQ(credentials.find(url("https://other.example/x"), false), std::nullopt);
}

TEST_F(CredentialsTest, WarnsAboutNetrcFiles) {
  write_netrc("machine a login u password secret", 0644);
  fs::permissions(options_.netrc, fs::perms(0644));
  EXPECT_EQ(Credentials(options_, warnings_).find(url("https://a/"), false), "u:secret");
  write_netrc("machine a\n\nlogn u password secret");
  EXPECT_EQ(Credentials(options_, warnings_).find(url("https://a/"), false), std::nullopt);
  EXPECT_THAT(warnings_.told,
              ElementsAre(HasSubstr("chmod 600"), HasSubstr("`logn` is not a keyword in line 3")));
  options_.netrc = temp_.path() / "none";
  Credentials(options_, warnings_);
  EXPECT_EQ(warnings_.told.size(), 2U);
}

TEST_F(CredentialsTest, TheKeyringIsAskedOnceAndRemembered) {
  write_keyring(R"(test "$4" = a && echo '{"username": "k", "password": "kp"}' || exit 1)");
  options_.indexes = {url("https://u:old@a/simple/")};
  Credentials credentials(options_, warnings_);
  EXPECT_EQ(credentials.find(url("https://a/simple/x/"), false), "u:old");
  EXPECT_EQ(credentials.find(url("https://a/simple/x/"), true), "k:kp");
  EXPECT_EQ(credentials.find(url("https://a/simple/y/"), true), "k:kp");
  EXPECT_EQ(credentials.find(url("https://a/files/y"), false), "k:kp");
  EXPECT_EQ(calls(),
            "--mode=creds --output=json get https://a/simple/ u\n"
            "--mode=creds --output=json get a u\n");
  EXPECT_EQ(credentials.find(url("https://b/x"), true), std::nullopt);
  EXPECT_EQ(credentials.find(url("https://b/x"), true), std::nullopt);
  EXPECT_THAT(calls(), ::testing::EndsWith("get a u\n--mode=creds --output=json get b\n"));
}

TEST_F(CredentialsTest, OldKeyringsAreAskedTheOldWay) {
  write_keyring(R"(test "$1" = get && echo "pw of $3" || exit 2)");
  options_.indexes = {url("https://user@a/simple/")};
  EXPECT_EQ(Credentials(options_, warnings_).find(url("https://a/x"), true), "user:pw of user");
}

TEST_F(CredentialsTest, APersonIsAskedLastAndOnce) {
  write_keyring("exit 1");
  options_.indexes = {url("https://a/simple/"), url("https://known@b/simple/")};
  std::vector<std::string> asked;
  options_.prompt = [&](const std::string& place, const std::string& user) -> std::optional<std::string> {
    asked.push_back(place + " " + user);
    return user.empty() ? std::optional<std::string>("me:pw") : std::nullopt;
  };
  Credentials credentials(options_, warnings_);
  EXPECT_EQ(credentials.find(url("https://a/simple/foo/"), false), std::nullopt);
  EXPECT_EQ(credentials.find(url("https://a/simple/foo/"), true), "me:pw");
  EXPECT_EQ(credentials.find(url("https://a/files/x.whl"), true), "me:pw");
  EXPECT_EQ(credentials.find(url("https://b/simple/foo/"), true), std::nullopt);
  EXPECT_EQ(credentials.find(url("https://b/simple/bar/"), true), std::nullopt);
  EXPECT_EQ(asked, (std::vector<std::string>{"https://a ", "https://b known"}));
}

TEST_F(CredentialsTest, OpensADoorOverHttp) {
  testing::LoopbackServer server;
  testing::LoopbackResource page;
  page.body = "inside";
  page.user_password = "k:kp";
  server.serve("/simple/x/", page);
  server.serve("/simple/y/", page);
  write_keyring(R"(echo '{"username": "k", "password": "kp"}')");
  options_.indexes = {server.url("/simple/")};
  Credentials credentials(options_, warnings_);
  HttpOptions options;
  options.credentials = [&](const Url& asked, bool again) { return credentials.find(asked, again); };
  HttpClient client(options);
  for (const char* path : {"/simple/x/", "/simple/y/"}) {
    HttpRequest request;
    request.url = server.url(path);
    EXPECT_EQ(client.get(request).body, "inside");
  }
  EXPECT_EQ(server.count("/simple/x/"), 2U);
  EXPECT_EQ(server.count("/simple/y/"), 1U);
}

}  // namespace
}  // namespace moat
