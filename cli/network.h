// SPDX-License-Identifier: Apache-2.0
// Networks that a search for an architecture found, as text and as a graph: what the assignments of `enas` describe,
// and the genotype that `darts` had printed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/experiment.h"

namespace qalam {

// A graph without cycles, its nodes in the order in which they are computed.
struct Network {
  struct Node {
    std::string name;            // "input", "1", "c(k-1)"
    std::string what, settings;  // "convolution", "filter_size 3, num_filter 32"
  };
  struct Edge {
    int from = 0, to = 0;   // indices into `nodes`
    std::string operation;  // where operations sit on edges
    bool skip = false;      // beside the way through all layers
  };
  std::string name;  // "network", "normal cell", "reduction cell"
  std::vector<Node> nodes;
  std::vector<Edge> edges;
};

// Of a trial of `enas` (its assignments), or of `darts` (the objective that it reported last). Empty: it has none.
// INVALID_ARGUMENT: what it has is no network, and why not.
Result<std::vector<Network>> NetworksOf(const ExperimentSpec& spec, const Trial& trial);
Result<Network> ReadArchitecture(std::string_view architecture, std::string_view nn_config);
Result<std::vector<Network>> ReadGenotype(std::string_view text);

std::string NetworkText(const Network& network);  // a table: each node, what it is and what it takes
// Graphviz's language, a cluster for each network.
std::string DotOf(std::string_view title, const std::vector<Network>& networks);

}  // namespace qalam
