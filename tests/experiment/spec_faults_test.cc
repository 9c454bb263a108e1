// SPDX-License-Identifier: Apache-2.0
// Malformed Experiments: one change to a correct one, and the fault that a person reads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/experiment/support.h"

namespace qalam {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Case {
  const char* from;  // in kGoodExperiment
  const char* to;
  const char* fault;  // "line:column: severity: field: the text begins"
};

void PrintTo(const Case& c, std::ostream* out) { *out << "'" << c.from << "' -> '" << c.to << "'"; }

class Fault : public testing::TestWithParam<Case> {};

TEST_P(Fault, NamesItsPlaceItsFieldAndWhatIsAllowed) {
  const Case& c = GetParam();
  const Reading reading = ReadSpec(Changed(c.from, c.to));
  const std::string lines = "\n" + Lines(reading.faults);
  EXPECT_THAT(lines, HasSubstr(std::string("\n") + c.fault));
  const bool error = std::string_view(c.fault).find(": error: ") != std::string_view::npos;
  EXPECT_EQ(reading.spec.has_value(), !error) << lines;
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2) << "one fault, one line:" << lines;
}

INSTANTIATE_TEST_SUITE_P(
    Head, Fault,
    testing::Values(Case{"kubeflow.org/v1beta1", "kubeflow.org/v1alpha3",
                         "1:13: error: apiVersion: 'kubeflow.org/v1alpha3' is not read here: an Experiment has "
                         "'kubeflow.org/v1beta1'; convert it"},
                    Case{"kind: Experiment", "kind: Trial",
                         "2:7: error: kind: 'Trial' is not read here: an Experiment has 'Experiment'"},
                    Case{"kind: Experiment\n", "", "1:1: error: kind: is missing: an Experiment has 'Experiment'"},
                    Case{"kind: Experiment", "kind: [Experiment]", "2:7: error: kind: must be a text, found a list"},
                    Case{"  name: good\n", "  namespace: x\n",
                         "3:1: error: metadata.name: is missing: an experiment needs a name"},
                    Case{"  name: good\n", "  generateName: good-\n",
                         "3:1: error: metadata.name: is missing: generateName lets a cluster make one"},
                    Case{"name: good", "name: Good",
                         "4:9: error: metadata.name: name 'Good' must be small letters, digits and '-'"},
                    Case{"name: good", "name: good-", "4:9: error: metadata.name: name 'good-' must be"},
                    // Katib's pattern has no end: this would pass, and fail as a pod's name.
                    Case{"name: good", "name: good_one", "4:9: error: metadata.name: name 'good_one' must be"},
                    Case{"name: good", "name: 9good", "4:9: error: metadata.name: name '9good' must be"},
                    Case{"name: good", "name: a-name-of-more-than-forty-characters-is-long",
                         "4:9: error: metadata.name: name 'a-name-of-more-than-forty-characters-is-long' has 44 "
                         "characters, at most 40 are allowed"},
                    Case{"name: good", "name: good\n  namespace: ../etc",
                         "5:14: error: metadata.namespace: namespace '../etc' must be"},
                    Case{"name: good", "name: good\n  labels: {team: [a]}",
                         "5:18: error: metadata.labels.team: must be a text, found a list"},
                    Case{"name: good", "name: good\n  labels: x",
                         "5:11: error: metadata.labels: must be a map of fields, found the text 'x'"},
                    Case{"name: good", "name: good\n  anotations: {}",
                         "5:3: warning: metadata.anotations: unknown field, not used; did you mean 'annotations'?"}));

