// SPDX-License-Identifier: Apache-2.0
// Conditions of parameters: read in every form, kept in every form, and what a trial is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/rng.h"
#include "experiment/forms.h"
#include "tests/experiment/support.h"

namespace qalam {
namespace {

using ::testing::HasSubstr;

// kGoodExperiment with other parameters, which its template all names.
ExperimentSpec With(std::vector<ParameterSpec> parameters) {
  ExperimentSpec spec = *ReadSpec(kGoodExperiment).spec;
  spec.parameters = std::move(parameters);
  spec.trial_template.parameters.clear();
  Node* at = &spec.trial_template.trial_spec;
  for (const char* step : {"spec", "template", "spec", "containers"})
    at = &std::ranges::find(at->entries, step, &Node::Entry::key)->value;
  Node command = Node::Sequence();
  command.Add(Node::String("train"));
  for (std::size_t i = 0; i < spec.parameters.size(); ++i) {
    const std::string name = "t" + std::to_string(i);
    spec.trial_template.parameters.push_back({name, "", spec.parameters[i].name});
    command.Add(Node::String("${trialParameters." + name + "}"));
  }
  at->items[0].Set("command", std::move(command));
  at->items[0].Set("args", Node::Sequence());
  return spec;
}

std::vector<ParameterSpec> RandomTree(std::uint64_t seed, bool odd_names) {
  Rng rng(seed, "test.tree", 0);
  std::vector<ParameterSpec> out;
  const std::size_t count = 2 + static_cast<std::size_t>(rng.Below(5));
  for (std::size_t i = 0; i < count; ++i) {
    ParameterSpec spec;
    spec.name = (odd_names ? std::vector<std::string>{"a: b", "#c", "d'\"e", " f", "--g", "h\\"}[i % 6] : "p") +
                std::to_string(i);
    if (rng.Below(2) == 0) {
      spec.type = ParameterType::kCategorical;
      spec.feasible.list = {"sgd", odd_names ? "a, \"b\"]" : "adam", odd_names ? "" : "c d"};
    } else {
      spec.type = rng.Below(2) == 0 ? ParameterType::kInt : ParameterType::kDouble;
      spec.feasible.min = "1", spec.feasible.max = "4";
    }
    if (i > 0 && rng.Below(3) != 0) {
      const ParameterSpec& parent = out[static_cast<std::size_t>(rng.Below(i))];
      ParameterCondition condition{parent.name, Relation::kIn, {}, std::nullopt};
      if (parent.type == ParameterType::kCategorical) {
        condition.relation = static_cast<Relation>(rng.Below(2));
        condition.values = {parent.feasible.list[static_cast<std::size_t>(rng.Below(3))]};
      } else {
        condition.relation = rng.Below(2) == 0 ? Relation::kAtLeast : Relation::kBelow;
        condition.values = {"2.5"};
      }
      if (rng.Below(2) == 0) condition.otherwise = std::vector<std::string>{"0", "", "x, y", "1e-3"}[rng.Below(4)];
      spec.condition = std::move(condition);
    }
    out.push_back(std::move(spec));
  }
  std::ranges::reverse(out);  // children before their parents
  return out;
}

std::vector<std::optional<ParameterCondition>> ConditionsOf(const std::vector<ParameterSpec>& parameters) {
  std::vector<std::optional<ParameterCondition>> out;
  for (const ParameterSpec& parameter : parameters) out.push_back(parameter.condition);
  return out;
}

TEST(Conditions, AnExperimentThatIsWrittenReadsBackWithThem) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const ExperimentSpec spec = With(RandomTree(seed, seed % 2 == 1));
    for (const std::string& text : {ToYaml(ToDocument(spec)), ToJson(ToDocument(spec))}) {
      const Reading again = ReadSpec(text);
      ASSERT_TRUE(again.spec) << text << Lines(again.faults);
      EXPECT_EQ(ConditionsOf(again.spec->parameters), ConditionsOf(spec.parameters)) << text;
      EXPECT_TRUE(DifferingFields(spec, *again.spec).empty()) << text;
    }
  }
}

