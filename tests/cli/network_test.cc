// SPDX-License-Identifier: Apache-2.0
// Networks that were found, as text and as a graph.
#include "cli/network.h"

#include <gmock/gmock.h>

namespace qalam {
namespace {

constexpr const char* kConfig =
    "{'num_layers': 3, 'input_sizes': [32, 32, 3], 'output_sizes': [10], 'embedding': {"
    "'4': {'opt_id': 4, 'opt_type': 'convolution', 'opt_params': {'filter_size': '3', 'stride': '1'}}, "
    "'7': {'opt_id': 7, 'opt_type': 'reduction', 'opt_params': {'reduction_type': 'max_pooling', 'pool_size': 2}}}}";

TEST(Network, TheAssignmentsOfEnasAreATableOfLayers) {
  const auto network = ReadArchitecture("[[4], [7, 0], [4, 1, 1]]", kConfig);
  ASSERT_TRUE(network.ok()) << network.status().ToString();
  EXPECT_EQ(NetworkText(*network),
            "NODE    WHAT         TAKES        SETTINGS\n"
            "input   32x32x3\n"
            "1       convolution  input        filter_size 3, stride 1\n"
            "2       reduction    1            reduction_type max_pooling, pool_size 2\n"
            "3       convolution  2, input, 1  filter_size 3, stride 1\n"
            "output  10           3\n");
}

TEST(Network, AsAGraphItsSkipConnectionsAreDashed) {
  const auto network = ReadArchitecture("[[4], [7, 1]]", kConfig);
  ASSERT_TRUE(network.ok()) << network.status().ToString();
  EXPECT_EQ(DotOf("exp \"a\"", {*network}), R"(digraph "exp \"a\"" {
  node [shape=box, fontname="sans-serif"];
  edge [fontname="sans-serif", fontsize=10];
  subgraph cluster_0 {
    label="network";
    n0_0 [label="input\n32x32x3"];
    n0_1 [label="1\nconvolution\nfilter_size 3, stride 1"];
    n0_2 [label="2\nreduction\nreduction_type max_pooling, pool_size 2"];
    n0_3 [label="output\n10"];
    n0_0 -> n0_1;
    n0_1 -> n0_2;
    n0_0 -> n0_2 [style=dashed];
    n0_2 -> n0_3;
  }
}
)");
}

TEST(Network, AGenotypeIsItsCells) {
  // With the spaces that Python writes, and without.
  for (const char* text : {"Genotype(normal=[[('max_pooling_3x3', 0), ('skip_connection', 1)], [('a', 1), ('b', 2)]], "
                           "normal_concat=range(2, 4), reduce=[[('c', 0), ('d', 1)]], reduce_concat=range(2, 3))",
                           "Genotype(normal=[[('max_pooling_3x3',0),('skip_connection',1)],[('a',1),('b',2)]],"
                           "normal_concat=range(2,4),reduce=[[('c',0),('d',1)]],reduce_concat=range(2,3))"}) {
    const auto cells = ReadGenotype(text);
    ASSERT_TRUE(cells.ok()) << cells.status().ToString();
    ASSERT_EQ(cells->size(), 2U);
    EXPECT_EQ((*cells)[1].name, "reduction cell");
    EXPECT_EQ(NetworkText((*cells)[0]),
              "NODE    WHAT                  TAKES\n"
              "c(k-2)  cell before the last\n"
              "c(k-1)  last cell\n"
              "2       sum                   max_pooling_3x3 of c(k-2), skip_connection of c(k-1)\n"
              "3       sum                   a of c(k-1), b of 2\n"
              "output  side by side          2, 3\n");
    EXPECT_THAT(DotOf("g", *cells), testing::HasSubstr("n1_1 -> n1_2 [label=\"d\"];"));
  }
  const auto one =
      ReadGenotype("Genotype(normal=[[('a',0),('b',1)]],normal_concat=range(2,3),reduce=[],reduce_concat=x)");
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(one->size(), 1U);
}

TEST(Network, WhatIsNoneIsTold) {
  for (const char* text : {"", "Genotype()", "Genotype(normal=[[('a',0)", "Genotype(normal=[[('a',5)]],reduce=[])",
                           "Genotype(normal=[[('a',x)]],reduce=[])", "Genotype(normal=[],reduce=3)"}) {
    EXPECT_EQ(ReadGenotype(text).status().code(), Code::kInvalidArgument) << text;
  }
  for (const char* text : {"", "[", "3", "[[9]]", "[[]]", "[4]"}) {
    EXPECT_EQ(ReadArchitecture(text, kConfig).status().code(), Code::kInvalidArgument) << text;
  }
  EXPECT_EQ(ReadArchitecture("[[4]]", "{}").status().code(), Code::kInvalidArgument);
}

TEST(Network, ATrialHasOneOnlyInASearchForAnArchitecture) {
  ExperimentSpec spec;
  spec.objective.metric_name = "Best-Genotype";
  Trial trial;
  trial.assignments = {{"architecture", "[[4]]"}, {"nn_config", kConfig}};
  EXPECT_TRUE(NetworksOf(spec, trial)->empty());
  spec.nas_config.emplace();
  EXPECT_EQ(NetworksOf(spec, trial)->size(), 1U);
  trial.assignments.clear();
  EXPECT_TRUE(NetworksOf(spec, trial)->empty());
  trial.observation.emplace();
  trial.observation->metrics.push_back({"Best-Genotype"});
  trial.observation->metrics[0].latest =
      "Genotype(normal=[[('a',0),('b',1)]],normal_concat=r,reduce=[],reduce_concat=r)";
  EXPECT_EQ(NetworksOf(spec, trial)->at(0).name, "normal cell");
}

}  // namespace
}  // namespace qalam