INSTANTIATE_TEST_SUITE_P(
    Objective, Fault,
    testing::Values(
        Case{
            "type: minimize", "type: minimise",
            "7:11: error: spec.objective.type: 'minimise' is not one of: minimize, maximize; did you mean 'minimize'?"},
        Case{"    type: minimize\n", "", "6:3: error: spec.objective.type: is missing: minimize or maximize"},
        Case{"goal: 0.001", "goal: \"0.001\"",
             "8:11: error: spec.objective.goal: must be a number, found the text '0.001'; take the quotes away"},
        Case{"goal: 0.001", "goal: .nan", "8:11: error: spec.objective.goal: must be a number, found the text '.nan'"},
        Case{"goal: 0.001", "goal: 1e999",
             "8:11: error: spec.objective.goal: 1e999 is not a number that a double can hold"},
        Case{"    objectiveMetricName: loss\n", "",
             "6:3: error: spec.objective.objectiveMetricName: is missing: the name of the metric"},
        Case{"objectiveMetricName: loss", "objectiveMetricName: \"\"",
             "9:26: error: spec.objective.objectiveMetricName: is empty"},
        Case{"[accuracy]", "[loss]",
             "10:29: error: spec.objective.additionalMetricNames[0]: 'loss' is the objective already"},
        Case{"[accuracy]", "[a, a]", "10:32: warning: spec.objective.additionalMetricNames[1]: 'a' is there twice"},
        Case{"[accuracy]", "accuracy",
             "10:28: error: spec.objective.additionalMetricNames: must be a list, found the text 'accuracy'"},
        Case{"[accuracy]", "[{a: b}]",
             "10:29: error: spec.objective.additionalMetricNames[0]: must be a text, found a map"},
        Case{"[accuracy]", "[a]\n    metricStrategies: [{name: loss, value: last}]",
             "11:44: error: spec.objective.metricStrategies[0].value: 'last' is not one of: min, max, latest"},
        Case{"[accuracy]", "[a]\n    metricStrategies: [{name: los, value: min}]",
             "11:31: warning: spec.objective.metricStrategies[0].name: 'los' is not a metric of this experiment, so "
             "its strategy is not used; did you mean 'loss'?"},
        Case{"[accuracy]", "[a]\n    metricStrategies: [{name: a, value: min}, {name: a, value: max}]",
             "11:54: error: spec.objective.metricStrategies[1].name: metric 'a' has a strategy already"},
        Case{"[accuracy]", "[a]\n    metricStrategies: [{name: a}]",
             "11:24: error: spec.objective.metricStrategies[0].value: is missing"},
        Case{"    goal: 0.001\n", "    gaol: 0.001\n",
             "8:5: warning: spec.objective.gaol: unknown field, not used; did you mean 'goal'?"}));

INSTANTIATE_TEST_SUITE_P(
    Algorithm, Fault,
    testing::Values(Case{"algorithmName: random", "algorithmName: randm",
                         "12:20: error: spec.algorithm.algorithmName: algorithm 'randm' is not known; did you mean "
                         "'random'? (this version has grid, random, sobol)"},
                    Case{"algorithmName: random", "algorithmName: hyperband",
                         "12:20: error: spec.algorithm.algorithmName: algorithm 'hyperband' is one of Katib's, and not "
                         "in this version of Qalam; this version has grid, random, sobol"},
                    Case{"    algorithmName: random\n", "    settings: []\n    algorithmName: random\n",
                         "12:5: warning: spec.algorithm.settings: unknown field, not used"},
                    Case{"    algorithmName: random\n", "    algorithmSettings: []\n",
                         "11:3: error: spec.algorithm.algorithmName: is missing"},
                    Case{"  algorithm:\n    algorithmName: random\n", "",
                         "5:1: error: spec.algorithm: is missing: how trials are chosen"},
                    Case{"algorithmName: random",
                         "algorithmName: random\n    algorithmSettings: [{name: a, value: 1}, {name: a, value: 2}]",
                         "13:53: error: spec.algorithm.algorithmSettings[1].name: setting 'a' is there twice"},
                    Case{"algorithmName: random", "algorithmName: random\n    algorithmSettings: [{name: a}]",
                         "13:25: error: spec.algorithm.algorithmSettings[0].value: is missing: the value of 'a'"},
                    Case{"algorithmName: random", "algorithmName: random\n    algorithmSettings: [{value: 1}]",
                         "13:25: error: spec.algorithm.algorithmSettings[0].name: is missing"},
                    Case{"algorithmName: random", "algorithmName: random\n  earlyStopping: {algorithmName: medianstop}",
                         "13:34: error: spec.earlyStopping.algorithmName: early-stopping rule 'medianstop' is one of "
                         "Katib's, and not in this version of Qalam; this version has none"},
                    Case{"algorithmName: random", "algorithmName: random\n  earlyStopping: {algorithmName: medianstp}",
                         "13:34: error: spec.earlyStopping.algorithmName: early-stopping rule 'medianstp' is not "
                         "known; did you mean 'medianstop'?"},
                    Case{"algorithmName: random", "algorithmName: random\n  earlyStopping: {algorithmSettings: []}",
                         "13:3: error: spec.earlyStopping.algorithmName: is missing"}));

