#include "server/page_route.h"

#include <gmock/gmock.h>

#include <regex>
#include <set>

#include "server/api_error.h"
#include "server/page_file.h"

namespace trinity {
namespace {

using testing::HasSubstr;

HttpRequest Get(const std::string& path, const HttpHeaders& headers = {}) {
  return {"GET", path, headers, {}, {}};
}

std::string HeaderOf(const HttpResponse& response, const char* name) {
  return std::string(FindHeader(response.headers, name));
}

TEST(PageRoute, AnswersEachFileWithItsType) {
  const HttpResponse index = AnswerPage(Get("/"));
  EXPECT_EQ(index.status, 200);
  EXPECT_EQ(HeaderOf(index, "Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(index.body, testing::StartsWith("<!doctype html>"));
  const auto type = [](const char* path) {
    return HeaderOf(AnswerPage(Get(path)), "Content-Type");
  };
  EXPECT_EQ(type("/page/app.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(type("/page/page.css"), "text/css; charset=utf-8");
  EXPECT_EQ(type("/page/icon.svg"), "image/svg+xml; charset=utf-8");
}

TEST(PageRoute, HoldsTheFilesWithAllTheirBytes) {
  // A character of several bytes.
  EXPECT_THAT(AnswerPage(Get("/page/message_view.js")).body, HasSubstr("Thinking…"));
}

TEST(PageRoute, EveryAnswerForbidsWhatThePageDoesNotNeed) {
  for (const PageFile& file : PageFiles()) {
    const HttpResponse response = AnswerPage(Get(std::string(file.path)));
    const std::string policy = HeaderOf(response, "Content-Security-Policy");
    EXPECT_THAT(policy, testing::StartsWith("default-src 'none'; script-src 'self';"));
    EXPECT_THAT(policy, testing::Not(HasSubstr("unsafe")));
    EXPECT_EQ(HeaderOf(response, "X-Content-Type-Options"), "nosniff");
  }
}

TEST(PageRoute, WhatTheClientHasIsNotSentAgain) {
  const std::string tag = HeaderOf(AnswerPage(Get("/")), "ETag");
  for (const std::string& condition : {tag, "W/" + tag, "\"other\", " + tag, std::string("*")}) {
    const HttpResponse response = AnswerPage(Get("/", {{"If-None-Match", condition}}));
    EXPECT_EQ(response.status, 304) << condition;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(HeaderOf(response, "ETag"), tag);
  }
  for (const char* condition : {"", "\"other\"", "\"\""}) {
    EXPECT_EQ(AnswerPage(Get("/", {{"If-None-Match", condition}})).status, 200) << condition;
  }
}

TEST(PageRoute, RefusesPathsOfNoFile) {
  for (const char* path : {"/page/", "/page/index.html", "/page/../app.js", "/page/APP.js"}) {
    EXPECT_THROW(AnswerPage(Get(path)), ApiError) << path;
  }
}

TEST(PageRoute, EveryFileIsNamedByAnotherAndEveryNameIsAFile) {
  std::set<std::string> paths;
  std::set<std::string> named = {"/"};
  const std::regex reference(R"re((?:from |import |href=|src=)"(?:\./|page/)(\w+\.\w+)")re");
  for (const PageFile& file : PageFiles()) {
    paths.emplace(file.path);
    const std::string text(file.content);
    for (std::sregex_iterator it(text.begin(), text.end(), reference), end; it != end; ++it) {
      named.insert(std::string(kPagePrefix) + (*it)[1].str());
    }
  }
  EXPECT_EQ(named, paths);
}

}  // namespace
}  // namespace trinity
