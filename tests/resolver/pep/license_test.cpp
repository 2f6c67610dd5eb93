#include "resolver/pep/license.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(LicenseExpression, OperatorsComeOutInCapitals) {
  const std::pair<const char*, const char*> cases[] = {
      {"MIT", "MIT"},
      {" mit  or apache-2.0 ", "mit OR apache-2.0"},
      {"( MIT and (BSD-3-Clause Or ISC) )", "(MIT AND (BSD-3-Clause OR ISC))"},
      {"GPL-2.0+ with Classpath-exception-2.0 AND LicenseRef-My.Own-1",
       "GPL-2.0+ WITH Classpath-exception-2.0 AND LicenseRef-My.Own-1"}};
  for (const auto& [text, want] : cases) EXPECT_EQ(normalize_license_expression(text).value(), want) << text;
}

TEST(LicenseExpression, RefusesWhatTheGrammarDoesNotHave) {
  for (const char* text : {"",
                           "()",
                           "MIT OR",
                           "OR MIT",
                           "MIT ISC",
                           "(MIT",
                           "MIT)",
                           "MIT, ISC",
                           "LicenseRef-a_b",
                           "LicenseRef-",
                           "MIT WITH",
                           "WITH x",
                           "(MIT) WITH x",
                           "MIT WITH (x)",
                           "MIT WITH x WITH y",
                           "MIT WITH x+",
                           "MIT AND OR ISC",
                           "MIT/ISC",
                           "GPL-2.0++",
                           "M\xc3\xbcT"})
    EXPECT_FALSE(normalize_license_expression(text)) << text;
}

}  // namespace
}  // namespace moat