TEST(Conditions, TheShortFormSaysThemToo) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const ExperimentSpec spec = With(RandomTree(seed, false));
    Diagnostics faults;
    const std::optional<Node> file = WriteShortFile(spec, &faults);
    ASSERT_TRUE(file) << Lines(faults);
    const std::string text = ToYaml(*file);
    Diagnostics again_faults;
    Node experiment;
    const std::vector<Node> documents = ReadDocuments(text, &again_faults);
    const std::optional<ExperimentSpec> again = ReadAnyForm(documents.front(), BuiltIn(), &again_faults, &experiment);
    ASSERT_TRUE(again) << text << Lines(again_faults);
    EXPECT_EQ(ConditionsOf(again->parameters), ConditionsOf(spec.parameters)) << text;
    const Reading katib = ReadSpec(ToYaml(experiment));
    ASSERT_TRUE(katib.spec) << ToYaml(experiment) << Lines(katib.faults);
    EXPECT_EQ(ConditionsOf(katib.spec->parameters), ConditionsOf(spec.parameters));
  }
}

TEST(Conditions, AGroupOfTheShortFormHasNamesOfItsOwn) {
  Diagnostics faults;
  const std::vector<Node> documents = ReadDocuments(R"yaml(run: x --kind {opt.kind} --momentum {opt.momentum}
minimize: loss
algorithm: random
parameters:
  opt: {kind: [sgd, adam], momentum: {when: kind == sgd, is: "real(0, 0.99)", else: 0
}
}
  depth: {when: opt.kind == adam, is: "int(1, 4)"}
)yaml",
                                                    &faults);
  const std::optional<ExperimentSpec> spec = ReadAnyForm(documents.front(), BuiltIn(), &faults);
  ASSERT_TRUE(spec) << Lines(faults);
  ASSERT_EQ(spec->parameters.size(), 3u);
  EXPECT_EQ(spec->parameters[1].name, "opt.momentum");
  EXPECT_EQ(ToString(*spec->parameters[1].condition), "opt.kind == sgd, else 0");
  EXPECT_EQ(ToString(*spec->parameters[2].condition), "opt.kind == adam");
}

TEST(Conditions, ATrialIsToldElseWhereAParameterIsNotActive) {
  ParameterSpec opt{"opt", ParameterType::kCategorical, {"", "", "", {"sgd", "adam"}, Distribution::kUniform}};
  ParameterSpec momentum{"momentum", ParameterType::kDouble, {"0", "1", "", {}, Distribution::kUniform}};
  ParameterSpec nesterov{"nesterov", ParameterType::kCategorical, {"", "", "", {"y", "n"}, Distribution::kUniform}};
  momentum.condition = *ParseCondition("opt == sgd, else $0");
  nesterov.condition = *ParseCondition("opt == sgd");
  const ExperimentSpec spec = With({opt, momentum, nesterov});
  const Result<Node> adam = RenderTrial(spec, "good-1", {{"opt", "adam"}});
  ASSERT_TRUE(adam.ok()) << adam.status().message();
  EXPECT_THAT(ToJson(*adam), HasSubstr(R"(["train","adam","$0",""])"));
  EXPECT_EQ(ToldAssignments(spec, {{"opt", "adam"}}), (Assignments{{"opt", "adam"}, {"momentum", "$0"}}));
  const Assignments whole = {{"opt", "sgd"}, {"momentum", "0.5"}, {"nesterov", "y"}};
  EXPECT_EQ(ToldAssignments(spec, whole), whole);
  EXPECT_FALSE(RenderTrial(spec, "good-1", {}).ok()) << "a parameter without a condition has no excuse";
}

TEST(Conditions, AnotherConditionIsAnotherExperiment) {
  const ExperimentSpec one = With(RandomTree(3, false));
  ExperimentSpec other = one;
  for (ParameterSpec& parameter : other.parameters) parameter.condition.reset();
  EXPECT_EQ(DifferingFields(one, other), std::vector<std::string>{"metadata.annotations.qalam.dev/conditions"});
}

}  // namespace
}  // namespace qalam
