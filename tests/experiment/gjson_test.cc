// SPDX-License-Identifier: Apache-2.0
// Conditions as people write them, against what Katib's own library answers; and what they make of a trial's end.
#include "experiment/gjson.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiment/verdict.h"
#include "tests/experiment/support.h"

namespace qalam {
namespace {

using testing::HasSubstr;

Node Json(std::string_view text) {
  const Result<Node> node = ReadJson(text);
  QALAM_CHECK(node.ok(), node.status().message());
  return *node;
}

// gjson's own example document.
const char* const kFriends = R"({"name": {"first": "Tom", "last": "Anderson"}, "age": 37,
  "children": ["Sara", "Alex", "Jack"], "fav.movie": "Deer Hunter",
  "friends": [{"first": "Dale", "last": "Murphy", "age": 44, "nets": ["ig", "fb", "tw"]},
              {"first": "Roger", "last": "Craig", "age": 68, "nets": ["fb", "tw"]},
              {"first": "Jane", "last": "Murphy", "age": 47, "nets": ["ig", "tw"]}]})";

std::string Found(std::string_view path) {
  const Result<GjsonPath> parsed = GjsonPath::Parse(path);
  if (!parsed.ok()) return parsed.status().ToString();
  const std::optional<Node> found = parsed->Get(Json(kFriends));
  return found ? ToJson(*found) : "nothing";
}

TEST(Gjson, FindsWhatItsDocumentationSays) {
  const std::pair<const char*, const char*> cases[] = {
      {"name.last", R"("Anderson")"},
      {"age", "37"},
      {"children", R"(["Sara","Alex","Jack"])"},
      {"children.#", "3"},
      {"children.1", R"("Alex")"},
      {"child*.2", R"("Jack")"},
      {"c?ildren.0", R"("Sara")"},
      {R"(fav\.movie)", R"("Deer Hunter")"},
      {"friends.#.first", R"(["Dale","Roger","Jane"])"},
      {"friends.1.last", R"("Craig")"},
      {R"(friends.#(last=="Murphy").first)", R"("Dale")"},
      {R"(friends.#(last=="Murphy")#.first)", R"(["Dale","Jane"])"},
      {"friends.#(age>45)#.last", R"(["Craig","Murphy"])"},
      {R"(friends.#(first%"D*").last)", R"("Murphy")"},
      {R"(friends.#(first!%"D*").last)", R"("Craig")"},
      {R"(friends.#(nets.#(=="fb"))#.first)", R"(["Dale","Roger"])"},
      {R"(children.#(!%"*a*")#)", R"(["Alex","Jack"])"},
      {"friends.#(first).age", "44"},
      {R"(friends.#(last=="Murphy")#|0.first)", R"("Dale")"},
      {R"(friends.#(last=="Nobody")#)", "[]"},
      {R"(friends.#(last=="Nobody"))", "nothing"},
      {"[name.first,age,nobody]", R"(["Tom",37])"},
      {"@this.age", "37"},
      {"nobody.first", "nothing"},
  };
  for (const auto& [path, expected] : cases) {
    if (std::string_view(path) == R"(children.#(!%"*a*")#)") continue;  // checked below, with capitals in mind
    EXPECT_EQ(Found(path), expected) << path;
  }
  EXPECT_EQ(Found(R"(children.#(!%"*a*")#)"), R"(["Alex"])");
}

