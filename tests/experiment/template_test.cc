// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/rng.h"
#include "tests/experiment/support.h"

namespace qalam {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const Assignments kValues = {{"lr", "0.03"}, {"layers", "4"}, {"opt", "adam"}};

ExperimentSpec Good() { return *ReadSpec(kGoodExperiment).spec; }

const Node& Container(const Node& manifest) {
  return manifest.FindPath({"spec", "template", "spec", "containers"})->items[0];
}

TEST(RenderTrial, ValuesStandWhereThePlaceholdersStood) {
  const Result<Node> manifest = RenderTrial(Good(), "good-bcdfghjk", kValues);
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  EXPECT_EQ(ToJson(*Container(*manifest).Find("command")), R"(["python3","train.py","--lr=0.03","4"])");
  EXPECT_EQ(ToJson(*Container(*manifest).Find("args")), R"(["adam"])");
  EXPECT_EQ(ToJson(*manifest->Find("metadata")), R"({"name":"good-bcdfghjk","namespace":"default"})");
  EXPECT_EQ(manifest->entries[2].key, "metadata");
}

// Katib replaces text in JSON: a quote breaks it, and what a value holds may be replaced again.
TEST(RenderTrial, RandomTextArrivesByteForByte) {
  static const std::vector<std::string> kPieces = {"a",
                                                   "\"",
                                                   "'",
                                                   "\\",
                                                   "{",
                                                   "}",
                                                   "$",
                                                   "${trialParameters.lr}",
                                                   "${trialParameters.opt}",
                                                   "${trialParameters.",
                                                   "\n",
                                                   "\t",
                                                   "\r",
                                                   " ",
                                                   "`",
                                                   ";",
                                                   "$(x)",
                                                   "&&",
                                                   ": ",
                                                   " #",
                                                   "é",
                                                   "日",
                                                   "\xFF",
                                                   "\xC2",
                                                   "%s",
                                                   "{}",
                                                   "null",
                                                   "0x1F",
                                                   "\\u0041",
                                                   "${trialSpec.Name}",
                                                   "-",
                                                   "...",
                                                   "---",
                                                   "*a",
                                                   "&a",
                                                   "!t",
                                                   "|",
                                                   std::string(1, '\0')};
  const ExperimentSpec spec = Good();
  Rng rng(7, "values", 0);
  const auto random_text = [&] {
    std::string text;
    for (std::uint64_t n = rng.Below(12); n > 0; --n) {
      text +=
          rng.Below(4) == 0 ? std::string(1, static_cast<char>(rng.Below(256))) : kPieces[rng.Below(kPieces.size())];
    }
    return text;
  };
  for (int i = 0; i < 10'000; ++i) {
    const Assignments values = {{"lr", random_text()}, {"layers", random_text()}, {"opt", random_text()}};
    const Result<Node> manifest = RenderTrial(spec, "t", values);
    ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
    const Node& command = *Container(*manifest).Find("command");
    ASSERT_EQ(command.items[2].text, "--lr=" + values[0].value);
    ASSERT_EQ(command.items[3].text, values[1].value);
    ASSERT_EQ(Container(*manifest).Find("args")->items[0].text, values[2].value);
    ASSERT_EQ(command.items[3].kind, Node::Kind::kString);
  }
}

TEST(RenderTrial, AValueIsNotLookedAtAgain) {
  const Result<Node> manifest =
      RenderTrial(Good(), "t", {{"lr", "${trialParameters.opt}"}, {"layers", "${trialParameters.x}"}, {"opt", "}"}});
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  EXPECT_EQ(Container(*manifest).Find("command")->items[2].text, "--lr=${trialParameters.opt}");
  EXPECT_EQ(Container(*manifest).Find("command")->items[3].text, "${trialParameters.x}");
}

TEST(RenderTrial, AMissingValueIsNamed) {
  const Result<Node> manifest = RenderTrial(Good(), "t", {{"lr", "1"}, {"opt", "sgd"}});
  ASSERT_FALSE(manifest.ok());
  EXPECT_EQ(manifest.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(manifest.status().message(), HasSubstr("${trialParameters.layers} has no value"));
}

TEST(RenderTrial, AValueThatNobodyWantsIsNoFault) {
  Assignments values = kValues;
  values.push_back({"unused", "1"});
  EXPECT_TRUE(RenderTrial(Good(), "t", values).ok());
}

TEST(RenderTrial, ReferencesToTheTemplateItself) {
  std::string text = Changed(
      "      kind: Job\n",
      "      kind: Job\n      metadata: {labels: {team: \"a ${trialParameters.lr}\"}, annotations: {a.b/c: note}}\n");
  text = With(text, "      - name: opt\n        reference: opt\n",
              "      - {name: n, reference: \"${trialSpec.Name}\"}\n"
              "      - {name: ns, reference: \"${trialSpec.Namespace}\"}\n"
              "      - {name: k, reference: \"${trialSpec.Kind}\"}\n"
              "      - {name: v, reference: \"${trialSpec.APIVersion}\"}\n"
              "      - {name: l, reference: \"${trialSpec.Labels[team]}\"}\n"
              "      - {name: a, reference: \"${trialSpec.Annotations[a.b/c]}\"}\n");
  text = With(text, "${trialParameters.opt}",
              "${trialParameters.n} ${trialParameters.ns} ${trialParameters.k} ${trialParameters.v} "
              "${trialParameters.l} ${trialParameters.a}");
  const Reading reading = ReadSpec(With(text, "name: good", "name: good\n  namespace: ml"));
  ASSERT_TRUE(reading.spec) << Lines(reading.faults);
  const Result<Node> manifest = RenderTrial(*reading.spec, "good-1", kValues);
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  EXPECT_EQ(Container(*manifest).Find("args")->items[0].text, "good-1 ml Job batch/v1 a ${trialParameters.lr} note")
      << "a label's text is a value as any other: not replaced again";
  EXPECT_EQ(manifest->FindPath({"metadata", "labels", "team"})->text, "a 0.03");
  EXPECT_EQ(manifest->FindPath({"metadata", "name"})->text, "good-1");
}

TEST(RenderTrial, KeysAreReplacedTooAndMayNotCollide) {
  const std::string text = Changed("restartPolicy: Never", "nodeSelector: {\"${trialParameters.opt}\": x, adam: y}");
  const ExperimentSpec spec = *ReadSpec(text).spec;
  EXPECT_EQ(RenderTrial(spec, "t", {{"lr", "1"}, {"layers", "1"}, {"opt", "sgd"}})
                ->FindPath({"spec", "template", "spec", "nodeSelector", "sgd"})
                ->text,
            "x");
  const Result<Node> collision = RenderTrial(spec, "t", kValues);
  ASSERT_FALSE(collision.ok());
  EXPECT_THAT(collision.status().message(), HasSubstr("the key 'adam' is there twice"));
}

// spec.trialTemplate.configMap: the template is YAML text.
class FromConfigMap : public testing::Test {
 protected:
  Reading Read(const std::string& job) {
    Node data = Node::Map();
    data.Set("job.yaml", Node::String(job));
    Node map = Node::Map();
    map.Set("kind", Node::String("ConfigMap"));
    map.Set("metadata", Node::Map()).Set("name", Node::String("templates"));
    map.Set("data", std::move(data));
    documents_ = {map};
    SpecContext context = BuiltIn();
    context.documents = &documents_;
    std::string text(kGoodExperiment);
    text.replace(text.find("    trialSpec:"), std::string::npos,
                 "    configMap: {configMapName: templates, templatePath: job.yaml}\n");
    return ReadSpec(text, context);
  }
  std::vector<Node> documents_;
};

constexpr const char* kJob =
    "# a comment with a brace {\n"
    "apiVersion: batch/v1\n"
    "kind: Job\n"
    "spec:\n"
    "  parallelism: ${trialParameters.layers}\n"
    "  quoted: \"${trialParameters.layers}\"\n"
    "  single: '${trialParameters.opt}'\n"
    "  plain: ${trialParameters.opt}\n"
    "  longer: --lr=${trialParameters.lr}\n"
    "  twice: ${trialParameters.lr}${trialParameters.lr}\n"
    "  flow: [--lr, ${trialParameters.lr}, {n: ${trialParameters.layers}}]\n"
    "  block: |\n"
    "    ${trialParameters.layers}\n";

TEST_F(FromConfigMap, AnUnquotedPlaceholderTakesTheTypeOfItsValue) {
  const Reading reading = Read(kJob);
  ASSERT_TRUE(reading.spec) << Lines(reading.faults);
  EXPECT_EQ(Lines(reading.faults), "");
  const Result<Node> manifest = RenderTrial(*reading.spec, "t", {{"lr", "0.03"}, {"layers", "4"}, {"opt", "true"}});
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  EXPECT_EQ(ToJson(*manifest->Find("spec")),
            R"({"parallelism":4,"quoted":"4","single":"true","plain":true,"longer":"--lr=0.03","twice":"0.030.03",)"
            R"("flow":["--lr",0.03,{"n":4}],"block":"4\n"})");
}

TEST_F(FromConfigMap, ValuesCannotBreakTheYaml) {
  const Reading reading = Read(kJob);
  const std::string evil = "x\n  injected: {a: [\"'";
  const Result<Node> manifest = RenderTrial(*reading.spec, "t", {{"lr", evil}, {"layers", ": - #"}, {"opt", evil}});
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  const Node& spec = *manifest->Find("spec");
  EXPECT_EQ(spec.Find("injected"), nullptr);
  EXPECT_EQ(spec.Find("plain")->text, evil);
  EXPECT_EQ(spec.Find("longer")->text, "--lr=" + evil);
  EXPECT_EQ(spec.Find("parallelism")->text, ": - #");
  EXPECT_EQ(spec.Find("block")->text, ": - #\n");
}

TEST_F(FromConfigMap, TheTextIsKeptSoThatARestartNeedsNoFile) {
  const Reading reading = Read(kJob);
  const Result<Node> stored = ReadJson(ToJson(ToDocument(*reading.spec)));
  ASSERT_TRUE(stored.ok());
  Diagnostics faults;
  const auto again = ReadExperiment(*stored, {}, &faults);
  ASSERT_TRUE(again) << Lines(faults);
  EXPECT_THAT(DifferingFields(*reading.spec, *again), IsEmpty());
  EXPECT_EQ(again->trial_template.config_map_text, kJob);
  EXPECT_THAT(again->annotations, IsEmpty());
  const Assignments values = {{"lr", "1"}, {"layers", "2"}, {"opt", "3"}};
  EXPECT_TRUE(SameValue(*RenderTrial(*again, "t", values), *RenderTrial(*reading.spec, "t", values)));

  ExperimentSpec other = *again;
  other.trial_template.config_map_text += "# changed\n";
  EXPECT_THAT(DifferingFields(*again, other), testing::ElementsAre("spec.trialTemplate.configMap.templatePath"));
}

TEST_F(FromConfigMap, ATemplateIsCheckedAsIfItStoodInTheFile) {
  EXPECT_THAT(Lines(Read("kind: Job\napiVersion: v1\nargs: [${trialParameters.layer}]\n").faults),
              HasSubstr("40:57: error: spec.trialTemplate.configMap.templatePath.args[0]: '${trialParameters.layer}' "
                        "is not declared"));
  EXPECT_THAT(Lines(Read("- a\n").faults), HasSubstr("the template 'job.yaml' must be a manifest, found a list"));
  EXPECT_THAT(Lines(Read("a: 1\n---\nb: 1\n").faults), HasSubstr("there are 2 documents, one is wanted"));
  EXPECT_THAT(Lines(Read("kind: Job\n").faults), HasSubstr("templatePath.apiVersion: a manifest needs apiVersion"));
}

}  // namespace
}  // namespace qalam
