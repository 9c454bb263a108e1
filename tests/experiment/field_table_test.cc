// SPDX-License-Identifier: Apache-2.0
// The table of fields and the reader say the same: whoever adds a field to one of them only is told here.
#include "experiment/field_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/experiment/support.h"

namespace qalam {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// A field with the fields above it, from the root.
using Way = std::vector<const Field*>;

void Visit(const FieldGroup& group, Way* way, const std::function<void(const Way&)>& visit) {
  for (const Field& field : group.fields) {
    way->push_back(&field);
    visit(*way);
    if (field.below != nullptr) Visit(*field.below, way, visit);
    way->pop_back();
  }
}
void VisitAll(const std::function<void(const Way&)>& visit) {
  Way way;
  Visit(ExperimentFields(), &way, visit);
}

std::string PathOf(const Way& way) {
  std::string path;
  for (const Field* field : way) {
    path += fmt::format("{}{}{}", path.empty() ? "" : ".", field->name,
                        field->kind == FieldKind::kList && field != way.back() ? "[0]" : "");
  }
  return path;
}

Node Sample(const Field& field) {
  switch (field.kind) {
    case FieldKind::kWord: return Node::String(std::string(field.words.front()));
    case FieldKind::kWhole: return Node::Int(field.least.value_or(1));
    case FieldKind::kNumber: return Node::Float(0.5);
    case FieldKind::kFlag: return Node::Bool(true);
    case FieldKind::kText: return Node::String("x");
    case FieldKind::kTexts:
    case FieldKind::kWholes:
    case FieldKind::kList: return Node::Sequence();
    default: return Node::Map();
  }
}

Node* Child(Node* map, std::string_view key) {
  for (Node::Entry& entry : map->entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

void Remove(Node* map, std::string_view key) {
  std::erase_if(map->entries, [&](const Node::Entry& entry) { return entry.key == key; });
}

// A good Experiment with everything that is on the way to the field, each map with the fields it needs.
Node DocumentFor(const Way& way) {
  Diagnostics faults;
  Node document = ReadDocuments(kGoodExperiment, &faults).front();
  const std::string path = PathOf(way);
  Node* spec = Child(&document, "spec");
  if (path.starts_with("spec.nasConfig")) Remove(spec, "parameters");
  if (path.starts_with("spec.trialTemplate.configMap")) Remove(Child(spec, "trialTemplate"), "trialSpec");
  Node& collector = spec->Set("metricsCollectorSpec", Node::Map()).Set("collector", Node::Map());
  collector.Set("kind", Node::String(path.find("httpGet") != std::string::npos ? "PrometheusMetric" : "File"));
  return document;
}

// The map that holds the last field of the way.
Node* MapOf(const Way& way, Node* document) {
  Node* map = document;
  for (const Field* field : way) {
    if (field == way.back()) break;
    Node* child = Child(map, field->name);
    if (child == nullptr) child = &map->Set(std::string(field->name), Sample(*field));
    if (field->kind == FieldKind::kList) {
      if (child->items.empty()) child->Add(Node::Map());
      child = &child->items.front();
    }
    map = child;
    for (const Field& needed : field->below->fields) {
      if (needed.required && Child(map, needed.name) == nullptr) map->Set(std::string(needed.name), Sample(needed));
    }
  }
  return map;
}

std::vector<std::string> FaultsAt(const std::string& path, const Node& document) {
  SpecContext context = BuiltIn();
  Diagnostics faults;
  (void)ReadExperiment(document, context, &faults);
  std::vector<std::string> found;
  for (const Diagnostic& fault : faults.all()) {
    if (fault.severity == Diagnostic::Severity::kError && fault.field == path) found.push_back(fault.message);
  }
  return found;
}

TEST(FieldTable, EachFieldOfItIsReadAsTheKindItSays) {
  VisitAll([](const Way& way) {
    const Field& field = *way.back();
    const std::string path = PathOf(way);
    Node document = DocumentFor(way);
    const bool collection = Sample(field).kind == Node::Kind::kMap || Sample(field).kind == Node::Kind::kSequence;
    Node wrong = collection ? Node::String("nonsense") : Node::Map();
    if (!collection) wrong.Set("a", Node::String("b"));
    MapOf(way, &document)->Set(std::string(field.name), std::move(wrong));
    EXPECT_THAT(FaultsAt(path, document), testing::Contains(HasSubstr("must be "))) << path;
  });
}

TEST(FieldTable, EachFieldThatIsRequiredIsMissed) {
  VisitAll([](const Way& way) {
    if (!way.back()->required) return;
    Node document = DocumentFor(way);
    Remove(MapOf(way, &document), way.back()->name);
    std::string path = PathOf(way);
    if (path == "metadata") path = "metadata.name";  // it holds nothing else that must be there
    EXPECT_THAT(FaultsAt(path, document), testing::Contains(HasSubstr("is missing"))) << path;
  });
}

TEST(FieldTable, EachWordThatIsNotAllowedIsRefused) {
  VisitAll([](const Way& way) {
    if (way.back()->kind != FieldKind::kWord) return;
    Node document = DocumentFor(way);
    MapOf(way, &document)->Set(std::string(way.back()->name), Node::String("nonsense"));
    EXPECT_THAT(FaultsAt(PathOf(way), document), testing::Not(IsEmpty())) << PathOf(way);
  });
}

TEST(FieldTable, EachWholeNumberBelowItsLeastIsRefused) {
  VisitAll([](const Way& way) {
    const Field& field = *way.back();
    if (!field.least) return;
    Node document = DocumentFor(way);
    Node number = Node::Int(*field.least - 1);
    std::string path = PathOf(way);
    if (field.kind == FieldKind::kWholes) {
      Node list = Node::Sequence();
      list.Add(std::move(number));
      number = std::move(list);
      path += "[0]";
    }
    MapOf(way, &document)->Set(std::string(field.name), std::move(number));
    EXPECT_THAT(FaultsAt(path, document), testing::Not(IsEmpty())) << path;
  });
}

TEST(FieldTable, EachFieldIsToldInOneSentence) {
  VisitAll([](const Way& way) {
    const Field& field = *way.back();
    EXPECT_FALSE(field.doc.empty()) << PathOf(way);
    EXPECT_FALSE(field.doc.ends_with('.')) << PathOf(way);
    EXPECT_EQ(field.kind == FieldKind::kWord, !field.words.empty()) << PathOf(way);
    EXPECT_EQ(field.kind == FieldKind::kMap || field.kind == FieldKind::kList, field.below != nullptr) << PathOf(way);
  });
}

TEST(FieldTable, AFieldIsFoundByItsPath) {
  for (const char* path : {"spec.objective.goal", "experiment.spec.objective.goal"}) {
    const auto goal = FindField(path);
    ASSERT_TRUE(goal.ok());
    EXPECT_EQ((*goal)->name, "goal");
    EXPECT_EQ((*goal)->kind, FieldKind::kNumber);
  }
  for (const char* path : {"spec.parameters.feasibleSpace.min", "spec.parameters[2].feasibleSpace.min"}) {
    EXPECT_TRUE(FindField(path).ok()) << path;
  }
  EXPECT_EQ(FindField("spec.objectiv").status().message(),
            "experiment.spec has no field 'objectiv'; did you mean 'objective'?");
  EXPECT_EQ(FindField("spec.objective.goal.x").status().message(),
            "experiment.spec.objective.goal is a number: it has no field 'x'");
  EXPECT_THAT(FindField("").status().message(), HasSubstr("names no field"));
}

}  // namespace
}  // namespace qalam