TEST(Gjson, WhatIsNoPathIsSaidWithItsPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "is empty"},
      {"a..b", "a name is missing at character 3"},
      {"a.", "a name is missing at character 3"},
      {"a.#(b==\"c)", "the quote is not closed"},
      {"a.#(b==\"c\"", "')' is missing at character 11"},
      {"a.#(b==)", "a value is missing at character 8"},
      {"a.#()", "the query is empty at character 5"},
      {"a.#x", "'(', '.' or '|' must follow '#' at character 4"},
      {"[a,b", "']' is missing"},
  };
  for (const auto& [path, expected] : cases) {
    const Result<GjsonPath> parsed = GjsonPath::Parse(path);
    ASSERT_FALSE(parsed.ok()) << path;
    EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument) << path;
    EXPECT_THAT(parsed.status().message(), HasSubstr(expected)) << path;
  }
  EXPECT_FALSE(GjsonPath::Parse(std::string(100'000, '[')).ok()) << "deep, and not a crash";
  for (const char* path : {"a.@reverse", "{a,b}", "!\"x\"", "a.#(b==~true)"}) {
    EXPECT_EQ(GjsonPath::Parse(path).status().code(), Code::kUnimplemented) << path;
  }
}

// The spec of a Job with these conditions; empty: Katib's.
ExperimentSpec Spec(const std::string& success, const std::string& failure) {
  ExperimentSpec spec = *ReadSpec(kGoodExperiment).spec;
  if (!success.empty()) spec.trial_template.success_condition = success;
  if (!failure.empty()) spec.trial_template.failure_condition = failure;
  return spec;
}

const RunEnd kWell{StepState::kSucceeded, "Completed", "exit 0"}, kBadly{StepState::kFailed, "Error", "exit 3"};

TEST(Verdict, WithKatibsConditionsTheProcessesDecide) {
  EXPECT_EQ(JudgeEnd(Spec("", ""), kWell).state, StepState::kSucceeded);
  EXPECT_EQ(JudgeEnd(Spec("", ""), kBadly).state, StepState::kFailed);
  EXPECT_EQ(JudgeEnd(Spec("", ""), kBadly).message, "exit 3");
}

TEST(Verdict, AConditionThatIsMetDecides) {
  const std::string failed = R"(status.conditions.#(type=="Failed")#|#(status=="True")#)";
  const std::string complete = R"(status.conditions.#(type=="Complete")#|#(status=="True")#)";
  const RunEnd tolerated = JudgeEnd(Spec(failed, "status.nothing"), kBadly);
  EXPECT_EQ(tolerated.state, StepState::kSucceeded);
  EXPECT_THAT(tolerated.message, HasSubstr("exit 3"));
  const RunEnd refused = JudgeEnd(Spec("", complete), kWell);
  EXPECT_EQ(refused.state, StepState::kFailed);
  EXPECT_THAT(refused.message, HasSubstr("the failureCondition is met"));
  EXPECT_EQ(JudgeEnd(Spec("status.nothing", "status.nothing"), kWell).state, StepState::kSucceeded);
  EXPECT_EQ(JudgeEnd(Spec("status.nothing", "status.nothing"), kBadly).state, StepState::kFailed);
  EXPECT_EQ(JudgeEnd(Spec(failed, ""), {StepState::kStopped, "", ""}).state, StepState::kStopped);
}

TEST(Verdict, ConditionsAreCheckedWhenTheFileIsRead) {
  const auto lines = [](const std::string& field) {
    return Lines(
        ReadSpec(Changed("    primaryContainerName: main\n", "    primaryContainerName: main\n    " + field + "\n"))
            .faults);
  };
  EXPECT_EQ(lines(R"(successCondition: 'status.conditions.#(type=="Complete")#|#(status=="True")#')"), "");
  EXPECT_THAT(lines("successCondition: 'status.conditions.#(type==\"Complete\"'"),
              HasSubstr("error: spec.trialTemplate.successCondition: GJSON path: ')' is missing"));
  EXPECT_THAT(lines(R"(successCondition: 'status.conditions.#(type=="Succeeded")#')"),
              HasSubstr("warning: spec.trialTemplate.successCondition: is not met by a Job that has succeeded"));
  EXPECT_THAT(lines(R"(failureCondition: 'status.conditions.#(type=="Complete")#')"),
              HasSubstr("warning: spec.trialTemplate.failureCondition: is met by a Job that has succeeded"));
  EXPECT_THAT(lines("successCondition: 'status.@reverse'"), HasSubstr("is not evaluated here"));
}

}  // namespace
}  // namespace qalam
