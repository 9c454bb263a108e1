// SPDX-License-Identifier: Apache-2.0
#include "cli/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "cli/text.h"
#include "core/diagnostic.h"
#include "experiment/read.h"

namespace qalam {
namespace {

std::optional<int> NumberIn(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

// JSON whose double quotes are single ones.
Result<Node> ReadLiteral(std::string_view name, std::string text) {
  std::ranges::replace(text, '\'', '"');
  Diagnostics faults;
  std::vector<Node> documents = ReadDocuments(text, &faults, {.nodes = 1'000'000});
  if (documents.size() != 1) return Error(Code::kInvalidArgument, "{} cannot be read: {}", name, FirstLine(text));
  return std::move(documents.front());
}

std::string Sizes(const Node* sizes) {
  std::string out;
  if (sizes == nullptr) return out;
  for (const Node& size : sizes->items) out += (out.empty() ? "" : "x") + size.text;
  return out;
}

Network::Node Layer(int number, const Node& embedding) {
  const Node* type = embedding.Find("opt_type");
  const Node* options = embedding.Find("opt_params");
  Network::Node layer{std::to_string(number), type == nullptr ? "" : type->text, ""};
  if (options == nullptr) return layer;
  for (const Node::Entry& option : options->entries) {
    layer.settings += fmt::format("{}{} {}", layer.settings.empty() ? "" : ", ", option.key, option.value.text);
  }
  return layer;
}

// Katib's Python: Genotype(normal=[[('max_pooling_3x3', 0), ...], ...], normal_concat=range(2, 3), reduce=..., ...)
class GenotypeReader {
 public:
  explicit GenotypeReader(std::string_view text) : text_(text) {}

  Result<std::vector<Network>> Read() {
    std::vector<Network> cells;
    for (const auto& [key, name] : {std::pair("normal=", "normal cell"), std::pair("reduce=", "reduction cell")}) {
      const std::size_t at = text_.find(key);
      if (at == std::string_view::npos) return Broken();
      at_ = at + std::string_view(key).size();
      QALAM_TRY(auto cell, ReadCell(name));
      if (cell) cells.push_back(*std::move(cell));
    }
    return cells;
  }

 private:
  Status Broken() const {
    return Error(Code::kInvalidArgument, "no genotype is in '{}': Genotype(normal=[[('operation', 0), ...], ...], ...)",
                 FirstLine(text_));
  }
  bool Take(char c) {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Up to one of the characters, which stays.
  std::string_view Until(std::string_view ends) {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(ends, at_), text_.size());
    return text_.substr(begin, at_ - begin);
  }

  // None: a list of no nodes. The two nodes before a cell's own are its inputs.
  Result<std::optional<Network>> ReadCell(const char* name) {
    Network cell{name, {{"c(k-2)", "cell before the last", ""}, {"c(k-1)", "last cell", ""}}, {}};
    if (!Take('[')) return Broken();
    while (Take('[')) {
      const int node = static_cast<int>(cell.nodes.size());
      cell.nodes.push_back({std::to_string(node), "sum", ""});
      while (Take('(')) {
        if (!Take('\'')) return Broken();
        std::string operation(Until("'"));
        if (!Take('\'') || !Take(',')) return Broken();
        while (Take(' ')) {
        }
        const auto source = NumberIn(Until(") "));
        if (!source || *source < 0 || *source >= node || !Take(')')) return Broken();
        cell.edges.push_back({*source, node, std::move(operation)});
        Take(',');
      }
      if (!Take(']')) return Broken();
      Take(',');
    }
    if (!Take(']')) return Broken();
    if (cell.nodes.size() == 2) return std::optional<Network>();
    const int output = static_cast<int>(cell.nodes.size());
    cell.nodes.push_back({"output", "side by side", ""});
    for (int node = 2; node < output; ++node) cell.edges.push_back({node, output, ""});
    return std::optional(std::move(cell));
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

Result<Network> ReadArchitecture(std::string_view architecture, std::string_view nn_config) {
  QALAM_TRY(const Node layers, ReadLiteral("architecture", std::string(architecture)));
  QALAM_TRY(const Node config, ReadLiteral("nn_config", std::string(nn_config)));
  const Node* embedding = config.Find("embedding");
  if (layers.kind != Node::Kind::kSequence || embedding == nullptr) {
    return Error(Code::kInvalidArgument, "architecture is no list of layers, or nn_config has no embedding");
  }
  Network network{"network", {{"input", Sizes(config.Find("input_sizes")), ""}}, {}};
  for (const Node& layer : layers.items) {
    const int number = static_cast<int>(network.nodes.size());
    const Node* operation = layer.items.empty() ? nullptr : embedding->Find(layer.items[0].text);
    if (operation == nullptr) {
      return Error(Code::kInvalidArgument, "nn_config.embedding does not have the operation of layer {}", number);
    }
    network.nodes.push_back(Layer(number, *operation));
    network.edges.push_back({number - 1, number, ""});
    for (int source = 0; source < number - 1 && static_cast<std::size_t>(source) + 1 < layer.items.size(); ++source) {
      const bool taken = layer.items[static_cast<std::size_t>(source) + 1].text == "1";
      if (taken) network.edges.push_back({source, number, "", true});
    }
  }
  const int output = static_cast<int>(network.nodes.size());
  network.nodes.push_back({"output", Sizes(config.Find("output_sizes")), ""});
  network.edges.push_back({output - 1, output, ""});
  return network;
}

Result<std::vector<Network>> ReadGenotype(std::string_view text) { return GenotypeReader(text).Read(); }

Result<std::vector<Network>> NetworksOf(const ExperimentSpec& spec, const Trial& trial) {
  const std::string *architecture = FindValue(trial.assignments, "architecture"),
                    *config = FindValue(trial.assignments, "nn_config");
  if (spec.nas_config && architecture != nullptr && config != nullptr) {
    QALAM_TRY(Network network, ReadArchitecture(*architecture, *config));
    return std::vector<Network>{std::move(network)};
  }
  const Metric* objective = trial.observation ? trial.observation->Find(spec.objective.metric_name) : nullptr;
  if (!spec.nas_config || objective == nullptr || !objective->latest.starts_with("Genotype(")) {
    return std::vector<Network>();
  }
  return ReadGenotype(objective->latest);
}

std::string NetworkText(const Network& network) {
  const bool settings = std::ranges::any_of(network.nodes, [](const auto& node) { return !node.settings.empty(); });
  std::vector<std::string> head = {"NODE", "WHAT", "TAKES"};
  if (settings) head.emplace_back("SETTINGS");
  Table table(head);
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Network::Node& node = network.nodes[i];
    std::string takes;
    for (const Network::Edge& edge : network.edges) {
      if (edge.to != static_cast<int>(i)) continue;
      const std::string& source = network.nodes[static_cast<std::size_t>(edge.from)].name;
      takes += (takes.empty() ? "" : ", ") + (edge.operation.empty() ? source : edge.operation + " of " + source);
    }
    std::vector<std::string> row = {Printable(node.name), Printable(node.what), Printable(takes)};
    if (settings) row.push_back(Printable(node.settings));
    table.Row(std::move(row));
  }
  return table.Text();
}

std::string DotOf(std::string_view title, const std::vector<Network>& networks) {
  std::string out = fmt::format("digraph {} {{\n  node [shape=box, fontname=\"sans-serif\"];\n", Quoted(title));
  out += "  edge [fontname=\"sans-serif\", fontsize=10];\n";
  for (std::size_t n = 0; n < networks.size(); ++n) {
    const Network& network = networks[n];
    out += fmt::format("  subgraph cluster_{} {{\n    label={};\n", n, Quoted(network.name));
    for (std::size_t i = 0; i < network.nodes.size(); ++i) {
      const Network::Node& node = network.nodes[i];
      std::string label = node.name;
      if (!node.what.empty()) label += "\n" + node.what;
      if (!node.settings.empty()) label += "\n" + node.settings;
      out += fmt::format("    n{}_{} [label={}];\n", n, i, Quoted(label));
    }
    for (const Network::Edge& edge : network.edges) {
      out += fmt::format("    n{}_{} -> n{}_{}", n, edge.from, n, edge.to);
      if (!edge.operation.empty()) out += fmt::format(" [label={}]", Quoted(edge.operation));
      out += edge.skip ? " [style=dashed];\n" : ";\n";
    }
    out += "  }\n";
  }
  return out + "}\n";
}

}  // namespace qalam
