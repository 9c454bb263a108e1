// SPDX-License-Identifier: Apache-2.0
#include "core/document.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace qalam {
namespace {

Node MapOf(const std::vector<std::pair<std::string, Node>>& entries) {
  Node map = Node::Map();
  for (const auto& [key, value] : entries) map.Set(key, value);
  return map;
}
Node ListOf(std::vector<Node> items) {
  Node list = Node::Sequence();
  for (Node& item : items) list.Add(std::move(item));
  return list;
}

TEST(Node, FindsSetsAndReplaces) {
  Node map = MapOf({{"spec", MapOf({{"goal", Node::Float(0.99)}})}});
  EXPECT_EQ(map.FindPath({"spec", "goal"})->text, "0.99");
  EXPECT_EQ(map.FindPath({}), &map);
  EXPECT_EQ(map.FindPath({"spec", "goal", "deeper"}), nullptr);
  EXPECT_EQ(map.Find("status"), nullptr);
  map.Set("kind", Node::String("Trial"));
  Node& kept = map.Set("spec", Node::Int(3));
  EXPECT_EQ(&kept, map.Find("spec"));
  EXPECT_EQ(ToJson(map), R"({"spec":3,"kind":"Trial"})");
}

TEST(Node, FloatsReadBackAsFloats) {
  const auto text = [](double value) { return Node::Float(value).text; };
  EXPECT_EQ(text(0.1), "0.1");
  EXPECT_EQ(text(1), "1.0");
  EXPECT_EQ(text(-0.0), "-0.0");
  EXPECT_EQ(text(1e300), "1.0e+300");
  EXPECT_EQ(text(5e-324), "5.0e-324");
  EXPECT_EQ(Node::Float(1).kind, Node::Kind::kFloat);
  EXPECT_EQ(Node::Float(std::nan("")).kind, Node::Kind::kString);
  EXPECT_EQ(text(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(text(-std::numeric_limits<double>::infinity()), "-Infinity");
}

TEST(Json, IsPrintedInOneLineOrIndented) {
  const Node node = MapOf({{"a", ListOf({Node::Int(1), Node(), Node::Bool(true)})},
                           {"b", Node::Map()},
                           {"c", Node::Sequence()},
                           {"d", MapOf({{"e", Node::String("x")}})}});
  EXPECT_EQ(ToJson(node), R"({"a":[1,null,true],"b":{},"c":[],"d":{"e":"x"}})");
  EXPECT_EQ(ToJson(node, 2),
            "{\n  \"a\": [\n    1,\n    null,\n    true\n  ],\n  \"b\": {},\n  \"c\": [],\n  \"d\": {\n"
            "    \"e\": \"x\"\n  }\n}");
}

TEST(Json, StringsAreEscapedAndAlwaysUtf8) {
  const auto json = [](std::string text) { return ToJson(Node::String(std::move(text))); };
  EXPECT_EQ(json("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
  EXPECT_EQ(json(std::string("\0\x1b\x7f", 3)), R"("\u0000\u001b\u007f")");
  EXPECT_EQ(json("gr\u00fc\u00df \u65e5 \U0001F600"), "\"gr\u00fc\u00df \u65e5 \U0001F600\"");
  EXPECT_EQ(json("\xff"
                 "a\xc3"),
            "\"\uFFFDa\uFFFD\"");
  EXPECT_EQ(json("\xed\xa0\x80"), "\"\uFFFD\uFFFD\uFFFD\"");  // a surrogate
  EXPECT_EQ(json("\xc0\xaf"), "\"\uFFFD\uFFFD\"");            // overlong
}

TEST(Json, NumbersOfYamlBecomeNumbersOfJson) {
  const auto number = [](Node::Kind kind, const char* text) { return ToJson(Node::Scalar(kind, text)); };
  EXPECT_EQ(number(Node::Kind::kFloat, "1e999"), "\"1e999\"") << "no reader of JSON takes it";
  EXPECT_EQ(number(Node::Kind::kInt, "007"), "7");
  EXPECT_EQ(number(Node::Kind::kInt, "+1"), "1");
  EXPECT_EQ(number(Node::Kind::kInt, "-0x1F"), "-31");
  EXPECT_EQ(number(Node::Kind::kInt, "0o17"), "15");
  EXPECT_EQ(number(Node::Kind::kInt, "123456789012345678901234567890"), "123456789012345678901234567890");
  EXPECT_EQ(number(Node::Kind::kFloat, "0.10"), "0.10");
  EXPECT_EQ(number(Node::Kind::kFloat, ".5"), "0.5");
  EXPECT_EQ(number(Node::Kind::kFloat, "-1."), "-1");
  EXPECT_EQ(number(Node::Kind::kFloat, ".inf"), "\".inf\"");
  EXPECT_EQ(number(Node::Kind::kBool, "True"), "true");
}

TEST(Yaml, LooksLikeKubectls) {
  const Node node =
      MapOf({{"apiVersion", Node::String("kubeflow.org/v1beta1")},
             {"metadata", MapOf({{"name", Node::String("mnist-1")}, {"labels", Node::Map()}})},
             {"spec",
              MapOf({{"goal", Node::Float(0.99)},
                     {"parameters", ListOf({MapOf({{"feasibleSpace", MapOf({{"max", Node::String("0.05")},
                                                                            {"list", ListOf({Node::String("sgd")})}})},
                                                   {"name", Node::String("lr")}}),
                                            ListOf({Node::Int(1), ListOf({Node::Int(2)})}), Node::Sequence()})},
                     {"script", Node::String("import os\nprint(1)\n")},
                     {"nothing", Node()}})}});
  EXPECT_EQ(ToYaml(node), R"(apiVersion: kubeflow.org/v1beta1
metadata:
  name: mnist-1
  labels: {}
spec:
  goal: 0.99
  parameters:
  - feasibleSpace:
      max: "0.05"
      list:
      - sgd
    name: lr
  - - 1
    - - 2
  - []
  script: |
    import os
    print(1)
  nothing: null
)");
}

TEST(Yaml, AStringThatWouldReadAsAnotherKindIsQuoted) {
  for (const char* text : {"",           "~",     "null",
                           "Null",       "NULL",  "true",
                           "False",      "yes",   "No",
                           "on",         "OFF",   "y",
                           "N",          "1",     "-1",
                           "+1",         "0.5",   ".5",
                           "5.",         "1e3",   "1e-3",
                           "1E+5",       "0x1",   "0xFF",
                           "0o17",       "017",   "0b101",
                           "1_000",      "1:30",  "1:30:00.5",
                           ".inf",       "-.INF", ".NaN",
                           "nan",        "inf",   "<<",
                           "2026-01-02", "=",     "2026-01-02T15:04:05Z",
                           "2026-1-2",   "0x1p3"})
    EXPECT_EQ(ToYaml(Node::String(text)), '"' + std::string(text) + "\"\n");
}

TEST(Yaml, AStringThatReadsAsItselfIsPlain) {
  for (const char* text : {"a",        "mnist-1",
                           "1.2.3",    "127.0.0.1",
                           "nope",     "trueish",
                           "e3",       "0xZZ",
                           "10Gi",     "500m",
                           "a:b",      "a#b",
                           "-x",       "--lr=${trialParameters.lr}",
                           "?x",       "docker.io/kubeflowkatib/mnist:v1",
                           "/opt/x y", "it's",
                           "5 apples", "gr\u00fc\u00df",
                           "2026-x",   "sha256:0a1b",
                           "a \"b\"",  "~a",
                           "12-34",    "v=1"}) {
    EXPECT_EQ(ToYaml(Node::String(text)), std::string(text) + "\n");
  }
}

TEST(Yaml, PunctuationThatYamlWouldTakeIsSingleQuoted) {
  for (const char* text :
       {" a", "a ", "a: b", "a #b", "a:", "- a", "-",  "? a", ":",     ": a", "[a]",   "{a}", "#a", "&a",
        "*a", "!a", "|",    ">",    "%a", "@a",  "`a", ",a",  "\"a\"", "---", "--- a", "...", "]",  "}"})
    EXPECT_EQ(ToYaml(Node::String(text)), '\'' + std::string(text) + "'\n");
  EXPECT_EQ(ToYaml(Node::String("'a': b")), "'''a'': b'\n");
}

TEST(Yaml, ControlCharactersAreEscaped) {
  EXPECT_EQ(ToYaml(Node::String(std::string("a\0b", 3))), "\"a\\u0000b\"\n");
  EXPECT_EQ(ToYaml(Node::String("a\tb")), "\"a\\tb\"\n");
  EXPECT_EQ(ToYaml(Node::String("a\x1b[31m\nb")), "\"a\\u001b[31m\\nb\"\n");
  EXPECT_EQ(ToYaml(Node::String("a\r\nb")), "\"a\\r\\nb\"\n");
  EXPECT_EQ(ToYaml(Node::String("\u0085")), "\"\\u0085\"\n");
  EXPECT_EQ(ToYaml(Node::String("\uFFFE")), "\"\\ufffe\"\n");
  EXPECT_EQ(ToYaml(Node::String("\u2028")), "\"\\u2028\"\n");
  EXPECT_EQ(ToYaml(Node::String("\uFEFFa")), "\"\\ufeffa\"\n");
}

TEST(Yaml, LinesAreALiteralBlockWhereItKeepsThem) {
  const auto yaml = [](const char* text) { return ToYaml(MapOf({{"k", Node::String(text)}})); };
  EXPECT_EQ(yaml("a\nb"), "k: |-\n  a\n  b\n");
  EXPECT_EQ(yaml("a\nb\n"), "k: |\n  a\n  b\n");
  EXPECT_EQ(yaml("a\n\n  b: #\n\n"), "k: |+\n  a\n\n    b: #\n\n");
  EXPECT_EQ(yaml("a\n\tb"), "k: |-\n  a\n  \tb\n");
  EXPECT_EQ(yaml("\na"), "k: \"\\na\"\n");
  EXPECT_EQ(yaml(" a\nb"), "k: \" a\\nb\"\n");
  EXPECT_EQ(yaml("\n"), "k: \"\\n\"\n");
  EXPECT_EQ(ToYaml(ListOf({Node::String("a\nb")})), "- |-\n  a\n  b\n");
}

TEST(Yaml, KeysAreQuotedAsValuesAre) {
  EXPECT_EQ(ToYaml(MapOf({{"true", Node::Int(1)}, {"a: b", Node::Int(2)}, {"x\ny", Node::Int(3)}, {"", Node::Int(4)}})),
            "\"true\": 1\n'a: b': 2\n\"x\\ny\": 3\n\"\": 4\n");
  const std::string key(2000, 'k');
  EXPECT_EQ(ToYaml(MapOf({{"a", MapOf({{key, Node::Int(1)}})}})), "a:\n  ? " + key + "\n  : 1\n");
}

TEST(SameValue, IgnoresPlacesAndKeyOrderAndNothingElse) {
  Node a = MapOf({{"x", Node::Int(1)}, {"y", ListOf({Node::Int(1), Node::Int(2)})}});
  Node b = MapOf({{"y", ListOf({Node::Int(1), Node::Int(2)})}, {"x", Node::Int(1)}});
  b.position = {3, 4};
  EXPECT_TRUE(SameValue(a, b));
  EXPECT_FALSE(SameValue(Node::Int(1), Node::String("1")));
  EXPECT_FALSE(SameValue(Node::Sequence(), Node::Map()));
  EXPECT_FALSE(SameValue(ListOf({Node::Int(1), Node::Int(2)}), ListOf({Node::Int(2), Node::Int(1)})));
  b.Set("x", Node::Int(2));
  EXPECT_FALSE(SameValue(a, b));
  EXPECT_FALSE(SameValue(MapOf({{"x", Node()}}), MapOf({{"y", Node()}})));
}

}  // namespace
}  // namespace qalam
