// SPDX-License-Identifier: Apache-2.0
// Filters, sorting and JSONPath, as kubectl's users type them.
#include "cli/listing.h"

#include <gmock/gmock.h>

#include "cli/filter.h"
#include "cli/jsonpath.h"
#include "experiment/read.h"

namespace qalam {
namespace {

using testing::HasSubstr;

std::string Path(const std::string& json, const std::string& path) {
  const Result<Node> document = ReadJson(json);
  EXPECT_TRUE(document.ok()) << document.status().message();
  const Result<JsonPath> parsed = JsonPath::Parse(path);
  if (!parsed.ok()) return parsed.status().message();
  const std::string printed = parsed->Print(*document);
  if (parsed->ReadsItemByItem()) {
    JsonPath::Items items(*parsed);
    for (const Node& item : document->Find("items")->items) items.Add(item);
    EXPECT_EQ(items.Text(), printed) << path << ": item by item it reads otherwise";
  }
  return printed;
}

constexpr const char* kList = R"({"kind": "List", "items": [
  {"metadata": {"name": "a", "labels": {"x.y/z": "1"}}, "status": {"trials": 4, "ok": true}},
  {"metadata": {"name": "b"}, "status": {"trials": 12, "note": "two\nlines"}},
  {"metadata": {"name": "c"}, "status": {"trials": 0, "list": [1, {"deep": "x"}]}}]})";

TEST(JsonPath, FindsWhatItsPathSays) {
  EXPECT_EQ(Path(kList, "{.kind}"), "List");
  EXPECT_EQ(Path(kList, "{$.kind}"), "List");
  EXPECT_EQ(Path(kList, "{.items[*].metadata.name}"), "a b c");
  EXPECT_EQ(Path(kList, "{.items[1].status.trials}"), "12");
  EXPECT_EQ(Path(kList, "{.items[-1].metadata.name}"), "c");
  EXPECT_EQ(Path(kList, "{.items[0:2].metadata.name}"), "a b");
  EXPECT_EQ(Path(kList, "{.items[::2].metadata.name}"), "a c");
  EXPECT_EQ(Path(kList, "{..name}"), "a b c");
  EXPECT_EQ(Path(kList, "{.items[0].metadata['name','labels']}"), R"(a {"x.y/z":"1"})");
  EXPECT_EQ(Path(kList, R"({.items[0].metadata.labels.x\.y/z})"), "1");
  EXPECT_EQ(Path(kList, "{.items[0].metadata.labels['x.y/z']}"), "1");
  EXPECT_EQ(Path(kList, "{.items[2].status.list}"), R"([1,{"deep":"x"}])");
}

TEST(JsonPath, AFilterChoosesByWhatIsInside) {
  EXPECT_EQ(Path(kList, R"({.items[?(@.metadata.name=="b")].status.trials})"), "12");
  EXPECT_EQ(Path(kList, "{.items[?(@.status.trials>3)].metadata.name}"), "a b");
  EXPECT_EQ(Path(kList, "{.items[?(@.status.trials<=4)].metadata.name}"), "a c");
  EXPECT_EQ(Path(kList, "{.items[?(@.status.ok==true)].metadata.name}"), "a");
  EXPECT_EQ(Path(kList, "{.items[?(@.status.note)].metadata.name}"), "b");
  EXPECT_EQ(Path(kList, "{.items[?(@.metadata.name != 'b')].metadata.name}"), "a c");
}

TEST(JsonPath, ARangePrintsALineForEach) {
  EXPECT_EQ(Path(kList, R"({range .items[*]}{.metadata.name}{"\t"}{.status.trials}{"\n"}{end}end)"),
            "a\t4\nb\t12\nc\t0\nend");
  EXPECT_EQ(Path(kList, "{range .items[*]}[{.metadata.name}]{end}"), "[a][b][c]");
}

TEST(JsonPath, ATemplateKnowsWhetherItNeedsTheListWhole) {
  const auto item_by_item = [](const char* path) { return JsonPath::Parse(path)->ReadsItemByItem(); };
  for (const char* path : {"{.items[*].metadata.name}", "{$.items[*].metadata.name} and {.items[*].status.note}",
                           "{range .items[*]}{.metadata.name} {.status..deep}{\"\\n\"}{end}", "{'text'}",
                           "{.items[?(@.status.trials>3)].metadata.name}", "{.items[*]['status','metadata'].trials}"}) {
    EXPECT_TRUE(item_by_item(path)) << path;
    Path(kList, path);
  }
  for (const char* path : {"{.items[0].metadata.name}", "{.items[-1:].metadata.name}", "{.kind}", "{..name}",
                           "{.items}", "{range .items[*]}{$.kind}{end}", "{.items[?(@.kind==$.kind)].metadata.name}",
                           "{.items[*].metadata.name} of {.kind}"})
    EXPECT_FALSE(item_by_item(path)) << path;
}

TEST(JsonPath, WhatIsNotThereIsNothing) { EXPECT_EQ(Path(kList, "<{.items[7].metadata.name}{.nope.nothing}>"), "<>"); }