INSTANTIATE_TEST_SUITE_P(
    Budget, Fault,
    testing::Values(
        Case{"parallelTrialCount: 2", "parallelTrialCount: 0",
             "13:23: error: spec.parallelTrialCount: 0 must be greater than 0"},
        Case{"parallelTrialCount: 2", "parallelTrialCount: two",
             "13:23: error: spec.parallelTrialCount: must be a whole number, found the text 'two'"},
        Case{"parallelTrialCount: 2", "parallelTrialCount: \"2\"",
             "13:23: error: spec.parallelTrialCount: must be a whole number, found the text '2'; take the quotes away"},
        Case{"parallelTrialCount: 2", "parallelTrialCount: 2.5",
             "13:23: error: spec.parallelTrialCount: must be a whole number, found the number 2.5"},
        Case{"parallelTrialCount: 2", "parallelTrialCount: 13",
             "13:23: warning: spec.parallelTrialCount: 13 is greater than maxTrialCount 12"},
        Case{"parallelTrialCount: 2", "paralelTrialCount: 2",
             "13:3: warning: spec.paralelTrialCount: unknown field, not used; did you mean 'parallelTrialCount'?"},
        Case{"maxTrialCount: 12", "maxTrialCount: -1",
             "14:18: error: spec.maxTrialCount: -1 must be greater than 0; leave it out for no limit"},
        Case{"maxTrialCount: 12", "maxTrialCount: 3000000000",
             "14:18: error: spec.maxTrialCount: 3000000000 is too large in size: at most 2147483647"},
        Case{"maxFailedTrialCount: 3", "maxFailedTrialCount: -1",
             "15:24: error: spec.maxFailedTrialCount: -1 must be 0 or more"},
        Case{"maxFailedTrialCount: 3", "maxFailedTrialCount: 13",
             "15:24: warning: spec.maxFailedTrialCount: 13 is greater than maxTrialCount 12"},
        Case{"maxFailedTrialCount: 3", "resumePolicy: never",
             "15:17: error: spec.resumePolicy: 'never' is not one of: Never, LongRunning, FromVolume; did you mean "
             "'Never'?"},
        Case{"maxFailedTrialCount: 3",
             "nasConfig: {graphConfig: {numLayers: 1}, operations: [{operationType: a, parameters: "
             "[{name: k, parameterType: int, feasibleSpace: {min: 1, max: 2}}]}]}",
             "16:3: error: spec.parameters: nasConfig is there too: an experiment searches parameters or an "
             "architecture, "
             "not both"}));

