// SPDX-License-Identifier: Apache-2.0
// spec.parameters: the same checks as SearchSpace::Create, field by field, so that each fault has its exact place.
// SearchSpace::Create remains the last word.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/decimal.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

constexpr double kLargestInt = 9007199254740992;  // 2^53: the whole numbers that a double holds exactly

bool IsLog(Distribution distribution) {
  return distribution == Distribution::kLogUniform || distribution == Distribution::kLogNormal;
}

// feasibleSpace of one parameter.
class SpaceReader {
 public:
  SpaceReader(const ParameterSpec& parameter, Fields* space) : parameter_(parameter), fields_(*space) {}

  FeasibleSpace Read() {
    out_.min = fields_.Text("min").value_or("");
    out_.max = fields_.Text("max").value_or("");
    out_.step = fields_.Text("step").value_or("");
    // Katib's Python SDK puts the list of a categorical where the distribution belongs.
    const Node* distribution = fields_.Take("distribution");
    list_key_ = distribution != nullptr && distribution->kind == Node::Kind::kSequence ? "distribution" : "list";
    for (const ListItem& item : fields_.List(list_key_)) {
      if (auto text = TextOf(*item.node, item.path, &fields_.faults())) {
        out_.list.push_back(*std::move(text));
        items_.push_back(item);
      } else {
        unreadable_ = true;
      }
    }
    if (list_key_ == "list" && distribution != nullptr) ReadDistribution();
    fields_.Take("list");
    fields_.Finish();
    if (Ranged()) {
      CheckRange(distribution != nullptr);
    } else {
      CheckList();
    }
    return std::move(out_);
  }

 private:
  bool Ranged() const { return parameter_.type == ParameterType::kDouble || parameter_.type == ParameterType::kInt; }
  std::string_view Type() const { return ToString(parameter_.type); }

  template <class... Args>
  void Fault(std::string_view key, fmt::format_string<Args...> format, Args&&... args) {
    fields_.Error(key,
                  fmt::format("parameter '{}': {}", parameter_.name, fmt::format(format, std::forward<Args>(args)...)));
  }
  template <class... Args>
  void FaultAt(const ListItem& item, fmt::format_string<Args...> format, Args&&... args) {
    fields_.faults().Error(
        item.node->position, item.path,
        fmt::format("parameter '{}': {}", parameter_.name, fmt::format(format, std::forward<Args>(args)...)));
  }

  void ReadDistribution() {
    const std::optional<std::string> word = fields_.Text("distribution");
    if (!word || word->empty()) return;
    if (const auto known = ParseDistribution(*word)) {
      out_.distribution = *known;
    } else {
      fields_.NotOneOf("distribution", *word, WordList(kDistributions));
    }
  }

  std::optional<double> Number(std::string_view key, const std::string& text) {
    const std::optional<double> number = ParseNumber(text);
    if (!number) {
      Fault(key, "{} '{}' is not a finite number", key, text);
    } else if (parameter_.type == ParameterType::kInt && *number != std::floor(*number)) {
      Fault(key, "{} {} is not a whole number, as an int needs; type double takes fractions", key, text);
    } else if (parameter_.type == ParameterType::kInt && std::abs(*number) > kLargestInt) {
      Fault(key, "{} {} is too large for an int: at most 2^53 = 9007199254740992 in size", key, text);
    } else {
      return number;
    }
    return std::nullopt;
  }

  std::optional<double> Bound(std::string_view key, const std::string& text) {
    if (!text.empty()) return Number(key, text);
    const Node* given = fields_.Take(key);
    if (given == nullptr || given->IsScalar())
      Fault(key, "{} is missing; a parameter of type {} has min and max", key, Type());
    return std::nullopt;
  }

  void CheckRange(bool distribution_written) {
    if (!items_.empty() || fields_.Take("list") != nullptr) {
      Fault(list_key_, "a list is for discrete and categorical; type {} has min and max", Type());
    }
    const std::optional<double> min = Bound("min", out_.min), max = Bound("max", out_.max);
    if (min && max && *min > *max) Fault("min", "min {} is greater than max {}", out_.min, out_.max);
    if (min && IsLog(out_.distribution) && *min <= 0) {
      Fault("min", "min {} must be greater than 0 for {}; a range that reaches 0 takes uniform or normal", out_.min,
            ToString(out_.distribution));
    }
    CheckStep(min, max);
    if (min && max && *min > 0 && *min <= *max && !distribution_written && out_.step.empty()) AdviseScale(*min, *max);
  }

  void CheckStep(std::optional<double> min, std::optional<double> max) {
    if (out_.step.empty()) return;
    const std::optional<double> step = Number("step", out_.step);
    if (!step) return;
    if (*step <= 0) {
      Fault("step", "step {} must be greater than 0", out_.step);
    } else if (min && max && *max > *min && *step > (*max - *min) * (1 + 1e-12)) {
      Fault("step", "step {} is larger than the range from {} to {}", out_.step, out_.min, out_.max);
    }
  }

