// SPDX-License-Identifier: Apache-2.0
#include "suggest/nas_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

namespace qalam {
namespace {

// As json.dumps of Python writes it, with single quotes. What cannot stand in it, CheckNasConfig has refused; settings
// that a person added are escaped as far as JSON goes.
std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\\' || c == '"' || c == '\'') {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "'";
}

// A float of Python: 5.0, 0.0003, 1e-05.
std::string FloatText(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string ValueText(const LayerOperation::Value& value) {
  if (value.type == ParameterType::kInt) return value.text;
  if (value.type != ParameterType::kDouble) return Quoted(value.text);
  double number = 0;
  std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
  return FloatText(number);
}

std::string PresetText(const SettingValue& preset) {
  if (const auto* whole = std::get_if<std::int64_t>(&preset)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&preset)) return FloatText(*real);
  if (const auto* text = std::get_if<std::string_view>(&preset)) return Quoted(*text);
  return "null";
}

// A nested list of whole numbers, of which the rest is not yet read.
class ListReader {
 public:
  explicit ListReader(std::string_view text) : rest_(text) {}
  bool Take(char c) {
    Skip();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool AtEnd() {
    Skip();
    return rest_.empty();
  }
  std::optional<int> Number() {
    Skip();
    int number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc()) return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return number;
  }

 private:
  void Skip() {
    const std::size_t first = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(first, rest_.size()));
  }
  std::string_view rest_;
};

}  // namespace

std::string ArchitectureText(std::span<const int> choices) {
  std::string out = "[";
  std::size_t at = 0;
  for (std::size_t layer = 0; at < choices.size(); ++layer) {
    fmt::format_to(std::back_inserter(out), "{}[{}]", layer > 0 ? ", " : "",
                   fmt::join(choices.subspan(at, layer + 1), ", "));
    at += layer + 1;
  }
  return out + "]";
}

Result<std::vector<int>> ParseArchitecture(std::string_view text, int layers, std::size_t operations) {
  std::vector<int> choices;
  ListReader reader(text);
  const auto fault = [](int layer, std::string_view what) {
    return InvalidArgument("architecture: layer {}: {}", layer, what);
  };
  if (!reader.Take('[')) return InvalidArgument("architecture: it must be a list of lists");
  for (int layer = 0; layer < layers; ++layer) {
    if (layer > 0 && !reader.Take(',')) return InvalidArgument("architecture: it must have {} layers", layers);
    if (!reader.Take('[')) return fault(layer, "it must be a list");
    for (int i = 0; i <= layer; ++i) {
      if (i > 0 && !reader.Take(',')) return fault(layer, fmt::format("it must have {} numbers", layer + 1));
      const std::optional<int> number = reader.Number();
      if (!number) return fault(layer, "something in it is no number");
      const int below = i == 0 ? static_cast<int>(operations) : 2;
      if (*number < 0 || *number >= below)
        return fault(layer, fmt::format("number {} is {}, it must be between 0 and {}", i, *number, below - 1));
      choices.push_back(*number);
    }
    if (!reader.Take(']')) return fault(layer, fmt::format("it must have {} numbers", layer + 1));
  }
  if (!reader.Take(']') || !reader.AtEnd()) return InvalidArgument("architecture: it must have {} layers", layers);
  return choices;
}

std::string NnConfigText(const GraphConfig& graph, std::span<const LayerOperation> operations,
                         std::span<const int> choices) {
  std::vector<int> used;  // in the order of their first layer, as Katib's
  std::size_t at = 0;
  for (std::size_t layer = 0; at < choices.size(); at += ++layer) {
    if (std::ranges::find(used, choices[at]) == used.end()) used.push_back(choices[at]);
  }
  std::string out =
      fmt::format("{{'num_layers': {}, 'input_sizes': [{}], 'output_sizes': [{}], 'embedding': {{", graph.num_layers,
                  fmt::join(graph.input_sizes, ", "), fmt::join(graph.output_sizes, ", "));
  for (std::size_t i = 0; i < used.size(); ++i) {
    const LayerOperation& operation = operations[static_cast<std::size_t>(used[i])];
    fmt::format_to(std::back_inserter(out), "{}'{}': {{'opt_id': {}, 'opt_type': {}, 'opt_params': {{",
                   i > 0 ? ", " : "", used[i], used[i], Quoted(operation.type));
    for (std::size_t v = 0; v < operation.values.size(); ++v) {
      const LayerOperation::Value& value = operation.values[v];
      fmt::format_to(std::back_inserter(out), "{}{}: {}", v > 0 ? ", " : "", Quoted(value.name), ValueText(value));
    }
    out += "}}";
  }
  return out + "}}";
}

std::string DartsSettingsText(const SettingsTable& table, std::span<const Setting> given) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const SettingInfo& row : table.rows()) all.emplace_back(row.name, PresetText(row.preset));
  for (const Setting& setting : given) {
    std::string value = setting.value == "None" ? "null" : Quoted(setting.value);
    const auto known = std::ranges::find(all, setting.name, &std::pair<std::string, std::string>::first);
    if (known == all.end()) {
      all.emplace_back(setting.name, std::move(value));
    } else {
      known->second = std::move(value);
    }
  }
  std::string out = "{";
  for (const auto& [name, value] : all)
    fmt::format_to(std::back_inserter(out), "{}{}: {}", out.size() > 1 ? ", " : "", Quoted(name), value);
  return out + "}";
}

std::string DartsSpaceText(const NasConfig& nas) {
  std::vector<std::string> names;
  for (const NasOperation& operation : nas.operations) {
    if (operation.type == "skip_connection") {
      names.push_back(Quoted(operation.type));
      continue;
    }
    for (const std::string& size : operation.parameters.front().feasible.list)
      names.push_back(Quoted(fmt::format("{}_{}x{}", operation.type, size, size)));
  }
  return fmt::format("[{}]", fmt::join(names, ", "));
}

}  // namespace qalam