INSTANTIATE_TEST_SUITE_P(
    Parameters, Fault,
    testing::Values(
        Case{"min: \"0.01\"", "min: \"0.1\"",
             "20:14: error: spec.parameters[0].feasibleSpace.min: parameter 'lr': min 0.1 is greater than max 0.05"},
        Case{"min: \"0.01\"", "min: abc",
             "20:14: error: spec.parameters[0].feasibleSpace.min: parameter 'lr': min 'abc' is not a finite number"},
        Case{"min: \"0.01\"", "min: .nan",
             "20:14: error: spec.parameters[0].feasibleSpace.min: parameter 'lr': min '.nan' is not a finite number"},
        Case{"max: \"0.05\"", "max: inf",
             "21:14: error: spec.parameters[0].feasibleSpace.max: parameter 'lr': max 'inf' is not a finite number"},
        Case{"        max: \"0.05\"\n", "",
             "19:7: error: spec.parameters[0].feasibleSpace.max: parameter 'lr': max is missing; a parameter of type "
             "double has min and max"},
        Case{"max: \"0.05\"", "max: [0.05]",
             "21:14: error: spec.parameters[0].feasibleSpace.max: must be a text, found a list"},
        Case{"max: \"0.05\"", "max: \"0.05\"\n        step: \"0\"",
             "22:15: error: spec.parameters[0].feasibleSpace.step: parameter 'lr': step 0 must be greater than 0"},
        Case{"max: \"0.05\"", "max: \"0.05\"\n        step: \"1\"",
             "22:15: error: spec.parameters[0].feasibleSpace.step: parameter 'lr': step 1 is larger than the range "
             "from 0.01 to 0.05"},
        Case{"max: \"0.05\"", "max: \"0.05\"\n        list: [1]",
             "22:9: error: spec.parameters[0].feasibleSpace.list: parameter 'lr': a list is for discrete and "
             "categorical"},
        Case{"max: \"0.05\"", "max: \"0.05\"\n        distribution: loguniform",
             "22:23: error: spec.parameters[0].feasibleSpace.distribution: 'loguniform' is not one of: uniform, "
             "logUniform, normal, logNormal; did you mean 'logUniform'?"},
        Case{"max: \"0.05\"", "max: \"0.05\"\n        Distribution: uniform",
             "22:9: warning: spec.parameters[0].feasibleSpace.Distribution: unknown field, not used; did you mean "
             "'distribution'?"},
        Case{"min: \"0.01\"", "min: \"0\"\n        distribution: logUniform",
             "20:14: error: spec.parameters[0].feasibleSpace.min: parameter 'lr': min 0 must be greater than 0 for "
             "logUniform"},
        Case{"min: \"0.01\"", "min: 0.00005",
             "21:14: warning: spec.parameters[0].feasibleSpace.max: 'lr' spans 3 decades but is sampled linearly; add  "
             "distribution: logUniform"},
        Case{"min: \"1\"", "min: \"1.5\"",
             "25:14: error: spec.parameters[1].feasibleSpace.min: parameter 'layers': min 1.5 is not a whole number, "
             "as an int needs"},
        Case{"max: \"8\"", "max: \"99999999999999999999\"",
             "26:14: error: spec.parameters[1].feasibleSpace.max: parameter 'layers': max 99999999999999999999 is too "
             "large for an int"},
        Case{"max: \"8\"", "max: \"10000\"",
             "26:14: warning: spec.parameters[1].feasibleSpace.max: 'layers' spans 4 decades"},
        Case{"parameterType: int", "parameterType: integer",
             "23:22: error: spec.parameters[1].parameterType: 'integer' is not one of: double, int, discrete, "
             "categorical"},
        Case{"      parameterType: int\n", "",
             "22:7: error: spec.parameters[1].parameterType: is missing: one of double, int, discrete, categorical"},
        Case{"name: layers\n      par", "name: lr\n      par",
             "22:13: error: spec.parameters[1].name: another parameter has the name 'lr' (line 17)"},
        Case{"    - name: layers\n      parameterType: int", "    - parameterType: int",
             "22:7: error: spec.parameters[1].name: is missing: a parameter needs a name"},
        Case{"    - name: layers\n", "    - name: \"la\\tyers\"\n",
             "22:13: error: spec.parameters[1].name: a parameter's name cannot hold control characters"},
        Case{"      feasibleSpace:\n        list: [sgd, adam]\n", "",
             "27:7: error: spec.parameters[2].feasibleSpace: parameter 'opt': feasibleSpace is missing"},
        Case{"list: [sgd, adam]", "list: []",
             "30:9: error: spec.parameters[2].feasibleSpace.list: parameter 'opt': the list is empty; a categorical "
             "needs at least one value"},
        Case{
            "list: [sgd, adam]", "list: [sgd, sgd]",
            "30:21: error: spec.parameters[2].feasibleSpace.list[1]: parameter 'opt': list value 'sgd' is there twice"},
        Case{"list: [sgd, adam]", "list: sgd",
             "30:15: error: spec.parameters[2].feasibleSpace.list: must be a list, found the text 'sgd'"},
        Case{"list: [sgd, adam]", "list: [sgd, null]",
             "30:21: error: spec.parameters[2].feasibleSpace.list[1]: must be a text, found nothing"},
        Case{"list: [sgd, adam]", "list: [a]\n        min: 1",
             "31:14: error: spec.parameters[2].feasibleSpace.min: parameter 'opt': min is for double and int; type "
             "categorical has a list"},
        Case{"list: [sgd, adam]", "list: [a]\n        distribution: normal",
             "31:23: warning: spec.parameters[2].feasibleSpace.distribution: parameter 'opt': a categorical has no "
             "distribution"},
        Case{"categorical\n      feasibleSpace:\n        list: [sgd, adam]",
             "discrete\n      feasibleSpace:\n        list: [1, two]",
             "30:19: error: spec.parameters[2].feasibleSpace.list[1]: parameter 'opt': list value 'two' is not a "
             "finite number; a discrete takes numbers"},
        Case{"categorical\n      feasibleSpace:\n        list: [sgd, adam]",
             "discrete\n      feasibleSpace:\n        list: [1, \"1.0\"]",
             "30:19: error: spec.parameters[2].feasibleSpace.list[1]: parameter 'opt': list values '1' and '1.0' are "
             "the same number"}));

