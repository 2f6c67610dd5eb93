#include "fetch/index/simple_api_html.h"

#include <gtest/gtest.h>

namespace moat {
namespace {

Url url(std::string_view text) { return Url::parse(text).value(); }
const std::string kSha256(64, 'a');

ProjectPage page_of(std::string_view body, std::string_view at = "https://index.example/simple/foo/",
                    std::string_view content_type = "") {
  auto page = parse_simple_html(std::string(body), url(at), content_type);
  EXPECT_TRUE(page) << (page ? "" : page.error().message);
  return page ? std::move(*page) : ProjectPage(url(at));
}

Artifact only_artifact(const ProjectPage& page) {
  EXPECT_EQ(page.files.size(), 1U);
  return page.files.empty() ? Artifact{.url = url("https://none.example/")}
                            : page.artifact(page.files[0]).value();
}

TEST(SimpleHtml, ReadsAnAnchorWithAllItsAttributes) {
  const ProjectPage page = page_of(R"(<!DOCTYPE html><html><head>
    <meta name="pypi:repository-version" content="1.4">
    <meta name="pypi:project-status" content="deprecated">
    <meta name="pypi:project-status-reason" content="use &lt;bar&gt;">
    </head><body><a href="../../p/foo-1.0-py3-none-any.whl#sha256=)" +
                                   kSha256 + R"("
      data-requires-python="&gt;=3.8" data-core-metadata="sha256=)" +
                                   std::string(64, 'b') + R"("
      data-yanked="it &amp; broke">something else</a></body></html>)");
  EXPECT_EQ(page.status, "deprecated");
  EXPECT_EQ(page.status_reason, "use <bar>");
  const Artifact file = only_artifact(page);
  EXPECT_EQ(file.filename, "foo-1.0-py3-none-any.whl");
  EXPECT_EQ(file.url.to_string(), "https://index.example/p/foo-1.0-py3-none-any.whl");
  EXPECT_EQ(file.digests.at(0).to_string(), "sha256:" + kSha256);
  EXPECT_EQ(file.requires_python, ">=3.8");
  EXPECT_EQ(file.yanked, "it & broke");
  EXPECT_EQ(file.metadata_digest->hex, std::string(64, 'b'));
}

TEST(SimpleHtml, TheFileNameIsDecodedOnce) {
  EXPECT_EQ(only_artifact(page_of("<a href='foo-1.0%2Bcu118-py3-none-any.whl'>x</a>")).filename,
            "foo-1.0+cu118-py3-none-any.whl");
  EXPECT_EQ(only_artifact(page_of("<a href='foo-1.0+cu118-py3-none-any.whl?token=a/b'>x</a>")).filename,
            "foo-1.0+cu118-py3-none-any.whl");
  EXPECT_EQ(only_artifact(page_of("<a href='a%252Ffoo-1.0.zip'>x</a>")).filename, "a%2Ffoo-1.0.zip");
  // Decoded once this is a path: no file.
  const ProjectPage escaping = page_of("<a href='..%2F..%2Fetc%2Ffoo-1.0.zip'>x</a>");
  EXPECT_TRUE(escaping.files.empty());
  EXPECT_EQ(escaping.skipped, 1U);
}

TEST(SimpleHtml, TakesMarkupAsItComes) {
  const ProjectPage page = page_of(
      "<A HREF='foo-1.0.zip'\n>  spaced \n text </A><a>no href</a><a href=''>empty</a><a href=' '>blank</a>"
      "<!-- <a href='foo-9.0.zip'>commented out</a> --><div><p><a href=\" foo-2.0.zip \">x");
  ASSERT_EQ(page.files.size(), 2U);
  EXPECT_EQ(page.files[0].filename, "foo-1.0.zip");
  EXPECT_EQ(page.files[1].filename, "foo-2.0.zip");
}

std::vector<std::string> names_on(std::string_view body) {
  std::vector<std::string> names;
  const ProjectPage page = page_of(body);
  for (const PageFile& file : page.files) names.emplace_back(file.filename);
  return names;
}

TEST(SimpleHtml, KnowsWhatIsNoTag) {
  using Names = std::vector<std::string>;
  const std::string one = "<a href=1.zip>", two = "<a href=2.zip>";
  // Each hides `one`; `two` comes after it.
  for (const std::string& hidden :
       {"<!--" + one + "-->", "<!--" + one + "--!>", "<!-- -- > " + one + " --->", "<!" + one.substr(1),
        "<?" + one.substr(1), "</ " + one.substr(1), "</a " + one.substr(2), "<title>" + one + "</title>",
        "<TITLE>" + one + "</TiTle >", "<textarea>" + one + "</textareas></textarea/>",
        "<style>" + one + "</style>", "<script>'</scriptx>'" + one + "</script>",
        "<script><!--<script>" + one + "</script>" + one + "--></script>", "<script><!--" + one + "</script>",
        "<xmp>" + one + "</xmp>", "<iframe>" + one + "</iframe>", "<b title='" + one + "'>",
        "<b title=\"" + one + "\">", "<!DOCTYPE html PUBLIC '-//W3C//" + one.substr(1)})
    EXPECT_EQ(names_on(hidden + two), Names{"2.zip"}) << hidden;
  // And none of these hides anything.
  for (const std::string open :
       {"<!-->", "<!--->", "<!---->", "<!>", "<?>", "</>", "<>", "< ", "<1", "<b/>", "<b title='>' x>",
        "<noscript>", "<svg/>", "<script><!--<script></script>--></script>", "<script><!--></script>",
        "a > b </b c='>'>"})
    EXPECT_EQ(names_on(open + one + two), (Names{"1.zip", "2.zip"})) << open;
  // What never ends holds the rest.
  for (const std::string open :
       {"<!--", "<title>", "<script>", "<plaintext>", "<b title='", "<b ", "</b x=\""})
    EXPECT_EQ(names_on(one + open + two), Names{"1.zip"}) << open;
}

TEST(SimpleHtml, ReadsAttributesAsTheStandardDoes) {
  const auto yanked = [](std::string_view attributes) {
    return only_artifact(page_of("<a href=foo-1.0.zip " + std::string(attributes) + ">x</a>")).yanked;
  };
  EXPECT_EQ(yanked("data-yanked=a data-yanked=b"), "a");  // the first
  EXPECT_EQ(yanked("DATA-YANKED = 'a'"), "a");
  EXPECT_EQ(yanked("data-yanked=a/b"), "a/b");
  EXPECT_EQ(yanked("data-yanked='a'class=b"), "a");
  EXPECT_EQ(yanked("/data-yanked/"), "");
  EXPECT_EQ(yanked("data-yanked= "), "");
  EXPECT_EQ(yanked("=x data-yanked"), "");
  EXPECT_EQ(yanked("data-yanked='a\r\nb\rc'"), "a\nb\nc");
  EXPECT_EQ(yanked(std::string_view("data-yanked='a\0b'", 17)),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(yanked("data-yanked='a\xFF"
                   "b\xC3\xA9'"),
            "a\xEF\xBF\xBD"
            "b\xC3\xA9");
  for (const auto& [written, meant] : std::initializer_list<std::pair<const char*, const char*>>{
           {"&amp;&lt;&gt;&quot;&#39;&apos;", "&<>\"''"},
           {"&AMP &ampx &amp= &copy=1 &copy 1", "& &ampx &amp= &copy=1 \xC2\xA9 1"},
           {"&hellip;&mdash;&NotEqualTilde;", "\xE2\x80\xA6\xE2\x80\x94\xE2\x89\x82\xCC\xB8"},
           {"&hellip &nosuch; &; &", "&hellip &nosuch; &; &"},
           {"&notit;&notin;", "&notit;\xE2\x88\x89"},
           {"&#65&#x42;&#X43;&#;&#x;", "ABC&#;&#x;"},
           {"&#0;&#xD800;&#99999999999;&#x80;", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xE2\x82\xAC"}})
    EXPECT_EQ(yanked("data-yanked=\"" + std::string(written) + "\""), meant) << written;
}

TEST(SimpleHtml, APageOfNothingButBeginningsCostsNothing) {
  for (const std::string_view piece :
       {"<a ", "<!--", "<!--x-->", "&zz", "<a x=", "<a href='&amp", "<title>", "</", "<script><!--"}) {
    std::string page = "<b title='";
    page.pop_back();
    while (page.size() < 5'000'000) page += piece;
    EXPECT_TRUE(page_of(page).files.empty()) << piece;
  }
}

TEST(SimpleHtml, SpacesInsideAnHrefAreEncoded) {
  const Artifact file = only_artifact(page_of("<a href=' my files/foo 1.0.zip '>x</a>"));
  EXPECT_EQ(file.filename, "foo 1.0.zip");
  EXPECT_EQ(file.url.to_string(), "https://index.example/simple/foo/my%20files/foo%201.0.zip");
}

TEST(SimpleHtml, TheFirstBaseCounts) {
  const ProjectPage page = page_of(
      "<head><base href='/mirror/'><base href='https://evil.example/'></head><a href='foo-1.0.zip'>x</a>");
  EXPECT_EQ(only_artifact(page).url.to_string(), "https://index.example/mirror/foo-1.0.zip");
}

TEST(SimpleHtml, YankedCountsByItsPresence) {
  EXPECT_EQ(only_artifact(page_of("<a href='foo-1.0.zip' data-yanked>x</a>")).yanked, "");
  EXPECT_EQ(only_artifact(page_of("<a href='foo-1.0.zip' DATA-YANKED=''>x</a>")).yanked, "");
  EXPECT_EQ(only_artifact(page_of("<a href='foo-1.0.zip'>x</a>")).yanked, std::nullopt);
}

TEST(SimpleHtml, CoreMetadataWinsOverItsOlderSpelling) {
  const auto file = [](const std::string& attributes) {
    return only_artifact(page_of("<a href='foo-1.0.zip' " + attributes + ">x</a>"));
  };
  EXPECT_TRUE(file("data-dist-info-metadata=true").has_metadata_file);
  EXPECT_TRUE(file("data-core-metadata=true data-dist-info-metadata=false").has_metadata_file);
  EXPECT_FALSE(file("data-core-metadata=false data-dist-info-metadata=true").has_metadata_file);
  EXPECT_EQ(file("data-dist-info-metadata=sha256=" + kSha256).metadata_digest->hex, kSha256);
}

TEST(SimpleHtml, FragmentsMayHoldMoreThanAHash) {
  EXPECT_EQ(
      only_artifact(page_of("<a href='foo-1.0.zip#egg=foo&sha256=" + kSha256 + "'>x</a>")).digests.size(),
      1U);
  EXPECT_TRUE(only_artifact(page_of("<a href='foo-1.0.zip#egg=foo'>x</a>")).digests.empty());
  EXPECT_TRUE(only_artifact(page_of("<a href='foo-1.0.zip#sha256=zz'>x</a>")).digests.empty());
}

TEST(SimpleHtml, ACaptivePortalIsNoEmptyProject) {
  const auto portal = parse_simple_html(
      "<html><head><title>Welcome</title></head><body><form action='/login'><input name=u></form>"
      "<a href='/'>home</a></body></html>",
      url("https://index.example/simple/foo/"));
  ASSERT_FALSE(portal);
  EXPECT_NE(portal.error().message.find("captive portal"), std::string::npos);
  EXPECT_FALSE(
      parse_simple_html("<script>go()</script><a href='/login'>log in</a><a href='terms.html'>terms</a>",
                        url("https://index.example/simple/foo/")));
  EXPECT_EQ(page_of("<script src='stats.js'></script><a href='foo-1.0.tar.gz'>x</a>").files.size(), 1U);
  EXPECT_TRUE(page_of("<html><body><h1>Links for foo</h1></body></html>").files.empty());
}

TEST(SimpleHtml, RefusesAnotherMajorVersion) {
  EXPECT_FALSE(
      parse_simple_html("<meta name='pypi:repository-version' content='2.0'><a href='foo-1.0.zip'>x</a>",
                        url("https://index.example/simple/foo/")));
  EXPECT_EQ(page_of("<META NAME='pypi:repository-version' CONTENT='1.42'>").newer_api, "1.42");
}

// "é" is one byte in windows-1252, two in UTF-8.
TEST(SimpleHtml, ReadsPagesInTheCharsetThatTheServerOrThePageNames) {
  const auto read = [](std::string_view body, std::string_view type) {
    return only_artifact(page_of(body, "https://index.example/simple/foo/", type));
  };
  const std::string latin = "<a href='d\xE9p\xF4t/foo-1.0.zip' data-yanked='cass\xE9'>f\xF6\xF6</a>";
  const std::string utf8 = "<a href='d\xC3\xA9p\xC3\xB4t/foo-1.0.zip' data-yanked='cass\xC3\xA9'>x</a>";
  for (const char* type : {"text/html; charset=iso-8859-1", "text/html;CHARSET=\"Windows-1252\"; x=y"}) {
    EXPECT_EQ(read(latin, type).url.to_string(),
              "https://index.example/simple/foo/d%C3%A9p%C3%B4t/foo-1.0.zip");
    EXPECT_EQ(read(latin, type).yanked, "cass\xC3\xA9");
  }
  for (const char* meta : {"<meta charset=latin1>", "<META CHARSET = 'cp1252'>",
                           "<meta http-equiv='Content-Type' content='text/html; charset=ISO-8859-15'>",
                           "<!-- <meta charset=utf-8> --><meta charset=latin1>"})
    EXPECT_EQ(read(meta + latin, "text/html").yanked, "cass\xC3\xA9") << meta;
  // The server's word comes before the page's, a byte order mark before both, UTF-8 where nobody says
  // anything.
  EXPECT_EQ(read("<meta charset=latin1>" + utf8, "text/html; charset=utf-8").yanked, "cass\xC3\xA9");
  EXPECT_EQ(read("\xEF\xBB\xBF" + utf8, "text/html; charset=latin1").yanked, "cass\xC3\xA9");
  EXPECT_EQ(read(utf8, "text/html").url.to_string(),
            read(latin, "text/html; charset=latin1").url.to_string());
}

TEST(SimpleHtml, KnowsOtherCharsetsAndSaysWhichItDoesNot) {
  const auto yanked = [](std::string_view body, std::string_view charset) {
    return only_artifact(
               page_of(body, "https://index.example/", "text/html; charset=" + std::string(charset)))
        .yanked;
  };
  EXPECT_EQ(yanked("<a href=foo-1.0.zip data-yanked='\xC4\xC1'>x</a>", "koi8-r"), "\xD0\xB4\xD0\xB0");
  EXPECT_EQ(yanked("<a href=foo-1.0.zip data-yanked='\x83\x65'>x</a>", "shift_jis"), "\xE3\x83\x86");
  EXPECT_EQ(yanked("<a href=foo-1.0.zip data-yanked='\x81'>x</a>", "windows-1252"), "\xEF\xBF\xBD");
  const ProjectPage page =
      page_of("<a href=foo-1.0.zip>x</a>", "https://index.example/", "text/html; charset=klingon");
  EXPECT_EQ(page.unknown_charset, "klingon");
  EXPECT_EQ(page.files.size(), 1U);
  EXPECT_EQ(page_of("x", "https://index.example/", "text/html; charset=utf-8//TRANSLIT").unknown_charset, "");
  EXPECT_EQ(page_of("x", "https://index.example/", "text/html; charset=//").unknown_charset, "");
}

TEST(SimpleHtml, SurvivesDeepNesting) {
  std::string body;
  for (int i = 0; i < 2000; ++i) body += "<div>";
  EXPECT_EQ(page_of(body + "<a href='foo-1.0.zip'>x</a>").files.size(), 1U);
}

}  // namespace
}  // namespace moat