  // Who writes the distribution out has decided; an int of three decades (1 to 1000 epochs) is often meant linearly.
  void AdviseScale(double min, double max) {
    const int decades = static_cast<int>(std::floor(std::log10(max / min) + 1e-9));
    if (decades < (parameter_.type == ParameterType::kDouble ? 3 : 4)) return;
    fields_.Warning("max", fmt::format("'{}' spans {} decades but is sampled linearly; add  distribution: logUniform",
                                       parameter_.name, decades));
    fields_.faults().CanFix({Fix::Kind::kAdd, fields_.At("max"), "distribution", "logUniform", fields_.KeyAt("max")});
  }

  void CheckList() {
    for (const std::string_view key : {"min", "max", "step"}) {
      if (fields_.Take(key) != nullptr) Fault(key, "{} is for double and int; type {} has a list", key, Type());
    }
    if (out_.distribution != Distribution::kUniform) {
      fields_.Warning("distribution",
                      fmt::format("parameter '{}': a {} has no distribution, its values are equally likely",
                                  parameter_.name, Type()));
      out_.distribution = Distribution::kUniform;
    }
    const Node* list = fields_.Take(list_key_);
    if (list == nullptr) {
      Fault("list", "list is missing; a parameter of type {} has a list of values", Type());
    } else if (items_.empty() && !unreadable_ && list->kind == Node::Kind::kSequence) {
      Fault(list_key_, "the list is empty; a {} needs at least one value", Type());
    }
    std::map<std::string, std::string> texts;
    std::map<double, std::string> numbers;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const std::string& text = out_.list[i];
      if (!texts.emplace(text, text).second) {
        FaultAt(items_[i], "list value '{}' is there twice", text);
      } else if (parameter_.type == ParameterType::kDiscrete) {
        const std::optional<double> number = ParseNumber(text);
        if (!number) {
          FaultAt(items_[i], "list value '{}' is not a finite number; a discrete takes numbers, a categorical any text",
                  text);
        } else if (const auto [first, fresh] = numbers.emplace(*number, text); !fresh) {
          FaultAt(items_[i], "list values '{}' and '{}' are the same number", first->second, text);
        }
      }
    }
  }

  const ParameterSpec& parameter_;
  Fields& fields_;
  FeasibleSpace out_;
  std::string_view list_key_ = "list";
  std::vector<ListItem> items_;  // beside out_.list
  bool unreadable_ = false;
};

std::optional<ParameterSpec> ReadParameter(const ListItem& item, FaultList* faults) {
  Fields fields(item, faults);
  if (!fields.present()) return std::nullopt;
  ParameterSpec parameter;
  parameter.name = fields.Text("name").value_or("");
  if (parameter.name.empty()) {
    fields.Error("name", "is missing: a parameter needs a name");
  } else if (std::ranges::any_of(parameter.name,
                                 [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) {
    fields.Error("name", "a parameter's name cannot hold control characters");
    parameter.name.clear();
  }
  bool typed = false;
  if (const auto type = fields.Text("parameterType")) {
    if (const auto known = ParseParameterType(*type)) {
      parameter.type = *known;
      typed = true;
    } else {
      fields.NotOneOf("parameterType", *type, WordList(kParameterTypes));
    }
  } else if (fields.Take("parameterType") == nullptr) {
    fields.Error("parameterType", fmt::format("is missing: one of {}", JoinWords(WordList(kParameterTypes))));
  }
  Fields space = fields.Map("feasibleSpace");
  if (space.present()) {
    if (typed) parameter.feasible = SpaceReader(parameter, &space).Read();
  } else if (fields.Take("feasibleSpace") == nullptr) {
    fields.Error("feasibleSpace",
                 fmt::format("parameter '{}': feasibleSpace is missing: min and max, or a list", parameter.name));
  }
  fields.Finish();
  return parameter;
}

}  // namespace

std::vector<ParameterSpec> ReadParameters(Fields* owner) {
  std::vector<ParameterSpec> parameters;
  std::map<std::string, int> lines;
  const bool clean = !owner->faults().HasErrors();
  const std::vector<ListItem> items = owner->List("parameters");
  for (const ListItem& item : items) {
    std::optional<ParameterSpec> parameter = ReadParameter(item, &owner->faults());
    if (!parameter) continue;
    const auto [first, fresh] = lines.emplace(parameter->name, item.node->position.line);
    if (!fresh && !parameter->name.empty()) {
      const Node* name = item.node->Find("name");
      owner->faults().Error(
          name->position, item.path + ".name",
          fmt::format("another parameter has the name '{}' (line {})", parameter->name, first->second));
    }
    parameters.push_back(*std::move(parameter));
  }
  const Node* list = owner->Take("parameters");
  if (list != nullptr && list->kind == Node::Kind::kSequence && items.empty()) {
    owner->Error("parameters", "the list is empty: there is nothing to tune");
  }
  if (clean && !owner->faults().HasErrors() && !parameters.empty()) {
    if (const auto space = SearchSpace::Create(parameters); !space.ok())
      owner->Error("parameters", space.status().message());
  }
  return parameters;
}

}  // namespace qalam