INSTANTIATE_TEST_SUITE_P(
    Template, Fault,
    testing::Values(
        Case{
            "    primaryContainerName: main\n", "",
            "31:3: error: spec.trialTemplate.primaryContainerName: is missing: the container whose end is the trial's"},
        Case{"primaryContainerName: main", "primaryContainerName: main\n    retain: maybe",
             "33:13: error: spec.trialTemplate.retain: must be true or false, found the text 'maybe'"},
        Case{"    primaryContainerName", "    primaryContainername: x\n    primaryContainerName",
             "32:5: warning: spec.trialTemplate.primaryContainername: unknown field, not used; did you mean "
             "'primaryContainerName'?"},
        Case{"reference: layers", "reference: layer",
             "37:20: error: spec.trialTemplate.trialParameters[1].reference: there is no search parameter 'layer'; did "
             "you mean 'layers'?"},
        Case{"        reference: layers\n", "",
             "36:9: error: spec.trialTemplate.trialParameters[1].reference: is missing"},
        Case{"name: layers\n        reference", "name: lr\n        reference",
             "36:15: error: spec.trialTemplate.trialParameters[1].name: 'lr' is there twice"},
        Case{"name: layers\n        reference", "name: \"{layers}\"\n        reference",
             "36:15: error: spec.trialTemplate.trialParameters[1].name: '{layers}' cannot hold '{' or '}'"},
        Case{"reference: layers", "reference: lr",
             "37:20: error: spec.trialTemplate.trialParameters[1].reference: 'lr' is referred to twice"},
        Case{"reference: layers", "reference: ${trialSpec.Nme}",
             "37:20: error: spec.trialTemplate.trialParameters[1].reference: '${trialSpec.Nme}' is not known: after "
             "${trialSpec. comes Name"},
        Case{"reference: layers", "reference: ${trialSpec.Labels[team]}",
             "37:20: error: spec.trialTemplate.trialParameters[1].reference: the template's metadata.labels has no "
             "'team'"},
        Case{"${trialParameters.opt}", "${trialParameters.opt}${trialParameters.layer}",
             "50:24: error: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].args[0]: "
             "'${trialParameters.layer}' is not declared in trialParameters; did you mean 'layers'?"},
        Case{"${trialParameters.opt}", "sgd",
             "39:20: warning: spec.trialTemplate.trialParameters[2]: '${trialParameters.opt}' does not occur in the "
             "template"},
        Case{"${trialParameters.opt}", "${trialParameters.opt}${trialSpec.Name}",
             "50:24: warning: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].args[0]: ${trialSpec...} "
             "is not replaced here"},
        Case{"      apiVersion: batch/v1\n", "",
             "41:7: error: spec.trialTemplate.trialSpec.apiVersion: a manifest needs apiVersion"},
        Case{"kind: Job", "kind: 7", "42:13: error: spec.trialTemplate.trialSpec.kind: a manifest needs kind"},
        Case{"kind: Job", "kind: Job\n      metadata: x",
             "43:17: error: spec.trialTemplate.trialSpec.metadata: must be a map of fields, found the text 'x'"},
        Case{"${trialParameters.opt}", "${trialParameters.opt} ${trialParameters.lr",
             "50:24: warning: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].args[0]: a '${' is not "
             "closed"},
        Case{"kind: Job", "kind: Job\n      metadata: {name: x}",
             "43:24: error: spec.trialTemplate.trialSpec.metadata.name: the name of a trial is made when it starts"},
        Case{"kind: Job", "kind: Job\n      metadata: {namespace: x}",
             "43:29: error: spec.trialTemplate.trialSpec.metadata.namespace: the namespace of a trial is made"},
        Case{"primaryContainerName: main",
             "primaryContainerName: main\n    configMap: {configMapName: a, templatePath: b}",
             "33:5: error: spec.trialTemplate.configMap: trialSpec is there too: a template has one source"}));