TEST(JsonPath, WithoutBracesItIsOneExpression) { EXPECT_EQ(Path(kList, ".items[0].metadata.name"), "a"); }

TEST(JsonPath, AFaultSaysWhere) {
  EXPECT_THAT(Path(kList, "{.items"), HasSubstr("a '{' without its '}', at character 1"));
  EXPECT_THAT(Path(kList, "{.items[0}"), HasSubstr("a '[' without its ']', at character 8"));
  EXPECT_THAT(Path(kList, "{.items[?(@.x=)]}"), HasSubstr("expected one of: == != < <= > >= ), at character 14"));
  EXPECT_THAT(Path(kList, "{range .items[*]}x"), HasSubstr("{range} without its {end}"));
  EXPECT_THAT(Path(kList, "{end}"), HasSubstr("{end} without its {range}"));
  EXPECT_THAT(Path(kList, "{items}"), HasSubstr("expected a path, as in .metadata.name"));
  EXPECT_THAT(Path(kList, "{'x}"), HasSubstr("a quote without its end"));
}

// Three rows: lr 0.001, 0.1, none; state Succeeded, Failed, succeeded.
Listing Rows() {
  static const std::vector<std::string> lr = {"0.001", "0.1", ""}, state = {"Succeeded", "Failed", "succeeded"},
                                        number = {"9", "10", "11"};
  const auto of = [](const std::vector<std::string>& all) { return [&all](std::size_t row) { return all[row]; }; };
  return Listing(3, {{"number", "N", Column::kAll, of(number), {}},
                     {"status", "STATUS", Column::kAll, of(state), {}, {"state"}},
                     {"lr", "lr", Column::kAll, of(lr), {}}});
}

std::vector<std::size_t> Filtered(const std::string& filter) {
  Listing rows = Rows();
  const Status applied = rows.Apply({.filter = filter});
  EXPECT_TRUE(applied.ok()) << applied.message();
  return rows.rows();
}

TEST(Filter, ComparesNumbersAsNumbersAndTextsWhateverTheirCase) {
  using Rows = std::vector<std::size_t>;
  EXPECT_EQ(Filtered("lr<1e-2"), (Rows{0}));
  EXPECT_EQ(Filtered("lr >= 0.10"), (Rows{1}));
  EXPECT_EQ(Filtered("lr=1e-1"), (Rows{1}));
  EXPECT_EQ(Filtered("number>9"), (Rows{1, 2}));
  EXPECT_EQ(Filtered("state=succeeded"), (Rows{0, 2}));
  EXPECT_EQ(Filtered("status!='Succeeded'"), (Rows{1}));
  EXPECT_EQ(Filtered("lr!=0.1"), (Rows{0, 2}));
  EXPECT_EQ(Filtered("lr<1 and state=Succeeded"), (Rows{0}));
  EXPECT_EQ(Filtered("number=9 or number=11 and lr<1"), (Rows{0}));
  EXPECT_EQ(Filtered("(number=9 or number=11) and not lr<1"), (Rows{2}));
}

std::string FilterFault(const std::string& filter) {
  Listing rows = Rows();
  return rows.Apply({.filter = filter}).message();
}

TEST(Filter, AFaultSaysWhatIsAllowed) {
  EXPECT_THAT(FilterFault("statu=x"), HasSubstr("there is no column 'statu'; did you mean 'status'?; there are"));
  EXPECT_THAT(FilterFault("lr"), HasSubstr("expected one of: = != < <= > >=, at character 3 of 'lr'"));
  EXPECT_THAT(FilterFault("lr<1 lr>0"), HasSubstr("expected 'and' or 'or'"));
  EXPECT_THAT(FilterFault("(lr<1"), HasSubstr("expected ')'"));
  EXPECT_THAT(FilterFault("lr<"), HasSubstr("expected a value"));
  EXPECT_THAT(FilterFault("state='x"), HasSubstr("a quote without its end"));
  EXPECT_THAT(FilterFault(std::string(10'000, '(')), HasSubstr("too many parentheses"));
}

TEST(Listing, SortsNumbersBySizeAndPutsTheMissingLast) {
  Listing rows = Rows();
  ASSERT_TRUE(rows.Apply({.sort = "lr", .reverse = true}).ok());
  EXPECT_EQ(rows.rows(), (std::vector<std::size_t>{1, 0, 2}));
  ASSERT_TRUE(rows.Apply({.sort = "number", .limit = 2}).ok());
  EXPECT_EQ(rows.rows(), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(rows.Csv(), "number,status,lr\n9,Succeeded,0.001\n10,Failed,0.1\n");
  EXPECT_FALSE(rows.Apply({.sort = "loss"}).ok());
}

TEST(Listing, FurtherRowsStandUnderTheHeadThatIsThere) {
  std::vector<int> widths;
  const std::string first = Rows().Table(false, &widths);
  EXPECT_THAT(first, testing::StartsWith("N   STATUS     lr\n9   Succeeded  0.001\n"));
  EXPECT_THAT(Rows().Table(false, &widths), testing::StartsWith("9   Succeeded  0.001\n"));
}

}  // namespace
}  // namespace qalam
