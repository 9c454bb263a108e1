// SPDX-License-Identifier: Apache-2.0
// What Katib's trial programs for enas and darts are told, to the letter.
#include "suggest/nas_text.h"

#include <gtest/gtest.h>

#include <functional>

#include "algorithms/darts.h"
#include "core/rng.h"

namespace qalam {
namespace {

NasConfig Example() {
  const ParameterSpec size{"filter_size", ParameterType::kCategorical, {"", "", "", {"3", "5"}, {}}};
  const ParameterSpec filters{"num_filter", ParameterType::kDiscrete, {"", "", "", {"48", "32"}, {}}};
  const ParameterSpec kind{"reduction_type", ParameterType::kCategorical, {"", "", "", {"max_pooling"}, {}}};
  const ParameterSpec pool{"pool_size", ParameterType::kInt, {"2", "3", "1", {}, {}}};
  const ParameterSpec rate{"rate", ParameterType::kDouble, {"0", "1", "0.5", {}, {}}};
  return {{3, {32, 32, 3}, {10}}, {{"convolution", {size, filters}}, {"reduction", {kind, pool}}, {"dropout", {rate}}}};
}

std::string Name(const LayerOperation& operation) {
  std::string out = operation.type;
  for (const LayerOperation::Value& value : operation.values) out += " " + value.name + "=" + value.text;
  return out;
}

TEST(NasText, OperationsAreNumberedAsKatibNumbersThem) {
  std::vector<std::string> names;
  for (const LayerOperation& operation : LayerOperations(Example())) names.push_back(Name(operation));
  const std::vector<std::string> expected = {"convolution filter_size=3 num_filter=48",
                                             "convolution filter_size=3 num_filter=32",
                                             "convolution filter_size=5 num_filter=48",
                                             "convolution filter_size=5 num_filter=32",
                                             "reduction reduction_type=max_pooling pool_size=2",
                                             "reduction reduction_type=max_pooling pool_size=3",
                                             "dropout rate=0",
                                             "dropout rate=0.5",
                                             "dropout rate=1"};
  EXPECT_EQ(names, expected);
}

TEST(NasText, AnArchitectureIsToldAsKatibTellsIt) {
  const std::vector<int> choices = {2, 4, 1, 6, 0, 1};
  EXPECT_EQ(ArchitectureText(choices), "[[2], [4, 1], [6, 0, 1]]");
  EXPECT_EQ(NnConfigText(Example().graph, LayerOperations(Example()), choices),
            "{'num_layers': 3, 'input_sizes': [32, 32, 3], 'output_sizes': [10], 'embedding': {"
            "'2': {'opt_id': 2, 'opt_type': 'convolution', 'opt_params': {'filter_size': '5', 'num_filter': '48'}}, "
            "'4': {'opt_id': 4, 'opt_type': 'reduction', 'opt_params': {'reduction_type': 'max_pooling', "
            "'pool_size': 2}}, "
            "'6': {'opt_id': 6, 'opt_type': 'dropout', 'opt_params': {'rate': 0.0}}}}");
}

TEST(NasText, AnArchitectureReadsBackAsItWasWritten) {
  Rng rng(1, "test.architecture", 0);
  for (int round = 0; round < 200; ++round) {
    const int layers = 1 + static_cast<int>(rng.Below(12));
    std::vector<int> choices;
    for (int layer = 0; layer < layers; ++layer) {
      choices.push_back(static_cast<int>(rng.Below(15)));
      for (int i = 0; i < layer; ++i) choices.push_back(static_cast<int>(rng.Below(2)));
    }
    const Result<std::vector<int>> read = ParseArchitecture(ArchitectureText(choices), layers, 15);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    EXPECT_EQ(*read, choices);
  }
  EXPECT_TRUE(ParseArchitecture(" [ [ 2 ],[1,\n0] ] ", 2, 3).ok()) << "however it is spaced";
}

TEST(NasText, WhatIsNoArchitectureOfTheSpaceIsRefused) {
  for (const auto& [text, fault] : std::vector<std::pair<std::string, std::string>>{
           {"", "it must be a list of lists"},
           {"2", "it must be a list of lists"},
           {"[[2]", "it must have 2 layers"},
           {"[[2]]", "it must have 2 layers"},
           {"[[2], [1, 0], [1, 0, 1]]", "it must have 2 layers"},
           {"[[2], [1, 0]] x", "it must have 2 layers"},
           {"[[2], 1]", "layer 1: it must be a list"},
           {"[[2], [1]]", "layer 1: it must have 2 numbers"},
           {"[[2], [1, 0, 0]]", "layer 1: it must have 2 numbers"},
           {"[['2'], [1, 0]]", "layer 0: something in it is no number"},
           {"[[99999999999], [1, 0]]", "layer 0: something in it is no number"},
           {"[[3], [1, 0]]", "layer 0: number 0 is 3, it must be between 0 and 2"},
           {"[[-1], [1, 0]]", "layer 0: number 0 is -1, it must be between 0 and 2"},
           {"[[2], [1, 2]]", "layer 1: number 1 is 2, it must be between 0 and 1"}}) {
    const Result<std::vector<int>> read = ParseArchitecture(text, 2, 3);
    EXPECT_EQ(read.status().code(), Code::kInvalidArgument) << text;
    EXPECT_EQ(read.status().message(), "architecture: " + fault) << text;
  }
}

TEST(NasText, DartsIsToldItsSettingsAndOperationsAsKatibTellsThem) {
  EXPECT_EQ(DartsSettingsText(kDartsSettings, {}),
            "{'num_epochs': 50, 'w_lr': 0.025, 'w_lr_min': 0.001, 'w_momentum': 0.9, 'w_weight_decay': 0.0003, "
            "'w_grad_clip': 5.0, 'alpha_lr': 0.0003, 'alpha_weight_decay': 0.001, 'batch_size': 128, "
            "'num_workers': 4, 'init_channels': 16, 'print_step': 50, 'num_nodes': 4, 'stem_multiplier': 3}");
  const std::vector<Setting> given = {{"num_epochs", "1"}, {"batch_size", "None"}, {"my_own", "it's"}};
  EXPECT_EQ(DartsSettingsText(kDartsSettings, given),
            "{'num_epochs': '1', 'w_lr': 0.025, 'w_lr_min': 0.001, 'w_momentum': 0.9, 'w_weight_decay': 0.0003, "
            "'w_grad_clip': 5.0, 'alpha_lr': 0.0003, 'alpha_weight_decay': 0.001, 'batch_size': null, "
            "'num_workers': 4, 'init_channels': 16, 'print_step': 50, 'num_nodes': 4, 'stem_multiplier': 3, "
            "'my_own': 'it\\u0027s'}");
  NasConfig nas = Example();
  nas.operations.push_back({"skip_connection", nas.operations[0].parameters});
  nas.operations.erase(nas.operations.begin() + 1, nas.operations.begin() + 3);
  EXPECT_EQ(DartsSpaceText(nas), "['convolution_3x3', 'convolution_5x5', 'skip_connection']");
}

TEST(NasText, EveryFaultOfANasConfigIsToldWithItsField) {
  const auto faults = [](const std::function<void(NasConfig*)>& spoil, std::string_view algorithm = "enas") {
    NasConfig nas = Example();
    spoil(&nas);
    std::string out;
    for (const NasFault& fault : CheckNasConfig(nas, algorithm))
      out += (out.empty() ? "" : "\n") + fault.field + ": " + fault.text;
    return out;
  };
  const auto first = [](NasConfig* nas) -> ParameterSpec& { return nas->operations[0].parameters[0]; };
  const auto ranged = [](NasConfig* nas) -> ParameterSpec& { return nas->operations[1].parameters[1]; };
  const auto stepped = [](NasConfig* nas) -> ParameterSpec& { return nas->operations[2].parameters[0]; };
  const std::string size = "nasConfig.operations[0].parameters[0]", pool = "nasConfig.operations[1].parameters[1]",
                    rate = "nasConfig.operations[2].parameters[0]";
  EXPECT_EQ(faults([](NasConfig*) {}), "");
  EXPECT_EQ(faults([](NasConfig* nas) { nas->graph = {}; }),
            "nasConfig.graphConfig.numLayers: is missing: how many layers the network has\n"
            "nasConfig.graphConfig.inputSizes: is missing: the shape of an input, [32, 32, 3] for one\n"
            "nasConfig.graphConfig.outputSizes: is missing: the shape of the output, [10] for ten classes");
  EXPECT_EQ(faults(
                [](NasConfig* nas) {
                  nas->graph = {2, {}, {}}, nas->operations.resize(1);
                },
                "darts"),
            "")
      << "darts builds its own network";
  EXPECT_EQ(faults([](NasConfig* nas) { nas->graph.num_layers = 101; }),
            "nasConfig.graphConfig.numLayers: 101 must be between 1 and 100");
  EXPECT_EQ(faults([](NasConfig* nas) { nas->graph.input_sizes[1] = 0; }),
            "nasConfig.graphConfig.inputSizes[1]: 0 must be greater than 0");
  EXPECT_EQ(faults([](NasConfig* nas) { nas->operations.clear(); }),
            "nasConfig.operations: is missing: what a layer may be made of");
  EXPECT_EQ(faults([](NasConfig* nas) { nas->operations[0].type = ""; }),
            "nasConfig.operations[0].operationType: is missing: the kind of operation, convolution for one");
  EXPECT_EQ(faults([](NasConfig* nas) { nas->operations[0].parameters.clear(); }),
            "nasConfig.operations[0].parameters: is missing: an operation has at least one parameter, filter_size for "
            "one");
  EXPECT_EQ(faults([&](NasConfig* nas) { first(nas).name = ""; }),
            size + ".name: is missing: a parameter needs a name");
  EXPECT_EQ(faults([&](NasConfig* nas) { first(nas).name = "num_filter"; }),
            "nasConfig.operations[0].parameters[1].name: another parameter of this operation has the name "
            "'num_filter'");
  EXPECT_EQ(faults([&](NasConfig* nas) { first(nas).feasible.list.clear(); }),
            size + ".feasibleSpace.list: is missing: the values of the parameter");
  EXPECT_EQ(faults([&](NasConfig* nas) { first(nas).feasible.list[1] = "5'"; }),
            size +
                ".feasibleSpace.list[1]: holds a quote, a backslash or a control character, which a trial cannot be "
                "told");
  EXPECT_EQ(faults([&](NasConfig* nas) { ranged(nas).feasible = {}; }),
            pool + ".feasibleSpace: has neither min nor max");
  EXPECT_EQ(faults([&](NasConfig* nas) { ranged(nas).feasible.min = "4"; }),
            pool + ".feasibleSpace: parameter 'pool_size': min 4 is greater than max 3");
  EXPECT_EQ(faults([&](NasConfig* nas) { stepped(nas).feasible.step = ""; }),
            rate +
                ".feasibleSpace.step: is missing: a double of an operation has a step greater than 0, its values are "
                "counted");
  EXPECT_NE(faults([&](NasConfig* nas) { stepped(nas).feasible.step = "0"; }), "");
  EXPECT_EQ(faults([&](NasConfig* nas) { ranged(nas).feasible.max = "1000000"; }),
            "nasConfig.operations: are more than 10000 with all values of their parameters");
  EXPECT_EQ(faults(
                [](NasConfig* nas) {
                  nas->operations = {{"skip_connection", {}}};
                },
                "darts"),
            "")
      << "it is what it is";
  EXPECT_EQ(faults([](NasConfig*) {}, "darts"),
            rate +
                ".parameterType: double must be categorical or discrete: the first parameter of an operation lists "
                "the filter sizes");
}

}  // namespace
}  // namespace qalam