INSTANTIATE_TEST_SUITE_P(
    Collector, Fault,
    testing::Values(
        Case{"  trialTemplate:", "  metricsCollectorSpec: {collector: {kind: Stdout}}\n  trialTemplate:",
             "31:44: error: spec.metricsCollectorSpec.collector.kind: 'Stdout' is not one of: StdOut, File, "
             "TensorFlowEvent, PrometheusMetric, Push, Custom, None; did you mean 'StdOut'?"},
        Case{"  trialTemplate:",
             "  metricsCollectorSpec: {collector: {kind: File}, source: {fileSystemPath: {path: a.log}}}\n  "
             "trialTemplate:",
             "31:83: error: spec.metricsCollectorSpec.source.fileSystemPath.path: 'a.log' must be an absolute path"},
        Case{"  trialTemplate:",
             "  metricsCollectorSpec: {collector: {kind: File}, source: {fileSystemPath: {kind: Directory}}}\n  "
             "trialTemplate:",
             "31:83: error: spec.metricsCollectorSpec.source.fileSystemPath.kind: 'Directory' must be File for a "
             "collector of kind File"},
        Case{"  trialTemplate:",
             "  metricsCollectorSpec: {collector: {kind: File}, source: {fileSystemPath: {format: CSV}}}\n  "
             "trialTemplate:",
             "31:85: error: spec.metricsCollectorSpec.source.fileSystemPath.format: 'CSV' is not one of: TEXT, JSON"},
        Case{"  trialTemplate:",
             "  metricsCollectorSpec: {collector: {kind: File}, source: {fileSystemPath: {format: JSON}, filter: "
             "{metricsFormat: [\"(a)(b)\"]}}}\n  trialTemplate:",
             "31:92: error: spec.metricsCollectorSpec.source.filter: JSON needs no filter"},
        Case{"  trialTemplate:",
             "  metricsCollectorSpec: {source: {filter: {metricsFormat: [\"abc\"]}}}\n  trialTemplate:",
             "31:60: error: spec.metricsCollectorSpec.source.filter.metricsFormat[0]: "},
        Case{"  trialTemplate:", "  metricsCollectorSpec: {source: {fileSystemPath: {path: /x}}}\n  trialTemplate:",
             "31:35: warning: spec.metricsCollectorSpec.source.fileSystemPath: a collector of kind StdOut reads no "
             "file"},
        Case{"  trialTemplate:", "  metricsCollectorSpec: {source: {httpGet: {port: 1}}}\n  trialTemplate:",
             "31:35: warning: spec.metricsCollectorSpec.source.httpGet: a collector of kind StdOut asks no server"}));

TEST(SpecFaults, AllOfThemAreSaidAtOnceInTheOrderOfTheFile) {
  std::string text(kGoodExperiment);
  text = With(text, "name: good", "name: Good");
  text = With(text, "type: minimize", "type: least");
  text = With(text, "algorithmName: random", "algorithmName: tpee");
  text = With(text, "parallelTrialCount: 2", "parallelTrialCount: 0");
  text = With(text, "min: \"0.01\"", "min: \"0.1\"");
  text = With(text, "list: [sgd, adam]", "list: []");
  text = With(text, "reference: layers", "reference: layer");
  const Reading reading = ReadSpec(text);
  EXPECT_FALSE(reading.spec);
  std::vector<int> lines;
  for (const Diagnostic& d : reading.faults.all()) lines.push_back(d.position.line);
  EXPECT_EQ(lines, (std::vector<int>{4, 7, 12, 13, 20, 30, 37}));
}

