// SPDX-License-Identifier: Apache-2.0
#include "experiment/read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "core/rng.h"
#include "tests/experiment/support.h"

namespace qalam {
namespace {

using testing::HasSubstr;

Node ReadOne(std::string_view text) {
  Diagnostics faults;
  std::vector<Node> documents = ReadDocuments(text, &faults);
  EXPECT_EQ(documents.size(), 1u) << Lines(faults);
  return documents.empty() ? Node() : documents.front();
}

std::string FaultsOf(std::string_view text, const ReadLimits& limits = {}) {
  Diagnostics faults;
  EXPECT_TRUE(ReadDocuments(text, &faults, limits).empty());
  return Lines(faults);
}

std::string Kind(const Node& node) {
  static const char* kNames[] = {"null", "bool", "int", "float", "string", "list", "map"};
  return kNames[static_cast<int>(node.kind)];
}

TEST(ReadYaml, PlainScalarsHaveTheTypesOfYamlsCoreSchema) {
  struct Case {
    const char *text, *kind, *value;
  };
  const Case cases[] = {
      {"", "null", ""},
      {"~", "null", ""},
      {"null", "null", ""},
      {"NULL", "null", ""},
      {"true", "bool", "true"},
      {"False", "bool", "false"},
      {"yes", "string", "yes"},
      {"no", "string", "no"},
      {"on", "string", "on"},
      {"y", "string", "y"},
      {"0", "int", "0"},
      {"-0", "int", "-0"},
      {"+12", "int", "12"},
      {"007", "int", "7"},
      {"0644", "int", "420"},
      {"08", "string", "08"},
      {"0x1F", "int", "31"},
      {"0o17", "int", "15"},
      {"0b1", "string", "0b1"},
      {"1_000", "string", "1_000"},
      {"0.10", "float", "0.10"},
      {".5", "float", "0.5"},
      {"5.", "float", "5.0"},
      {"-.5e3", "float", "-0.5e3"},
      {"1e-5", "float", "1e-5"},
      {"1.e5", "float", "1.0e5"},
      {"00.5", "float", "0.5"},
      {".inf", "string", ".inf"},
      {".nan", "string", ".nan"},
      {"1.2.3", "string", "1.2.3"},
      {"1e", "string", "1e"},

      {".", "string", "."},
      {"1:30", "string", "1:30"},
      {"2026-01-02", "string", "2026-01-02"},
      {"0x", "string", "0x"},
      {"123456789012345678901234567890", "int", "123456789012345678901234567890"},
      {"'1'", "string", "1"},
      {"\"true\"", "string", "true"},
      {"!!str 1", "string", "1"},
      {"!!int \"7\"", "int", "7"},
      {"! 12", "string", "12"},
      {"!!float 3", "int", "3"},
  };
  for (const Case& c : cases) {
    const Node node = *ReadOne(fmt::format("a: {}\nb: 1\n", c.text)).Find("a");
    EXPECT_EQ(Kind(node), c.kind) << c.text;
    EXPECT_EQ(node.text, c.value) << c.text;
  }
}

TEST(ReadYaml, PlacesAreLinesAndCharacters) {
  const Node node = ReadOne("é: \"日本\"\nliste: [ä, ö, {ü: 1}]\r\nblock: |\n  x\n  y\nend: &a v\n");
  const auto place = [](const Position& p) { return fmt::format("{}:{}", p.line, p.column); };
  EXPECT_EQ(place(node.entries[0].key_position), "1:1");
  EXPECT_EQ(place(node.entries[0].value.position), "1:4");
  const Node& list = node.entries[1].value;
  EXPECT_EQ(place(list.position), "2:8");
  EXPECT_EQ(place(list.items[1].position), "2:12");
  EXPECT_EQ(place(list.items[2].entries[0].key_position), "2:16");
  EXPECT_EQ(place(list.items[2].entries[0].value.position), "2:19");
  EXPECT_EQ(place(node.entries[2].value.position), "3:8");
  EXPECT_EQ(place(node.entries[3].key_position), "6:1");
}

TEST(ReadYaml, AByteOrderMarkTakesNoPlace) {
  const Node node = ReadOne(
      "\xEF\xBB\xBF"
      "a: 1\n");
  EXPECT_EQ(node.entries[0].key, "a");
  EXPECT_EQ(node.entries[0].key_position.column, 1);
}

TEST(ReadYaml, SeveralDocumentsAreReadAndEmptyOnesAreNot) {
  Diagnostics faults;
  const std::vector<Node> documents =
      ReadDocuments("# first\n---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n---\n[c]\n---\n", &faults);
  ASSERT_EQ(documents.size(), 3u) << Lines(faults);
  EXPECT_EQ(ToJson(documents[0]), R"({"a":1})");
  EXPECT_EQ(ToJson(documents[1]), R"({"b":2})");
  EXPECT_EQ(ToJson(documents[2]), R"(["c"])");
}

TEST(ReadYaml, AliasesAndMergeKeysMeanWhatYaml11Means) {
  const Node node = ReadOne(
      "base: &base {cpu: 1, memory: 2}\n"
      "more: &more {memory: 3, disk: 4}\n"
      "one: {<<: *base, cpu: 9}\n"
      "two: {gpu: 5, <<: [*more, *base]}\n"
      "list: [*base, *base]\n"
      "text: {\"<<\": kept}\n"
      "inline: {<<: {a: 1}, b: 2}\n"
      "key: &k name\n"
      "*k : by alias\n");
  EXPECT_EQ(ToJson(*node.Find("one")), R"({"cpu":9,"memory":2})");
  EXPECT_EQ(ToJson(*node.Find("two")), R"({"gpu":5,"memory":3,"disk":4,"cpu":1})");
  EXPECT_EQ(ToJson(*node.Find("list")), R"([{"cpu":1,"memory":2},{"cpu":1,"memory":2}])");
  EXPECT_EQ(ToJson(*node.Find("text")), R"({"<<":"kept"})");
  EXPECT_EQ(ToJson(*node.Find("inline")), R"({"b":2,"a":1})");
  EXPECT_EQ(node.Find("name")->text, "by alias");
  EXPECT_EQ(node.Find("two")->Find("memory")->position.line, 2) << "a merged value keeps its place";
}

TEST(ReadYaml, QuotesAndBlocksKeepTheirText) {
  const Node node = ReadOne(
      "a: 'it''s'\n"
      "b: \"tab\\t quote\\\" nul\\0 é\\u00e9 \\U0001F600\"\n"
      "c: |\n  one\n   two\n\n  'three\n"
      "d: >-\n  folded\n  text\n"
      "e: plain # comment\n"
      "f: http://x/y#z\n"
      "1: number\n"
      "true: bool\n");
  EXPECT_EQ(node.Find("a")->text, "it's");
  EXPECT_EQ(node.Find("b")->text, std::string("tab\t quote\" nul\0 éé 😀", 26));
  EXPECT_EQ(node.Find("c")->text, "one\n two\n\n'three\n");
  EXPECT_EQ(node.Find("d")->text, "folded text");
  EXPECT_EQ(node.Find("e")->text, "plain");
  EXPECT_EQ(node.Find("f")->text, "http://x/y#z");
  EXPECT_EQ(node.Find("1")->text, "number");
  EXPECT_EQ(node.Find("true")->text, "bool");
}

struct Bad {
  const char *text, *fault;
};
class BadText : public testing::TestWithParam<Bad> {};

TEST_P(BadText, IsRefusedAtItsPlaceWithASentence) {
  EXPECT_THAT(FaultsOf(GetParam().text), HasSubstr(GetParam().fault));
}

INSTANTIATE_TEST_SUITE_P(
    Yaml, BadText,
    testing::Values(
        Bad{"", "0:0: error: there is no document in it"}, Bad{"# only a comment\n---\n", "there is no document in it"},
        Bad{"a: 1\nb: 2\na: 3\n", "3:1: error: the key 'a' stands here a second time (first: line 1, column 1)"},
        Bad{"a: {b: 1, \"b\": 2}", "1:11: error: the key 'b' stands here a second time"},
        Bad{"a: \"x\nb: 2\n", "1:4: error: the quote that opens here is never closed"},
        Bad{"a: 'x\nb: 2\n", "1:4: error: the quote that opens here is never closed"},
        Bad{"a: &k 'x\n", "1:7: error: the quote that opens here is never closed"},
        Bad{"a: 'x\n---\nb: 1\n", "1:4: error: the quote that opens here is not closed before the next document"},
        Bad{"a: [1, 2\n", "1:4: error: the '[' that opens here is never closed"},
        Bad{"a: {b: 1\n", "1:4: error: the '{' that opens here is never closed"},
        Bad{"a: [1, 2\nb: 3\n", "2:2: error: a ',' or the ']' for the '[' of line 1, column 4 is expected here"},
        Bad{"a: [\"x\" \"y\"]\n", "1:9: error: a ',' or the ']'"},
        Bad{"a: {x: 1 y: 2}\n", "1:11: error: a ',' or the '}' for the '{' of line 1, column 4"},
        Bad{"a: [b, , c]\n", "1:8: error: a value is missing here"},
        Bad{"a: ]\n", "1:4: error: a value is missing here"},
        Bad{"a: \"x\" y\n", "1:8: error: this does not continue the map that begins at line 1, column 1"},
        Bad{"a: 1\n- b\n", "2:1: error: this does not continue the map that begins at line 1, column 1"},
        Bad{"- a\nb: 1\n", "2:1: error: this does not continue the list that begins at line 1, column 1"},
        Bad{"a:\n  b: 1\n c: 2\n", "3:2: error: this does not continue the map"},
        Bad{"a: b: c\n", "1:5: error: a ':' cannot stand here"},
        Bad{"a: 1\n b: 2\n", "2:3: error: a ':' cannot stand here"},
        Bad{"a: - b\n", "1:4: error: a list item ('- ') must begin on a line of its own"},
        Bad{"a: 1\nb\nc: 2\n", "2:1: error: a ':' is missing after the key of this line"},
        Bad{"\ta: 1\n", "1:1: error: a tab cannot indent"}, Bad{"a:\n\tb: 1\n", "2:1: error: a tab cannot indent"},
        Bad{"a:\n  b: 1\n\tc: 2\n", "3:1: error: a tab cannot indent a line: use spaces"},
        Bad{"a: |\n\tx\n", "2:1: error: a tab cannot indent"},
        Bad{"a: @x\n", "1:4: error: a value cannot begin with '@': put it in quotes"},
        Bad{"a: `x`\n", "1:4: error: a value cannot begin with '`'"},
        Bad{"a: %x\n", "1:4: error: a value cannot begin with '%'"},
        Bad{"a: \"\\q\"\n", "1:5: error: not an escape that double quotes know"},
        Bad{"a: \"\\ud83d\"\n", "1:7: error: not a Unicode character"},
        Bad{"{a: 1} b\n", "not JSON"},  // what begins with a brace is read as JSON
        Bad{"--- {a: 1} b\n", "1:12: error: the document has ended"},
        Bad{"a: *b\n", "1:4: error: no anchor '&b' stands before this alias"},
        Bad{"a: &x [*x]\n", "1:8: error: the alias stands inside its own anchor"},
        Bad{"a: !secret x\n", "1:4: error: the tag '!secret' is not known; known are !!str"},
        Bad{"a: !!set {b}\n", "1:4: error: the tag '!!set' is not known"},
        Bad{"a: !!int x\n", "'x' is not what its tag !!int says"},
        Bad{"a: !!binary aGk=\n", "the tag '!!binary' is not known"},
        Bad{"a: !e!x y\n", "1:4: error: the tag is not known"},
        Bad{"? [a]\n: b\n", "1:3: error: a key must be a word, not a list or a map"},
        Bad{"?\n: b\n", "1:2: error: a key is missing"}, Bad{"~: b\n", "1:1: error: a key is missing"},
        Bad{"a: {<<: 1}\n", "1:9: error: '<<' takes a map or a list of maps"},
        Bad{"%FOO bar\n---\na: 1\n", "the line is a directive that is not known"},
        Bad{"%YAML 2.0\n---\na: 1\n", "YAML 1.1 and 1.2 are read"},
        Bad{"a: \"caf\xE9\"\n", "1:8: error: the byte 0xe9 is not UTF-8 here"},
        Bad{"a: \xC0\xAF\n", "1:4: error: the byte 0xc0 is not UTF-8"},
        Bad{"a: \xED\xA0\x80\n", "the byte 0xed is not UTF-8"},
        Bad{"a: \xF4\x90\x80\x80\n", "the byte 0xf4 is not UTF-8"},
        Bad{"a: \xE2\x82", "1:4: error: the byte 0xe2 is not UTF-8"},
        Bad{"a: x\x04 y\n", "1:5: error: the character U+0004 cannot stand in YAML"}));

INSTANTIATE_TEST_SUITE_P(
    Json, BadText,
    testing::Values(Bad{"{\"a\": 1,}", "1:9: error: not JSON"},
                    Bad{"{\"a\": 1", "1:8: error: not JSON: parsing object - unexpected end of input"},
                    Bad{"{\n  \"a\": nope\n}", "2:9: error: not JSON"}, Bad{"{'a': 1}", "1:2: error: not JSON"},
                    Bad{"{\"a\": 1} {", "1:10: error: not JSON"}, Bad{"[1, 2", "not JSON"},
                    Bad{"{\"a\": {\"b\": 1,\n \"b\": 2}}",
                        "2:2: error: the key 'b' stands here a second time (first: line 1, column 8)"},
                    Bad{"{\"a\": \"\x01\"}", "not JSON"}, Bad{"{\"a\": 1e999}", "number overflow"},
                    Bad{"{\"a\": \"\\ud83d\"}", "not JSON"},
                    Bad{"{a: 1}", "(a text that begins with '{' or '[' is read as JSON)"}));

TEST(ReadJson, PlacesAndNumbersAreAsWritten) {
  const Node node = ReadOne(
      "\n {\"é\" : [1, -0, 1.50,\n  1e5, \"\\ud83d\\ude00\", true,null, {} ],\"b\":{\"c\":\"\\\"]\"} , \"d\": "
      "123456789012345678901}");
  const Node& list = *node.Find("é");
  EXPECT_EQ(ToJson(node),
            "{\"é\":[1,-0,1.50,1e5,\"😀\",true,null,{}],\"b\":{\"c\":\"\\\"]\"},\"d\":123456789012345678901}");
  const auto place = [](const Position& p) { return fmt::format("{}:{}", p.line, p.column); };
  EXPECT_EQ(place(node.position), "2:2");
  EXPECT_EQ(place(node.entries[0].key_position), "2:3");
  EXPECT_EQ(place(list.position), "2:9");
  EXPECT_EQ(place(list.items[2].position), "2:17");
  EXPECT_EQ(place(list.items[3].position), "3:3");
  EXPECT_EQ(place(list.items[5].position), "3:24");
  EXPECT_EQ(place(list.items[7].position), "3:35");
  EXPECT_EQ(place(node.Find("b")->entries[0].key_position), "3:45");
  EXPECT_EQ(place(node.Find("d")->position), "3:63");
}

TEST(ReadJson, AStoredObjectHasNoPlaces) {
  const Result<Node> node = ReadJson(R"({"a": [1, {"b": "c"}]})");
  ASSERT_TRUE(node.ok());
  EXPECT_EQ(ToJson(*node), R"({"a":[1,{"b":"c"}]})");
  EXPECT_EQ(node->Find("a")->items[1].position.line, 0);
  EXPECT_EQ(node->entries[0].key_position.line, 0);
  EXPECT_FALSE(ReadJson("[1]").ok());
  EXPECT_FALSE(ReadJson("").ok());
  EXPECT_FALSE(ReadJson("{\"a\":}").ok());
}

TEST(ReadLimits, EachLimitIsNamedWhereItIsPassed) {
  EXPECT_THAT(FaultsOf("a: 123456789\n", {.bytes = 10}), HasSubstr("13 bytes are too many: at most 10 are read"));
  EXPECT_THAT(FaultsOf("a: {b: {c: {d: 1}}}\n", {.depth = 3}),
              HasSubstr("1:12: error: nested more than 3 levels deep"));
  EXPECT_THAT(FaultsOf("[[[[1]]]]", {.depth = 3}), HasSubstr("1:4: error: nested more than 3 levels deep"));
  EXPECT_THAT(FaultsOf("- 1\n- 2\n- 3\n", {.nodes = 3}), HasSubstr("3:3: error: more than 3 values"));
  EXPECT_THAT(FaultsOf("[1, 2, 3]", {.nodes = 3}), HasSubstr("1:8: error: more than 3 values"));
  EXPECT_THAT(FaultsOf("a: &a 1\nb: [*a, *a, *a]\n", {.aliases = 2}), HasSubstr("2:13: error: more than 2 aliases"));
  EXPECT_THAT(FaultsOf("a: &a [1, 2, 3, 4, 5]\nb: [*a, *a]\n", {.nodes = 15}),
              HasSubstr("more than 15 values (aliases written out)"));
  Diagnostics faults;
  EXPECT_EQ(ReadDocuments("- 1\n- 2\n", &faults, {.depth = 1, .nodes = 3}).size(), 1u) << "a limit itself is allowed";
}

// The nodes of all documents count together.
TEST(ReadLimits, DocumentsShareTheLimits) {
  std::string text;
  for (int i = 0; i < 6'000; ++i) text += "--- a\n--- {b: c}\n";
  EXPECT_THAT(FaultsOf(text), HasSubstr("more than 10000 values"));
}

struct Cost {
  double seconds = 0;  // of processor time: the machine may be busy
  long mebibytes = 0;  // of memory that reading took
};

double CpuSeconds(const rusage& usage) {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// In a child, so that its peak memory is the text's alone.
Cost CostOf(const std::string& text) {
  int ends[2];
  QALAM_CHECK(pipe(ends) == 0, "there are file descriptors left");
  const pid_t child = fork();
  if (child == 0) {
    rusage before{}, after{};
    getrusage(RUSAGE_SELF, &before);
    Diagnostics faults;
    const bool refused = ReadDocuments(text, &faults).empty();
    Cost cost;
    getrusage(RUSAGE_SELF, &after);
    cost.seconds = CpuSeconds(after) - CpuSeconds(before);
    cost.mebibytes = (after.ru_maxrss - before.ru_maxrss) / 1024;
    const bool written = write(ends[1], &cost, sizeof cost) == sizeof cost;
    _exit(written && refused && faults.all().size() <= 1'000 ? 0 : 1);
  }
  close(ends[1]);
  Cost cost;
  const ssize_t got = read(ends[0], &cost, sizeof cost);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(got, static_cast<ssize_t>(sizeof cost));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "refused, with a fault";
  return cost;
}

std::string Repeated(std::string_view piece, std::string_view head = "", std::size_t size = 1 << 20) {
  std::string text(head);
  while (text.size() + piece.size() <= size) text += piece;
  return text;
}

TEST(ReadLimits, ABombOfOneMebibyteCostsNextToNothing) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    laughs += fmt::format("a{}: &a{} [*a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}, *a{}]\n", i, i, i - 1, i - 1, i - 1,
                          i - 1, i - 1, i - 1, i - 1, i - 1);
  }
  std::string chain = "a0: &a0 {k0: v}\n";
  for (int i = 1; i < 90; ++i) chain += fmt::format("a{}: &a{} {{<<: *a{}, k{}: *a{}}}\n", i, i, i - 1, i, i - 1);
  std::string staircase;
  for (int i = 0; i < 1400; ++i) staircase += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  const std::pair<const char*, std::string> bombs[] = {
      {"laughs", laughs},
      {"chain", chain},
      {"staircase", staircase},
      {"open brackets", Repeated("[", "a: ")},
      {"open braces", Repeated("{", "a: ")},
      {"brackets and braces", Repeated("[{", "a: ")},
      {"lists on lines", Repeated("[\n", "a: ")},
      {"empty lists", Repeated("[],", "a: [")},
      {"commas", Repeated(",", "a: [")},
      {"keys in a list", Repeated("a: ", "x: [")},
      {"question marks", Repeated("? ")},
      {"dashes", Repeated("- ")},
      {"anchors", Repeated("&a ")},
      {"tags", Repeated("! ")},
      {"quoted keys", Repeated("\"a\":", "x: {")},
      {"strings", Repeated("\"a\",", "x: [")},
      {"aliases", Repeated("*a,", "x: &a [")},
      {"items", Repeated("- a\n")},
      {"same keys", Repeated("a: 1\n")},
      {"documents", Repeated("--- a\n")},
      {"empty documents", Repeated("---\n")},
      {"open quote", Repeated("x\n", "\"")},
      {"colons", Repeated(":", "a: {")},
      {"too long", std::string((1 << 20) + 1, 'x')},
      {"json brackets", Repeated("[")},
      {"json objects", Repeated("{\"a\":")},
      {"json items", Repeated("1,", "[")},
      {"json string", Repeated("x", "[\"")},
      {"json numbers", Repeated("1", "[")},
  };
  double worst = 0;
  long most = 0;
  for (const auto& [name, text] : bombs) {
    SCOPED_TRACE(name);
    const Cost cost = CostOf(text);
    EXPECT_LT(cost.mebibytes, 64);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    EXPECT_LT(cost.seconds, 0.1);
#endif
    worst = std::max(worst, cost.seconds);
    most = std::max(most, cost.mebibytes);
  }
  std::printf("[   bombs  ] worst of %zu: %.0f ms, %ld MiB\n", std::size(bombs), worst * 1e3, most);
}

// Random trees, printed and read again.
class Trees {
 public:
  explicit Trees(std::uint64_t seed) : rng_(1, "trees", seed) {}

  Node Make(int depth) {
    const std::uint64_t kind = rng_.Below(depth > 0 ? 10 : 7);
    switch (kind) {
      case 0: return {};
      case 1: return Node::Bool(rng_.Below(2) == 0);
      case 2: return Node::Int(static_cast<long long>(rng_.Next() >> rng_.Below(64)) * (rng_.Below(2) == 0 ? 1 : -1));
      case 3: return Node::Float(rng_.Normal() * 1e3);
      case 4:
      case 5:
      case 6: return Node::String(Text());
      case 7: {
        Node list = Node::Sequence();
        for (std::uint64_t n = rng_.Below(4); n > 0; --n) list.Add(Make(depth - 1));
        return list;
      }
      default: {
        Node map = Node::Map();
        for (std::uint64_t n = rng_.Below(4); n > 0; --n) map.Set(Text(), Make(depth - 1));
        return map;
      }
    }
  }

  std::string Text() {
    static const std::vector<std::string> kPieces = {"a",
                                                     "Z",
                                                     "0",
                                                     "1",
                                                     " ",
                                                     "  ",
                                                     ":",
                                                     ": ",
                                                     " #",
                                                     "#",
                                                     "-",
                                                     "- ",
                                                     "\n",
                                                     "\n\n",
                                                     "\t",
                                                     "\r",
                                                     "'",
                                                     "\"",
                                                     "\\",
                                                     "{",
                                                     "}",
                                                     "[",
                                                     "]",
                                                     ",",
                                                     "&",
                                                     "*",
                                                     "!",
                                                     "|",
                                                     ">",
                                                     "%",
                                                     "@",
                                                     "`",
                                                     "?",
                                                     "~",
                                                     "null",
                                                     "true",
                                                     "no",
                                                     "<<",
                                                     "=",
                                                     ".",
                                                     "e",
                                                     "+",
                                                     "_",
                                                     "0x",
                                                     "é",
                                                     "日",
                                                     "😀",
                                                     "\xC2\x85",
                                                     "\xE2\x80\xA8",
                                                     "\xEF\xBB\xBF",
                                                     "\x7F",
                                                     std::string(1, '\0'),
                                                     "---",
                                                     "...",
                                                     "${x}"};
    std::string text;
    for (std::uint64_t n = rng_.Below(8); n > 0; --n) text += kPieces[rng_.Below(kPieces.size())];
    return text;
  }

 private:
  Rng rng_;
};

TEST(ReadPrinted, RandomTreesComeBackFromYamlAndJson) {
  for (std::uint64_t seed = 0; seed < 3'000; ++seed) {
    Trees trees(seed);
    Node tree = Node::Map();
    tree.Set("tree", trees.Make(4));
    for (const std::string& text : {ToYaml(tree), ToJson(tree), ToJson(tree, 2)}) {
      Diagnostics faults;
      const std::vector<Node> documents = ReadDocuments(text, &faults);
      ASSERT_EQ(documents.size(), 1u) << "seed " << seed << "\n" << Lines(faults) << text;
      ASSERT_TRUE(SameValue(documents.front(), tree)) << "seed " << seed << "\n"
                                                      << text << "\n"
                                                      << ToJson(documents.front());
    }
  }
}

}  // namespace
}  // namespace qalam
