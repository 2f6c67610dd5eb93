#include "fetch/download/served_name.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(ServedName, ReadsWhatAContentDispositionMayHold) {
  EXPECT_EQ(disposition_filename("attachment; filename=foo-1.0.tar.gz"), "foo-1.0.tar.gz");
  EXPECT_EQ(disposition_filename("attachment;FILENAME = \"foo; 1.0.zip\" ; size=3"), "foo; 1.0.zip");
  EXPECT_EQ(disposition_filename("inline; filename=\"a\\\"b.zip\""), "a\"b.zip");
  EXPECT_EQ(disposition_filename("attachment; filename=\"x.zip\"; filename*=UTF-8''foo%201.zip"),
            "foo 1.zip");
  for (const char* none :
       {"", "attachment", "attachment; filename=", "attachment; filename=\"../x.zip\"",
        "attachment; filename=..\\x.zip", "attachment; filename*=UTF-8''a%2Fb.zip", ";;=;", "; filename=\""})
    EXPECT_EQ(disposition_filename(none), "") << none;
}

TEST(ServedName, TheHeaderComesBeforeTheAddress) {
  HttpResponse response{.final_url = Url::parse("https://host.example/get/foo-2.0.tar.gz").value()};
  EXPECT_EQ(served_name(response), "foo-2.0.tar.gz");
  response.headers = {{"content-disposition", "attachment; filename=foo-1.0.zip"}};
  EXPECT_EQ(served_name(response), "foo-1.0.zip");
  response.headers = {{"content-disposition", "attachment; filename=page.html"}};
  EXPECT_EQ(served_name(response), "foo-2.0.tar.gz");
  response.final_url = Url::parse("https://host.example/get/7").value();
  EXPECT_EQ(served_name(response), "");
}

}  // namespace
}  // namespace moat