TEST(SpecFaults, UnknownFieldsAreErrorsWhenStrict) {
  SpecContext strict = BuiltIn();
  strict.strict = true;
  EXPECT_TRUE(ReadSpec(kGoodExperiment, strict).spec);
  const Reading reading = ReadSpec(Changed("parallelTrialCount", "paralelTrialCount"), strict);
  EXPECT_FALSE(reading.spec);
  EXPECT_THAT(Lines(reading.faults), HasSubstr("13:3: error: spec.paralelTrialCount: unknown field"));
}

TEST(SpecFaults, ControlCharactersOfAFileDoNotReachATerminal) {
  EXPECT_THAT(Lines(ReadSpec(Changed("type: minimize", "type: \"\\e[31m\\x9b\"")).faults),
              HasSubstr("error: spec.objective.type: '\\u001b[31m\\u009b' is not one of"));
  EXPECT_THAT(Lines(ReadSpec("a: {\"\\e[2J\": 1, \"\\e[2J\": 1}").faults),
              HasSubstr("the key '\\u001b[2J' stands here"));
}

TEST(SpecFaults, AnEmptySpecNamesEverythingThatIsNeeded) {
  const Reading reading =
      ReadSpec("apiVersion: kubeflow.org/v1beta1\nkind: Experiment\nmetadata: {name: e}\nspec: {}\n");
  EXPECT_FALSE(reading.spec);
  const std::string lines = Lines(reading.faults);
  for (const char* field : {"spec.objective", "spec.algorithm", "spec.parameters", "spec.trialTemplate"}) {
    EXPECT_THAT(lines, HasSubstr(fmt::format("4:1: error: {}: is missing", field)));
  }
}

TEST(SpecFaults, WhatIsNoExperimentIsSaidWithoutNoise) {
  EXPECT_EQ(Lines(ReadSpec(Changed("spec:\n  obj", "other:\n  obj")).faults),
            "1:1: error: spec: is missing: what the experiment is to do\n"
            "5:1: warning: other: unknown field, not used\n");
  EXPECT_EQ(Lines(ReadSpec("- a\n- b\n").faults), "1:1: error: must be a map of fields, found a list\n");
  EXPECT_EQ(Lines(ReadSpec("hello\n").faults), "1:1: error: must be a map of fields, found the text 'hello'\n");
  EXPECT_EQ(Lines(ReadSpec("apiVersion: v1\nkind: ConfigMap\nspec: [1]\n").faults),
            "1:13: error: apiVersion: 'v1' is not read here: an Experiment has 'kubeflow.org/v1beta1'\n"
            "2:7: error: kind: 'ConfigMap' is not read here: an Experiment has 'Experiment'\n");
}

TEST(SpecFaults, AMissingSourceOfTheTemplateIsNamed) {
  std::string text(kGoodExperiment);
  text.resize(text.find("    trialSpec:"));
  EXPECT_THAT(Lines(ReadSpec(text).faults),
              HasSubstr("31:3: error: spec.trialTemplate.trialSpec: is missing: the manifest of a trial"));
}

TEST(SpecFaults, AReferenceToALabelThatIsNullIsAFault) {
  const std::string text = With(Changed("reference: layers", "reference: ${trialSpec.Labels[team]}"), "kind: Job\n",
                                "kind: Job\n      metadata: {labels: {team: null}}\n");
  EXPECT_THAT(Lines(ReadSpec(text).faults), HasSubstr("the template's metadata.labels has no 'team'"));
}

TEST(SpecFaults, AnItemThatIsEmptyIsAFault) {
  EXPECT_EQ(Lines(ReadSpec(Changed("    - name: layers\n", "    -\n    - name: layers\n")).faults),
            "22:6: error: spec.parameters[1]: must be a map of fields, found nothing\n");
  EXPECT_THAT(
      Lines(ReadSpec(Changed("      - name: layers\n", "      -\n      - name: layers\n")).faults),
      HasSubstr("36:8: error: spec.trialTemplate.trialParameters[1]: must be a map of fields, found nothing\n"));
}

TEST(SpecFaults, AKindWithoutDefaultsNeedsItsConditions) {
  const std::string lines = Lines(ReadSpec(Changed("kind: Job", "kind: Workflow")).faults);
  EXPECT_THAT(
      lines,
      HasSubstr(
          "31:3: error: spec.trialTemplate.successCondition: is missing: for kind 'Workflow' there is no default"));
  EXPECT_THAT(lines, HasSubstr("31:3: error: spec.trialTemplate.failureCondition: is missing"));
}

TEST(SpecFaults, AShellThatWouldReadAValueAsAProgramIsWarnedOf) {
  std::string text = Changed("list: [sgd, adam]", "list: [sgd, \"$(touch /tmp/x)\"]");
  text = With(text, "[python3, train.py, \"--lr=${trialParameters.lr}\", \"${trialParameters.layers}\"]",
              "[bash, -ec, \"train ${trialParameters.lr} ${trialParameters.layers} ${trialParameters.opt}\"]");
  text = With(text, "args: [\"${trialParameters.opt}\"]", "args: [x]");
  const Reading reading = ReadSpec(text);
  EXPECT_TRUE(reading.spec);
  EXPECT_EQ(Lines(reading.faults),
            "49:38: warning: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].command[2]: the value "
            "'$(touch /tmp/x)' "
            "of 'opt' would be read by the shell as part of its program; write \"$1\" in the script, and after it the "
            "arguments  "
            "sh  and  ${trialParameters.opt}\n");
  // The safe form, and values that mean nothing to a shell, are not warned of.
  EXPECT_EQ(Lines(ReadSpec(With(With(text, " ${trialParameters.opt}\"]", " $1\"]"), "[x]",
                                "[sh, \"${trialParameters.opt}\"]"))
                      .faults),
            "");
  EXPECT_EQ(Lines(ReadSpec(With(text, "\"$(touch /tmp/x)\"", "adam-0.9/b_1")).faults), "");
}

TEST(SpecFaults, AGridThatIsLargerThanTheBudgetIsWarnedOf) {
  std::string text = With(Changed("algorithmName: random", "algorithmName: grid"), "max: \"0.05\"",
                          "max: \"0.05\"\n        step: \"0.01\"");
  EXPECT_EQ(Lines(ReadSpec(text).faults),
            "14:18: warning: spec.maxTrialCount: the grid has 80 points and maxTrialCount is 12: the rest of the grid "
            "is not tried\n");
  EXPECT_EQ(Lines(ReadSpec(With(text, "maxTrialCount: 12", "maxTrialCount: 80")).faults), "");
}

TEST(SpecFaults, AConfigMapThatIsNotThereIsNamed) {
  std::string text(kGoodExperiment);
  const std::size_t from = text.find("    trialSpec:");
  text.replace(
      from, std::string::npos,
      "    configMap:\n      configMapName: templates\n      configMapNamespace: ml\n      templatePath: job.yaml\n");
  SpecContext context = BuiltIn();
  EXPECT_EQ(Lines(ReadSpec(text, context).faults),
            "41:22: error: spec.trialTemplate.configMap.configMapName: ConfigMap ml/templates is not among the "
            "documents; hand it in "
            "with -f FILE\n");
  Diagnostics faults;
  const std::vector<Node> elsewhere =
      ReadDocuments("kind: ConfigMap\nmetadata: {name: templates}\ndata: {job.yaml: x}\n", &faults);
  context.documents = &elsewhere;
  EXPECT_THAT(Lines(ReadSpec(text, context).faults), HasSubstr("(there are: default/templates)"));
  const std::vector<Node> other_key =
      ReadDocuments("kind: ConfigMap\nmetadata: {name: templates, namespace: ml}\ndata: {jobs.yaml: x}\n", &faults);
  context.documents = &other_key;
  EXPECT_EQ(Lines(ReadSpec(text, context).faults),
            "43:21: error: spec.trialTemplate.configMap.templatePath: ConfigMap ml/templates has no text 'job.yaml'; "
            "did you mean "
            "'jobs.yaml'?\n");
  const std::vector<Node> broken = ReadDocuments(
      "kind: ConfigMap\nmetadata: {name: templates, namespace: ml}\ndata:\n  job.yaml: |\n    kind: Job\n    a: 'x\n",
      &faults);
  context.documents = &broken;
  EXPECT_EQ(Lines(ReadSpec(text, context).faults),
            "43:21: error: spec.trialTemplate.configMap.templatePath: the template 'job.yaml': line 2, column 4: the "
            "quote that opens "
            "here is never closed\n");
}

}  // namespace
}  // namespace qalam
