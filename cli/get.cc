// SPDX-License-Identifier: Apache-2.0
// qalam get: experiments, trials and suggestions as tables, or as the objects that Katib would print; once, or as they
// change.
#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "cli/columns.h"
#include "cli/lookup.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "experiment/status.h"

namespace qalam {
namespace {

constexpr std::chrono::milliseconds kLookAgain{200};  // -w

struct GetOptions : ViewOptions {
  std::string kind, name;
  ListOptions list;
  bool watch = false;
  bool trials() const { return kind.starts_with("trial"); }
  bool suggestions() const { return kind.starts_with("sugg"); }
};

// A listing, and the objects behind its rows.
struct Section {
  Listing listing;
  std::function<std::string(std::size_t row)> object;  // "trial/NAME"
  std::function<Result<Node>(std::size_t row)> document;
};

// An empty list of objects, as kubectl prints it.
Node EmptyList() {
  Node out = Node::Map();
  out.Set("apiVersion", Node::String("v1"));
  out.Set("kind", Node::String("List"));
  out.Set("items", Node::Sequence());
  return out;
}

// `text` less its last newline, its second and later lines moved to the right.
std::string Indented(std::string_view text, std::string_view by) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  std::string out;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    out.append(text.substr(0, end + 1));
    text.remove_prefix(end + 1);
    if (!text.starts_with('\n')) out.append(by);
  }
  return out.append(text);
}

// The same text as a list with these items has, written as they come: there may be more than memory wants to hold.
class ListPrinter {
 public:
  explicit ListPrinter(bool json) : json_(json) {}
  void Add(const Node& item) {
    const std::string before = std::exchange(first_, false) ? Opening() : json_ ? "," : "";
    Print(before + (json_ ? "\n    " + Indented(ToJson(item, 2), "    ") : "- " + Indented(ToYaml(item), "  ") + "\n"));
  }
  void End() {
    if (first_) {
      Print(json_ ? ToJson(EmptyList(), 2) + "\n" : ToYaml(EmptyList()));
    } else if (json_) {
      Print("\n  ]\n}\n");
    }
  }

 private:
  std::string Opening() const {
    const std::string empty = json_ ? ToJson(EmptyList(), 2) : ToYaml(EmptyList());
    const std::size_t bracket = empty.rfind('[');  // "items": []
    return json_ ? empty.substr(0, bracket + 1) : empty.substr(0, bracket - 1) + "\n";
  }
  bool json_, first_ = true;
};

Node SuggestionDocument(const ExperimentWithSpec& e, const std::vector<Trial>& trials) {
  const auto settings = [](const std::vector<Setting>& all) {
    Node list = Node::Sequence();
    for (const Setting& setting : all) {
      Node& item = list.Add(Node::Map());
      item.Set("name", Node::String(setting.name));
      item.Set("value", Node::String(setting.value));
    }
    return list;
  };
  Node out = Node::Map();
  out.Set("apiVersion", Node::String("kubeflow.org/v1beta1"));
  out.Set("kind", Node::String("Suggestion"));
  Node& metadata = out.Set("metadata", Node::Map());
  metadata.Set("name", Node::String(e.record.name));
  metadata.Set("namespace", Node::String(e.record.namespace_name));
  Node& spec = out.Set("spec", Node::Map());
  Node& algorithm = spec.Set("algorithm", Node::Map());
  algorithm.Set("algorithmName", Node::String(e.spec.algorithm.name));
  algorithm.Set("algorithmSettings", settings(e.spec.algorithm.settings));
  spec.Set("requests", Node::Int(static_cast<long long>(trials.size())));
  Node& status = out.Set("status", Node::Map());
  status.Set("algorithmSettings", settings(e.record.algorithm_settings));
  status.Set("suggestionCount", Node::Int(static_cast<long long>(trials.size())));
  Node& suggestions = status.Set("suggestions", Node::Sequence());
  for (const Trial& trial : trials) {
    Node& suggestion = suggestions.Add(Node::Map());
    suggestion.Set("name", Node::String(trial.name));
    Node& assignments = suggestion.Set("parameterAssignments", Node::Sequence());
    for (const Assignment& a : trial.assignments) {
      Node& item = assignments.Add(Node::Map());
      item.Set("name", Node::String(a.name));
      item.Set("value", Node::String(a.value));
    }
  }
  return out;
}

Section ExperimentSection(StoreReader& reader, const std::vector<ExperimentWithSpec>& all) {
  return {ListExperiments(all), [&all](std::size_t row) { return "experiment/" + all[row].record.name; },
          [&](std::size_t row) -> Result<Node> { return ExperimentDocument(reader, all[row].record); }};
}

Section SuggestionSection(StoreReader& reader, const std::vector<ExperimentWithSpec>& all) {
  return {ListSuggestions(all), [&all](std::size_t row) { return "suggestion/" + all[row].record.name; },
          [&](std::size_t row) -> Result<Node> {
            const TrialQuery query{.parts = TrialQuery::kAssignments};
            QALAM_TRY(const std::vector<Trial> trials, reader.FindTrials(all[row].record.id, query));
            return SuggestionDocument(all[row], trials);
          }};
}

Section TrialSection(const ExperimentWithSpec& experiment, const std::vector<Trial>& trials) {
  const auto documents = std::make_shared<TrialDocuments>(experiment.record, experiment.spec);
  return {ListTrials(experiment, trials), [&trials](std::size_t row) { return "trial/" + trials[row].name; },
          [&trials, documents](std::size_t row) -> Result<Node> { return documents->Of(trials[row]); }};
}

unsigned ReadsToShow(const Listing& columns, const std::string& output) {
  if (WantsDocument(output)) return TrialQuery::kEverything;
  if (output == "name") return TrialQuery::kNothing;
  return columns.ReadsToShow(output == "csv" ? Column::kCsv : output == "wide" ? Column::kWide : Column::kTable);
}

// The trials that the options choose, by ordinal, and of each as much as is shown: an experiment may have very many.
// Listing::Apply cuts and orders them afterwards.
Result<std::vector<Trial>> ReadTrials(StoreReader& reader, const ExperimentWithSpec& e, const GetOptions& options) {
  constexpr std::size_t kFew = 1'000;  // rows that are read one by one sooner than all of them whole
  const ListOptions& list = options.list;
  const std::int64_t id = e.record.id;
  const std::vector<Trial> none;
  const Listing columns = ListTrials(e, none);
  const unsigned shown = ReadsToShow(columns, options.output), asked = columns.ReadsToChoose(list);
  if (list.filter.empty() && list.sort.empty()) {
    QALAM_TRY(std::vector<Trial> trials,
              reader.FindTrials(id, {.parts = shown, .newest_first = list.reverse, .limit = list.limit}));
    if (list.reverse) std::ranges::reverse(trials);
    return trials;
  }
  const bool all_are_shown = list.filter.empty() && !list.limit;
  if (all_are_shown || (shown & ~asked) == 0) return reader.FindTrials(id, {.parts = asked | shown});
  QALAM_TRY(std::vector<Trial> brief, reader.FindTrials(id, {.parts = asked}));
  Listing chosen = ListTrials(e, brief);
  if (!chosen.Apply(list).ok()) return brief;  // there is no such column: said when it is done again
  if (chosen.rows().size() > kFew) return reader.FindTrials(id, {.parts = asked | shown});
  std::vector<Trial> whole;
  for (const std::size_t row : chosen.rows()) {
    QALAM_TRY(std::optional<Trial> trial, reader.FindNumbered(id, brief[row].ordinal));
    if (trial) whole.push_back(*std::move(trial));
  }
  std::ranges::sort(whole, {}, &Trial::ordinal);
  return whole;
}

// Experiments have columns of their own: what one does not know may be another's.
Status Apply(const ListOptions& options, std::vector<Section>* sections) {
  Status fault;
  std::vector<Section> kept;
  for (Section& section : *sections) {
    const Status applied = section.listing.Apply(options);
    if (applied.ok()) {
      kept.push_back(std::move(section));
    } else if (fault.ok()) {
      fault = applied;
    }
  }
  if (kept.empty() && !fault.ok()) return fault;
  *sections = std::move(kept);
  return OkStatus();
}

// `widths`: of the columns that stand above already; they go on without a head.
std::string TextOf(const std::vector<Section>& sections, const std::string& output,
                   std::vector<int>* widths = nullptr) {
  std::string text;
  for (const Section& section : sections) {
    if (output == "name") {
      for (const std::size_t row : section.listing.rows()) text += section.object(row) + "\n";
    } else {
      if (!text.empty()) text += "\n";
      text += output == "csv" ? section.listing.Csv() : section.listing.Table(output == "wide", widths);
    }
  }
  return text;
}

Status PrintDocuments(const std::vector<Section>& sections, bool one, const std::string& output) {
  if (one || output.starts_with("jsonpath")) {
    Node list = EmptyList();
    Node& items = list.entries.back().value;
    for (const Section& section : sections) {
      for (const std::size_t row : section.listing.rows()) {
        QALAM_TRY(Node document, section.document(row));
        items.Add(std::move(document));
      }
    }
    QALAM_TRY(const std::string text, PrintDocument(one && items.items.size() == 1 ? items.items[0] : list, output));
    Print(text);
    return OkStatus();
  }
  ListPrinter printer(output == "json");
  for (const Section& section : sections) {
    for (const std::size_t row : section.listing.rows()) {
      QALAM_TRY(const Node document, section.document(row));
      printer.Add(document);
      if (std::ferror(stdout) != 0) return OkStatus();  // nobody reads any more
    }
  }
  printer.End();
  return OkStatus();
}

// What the name and the namespace choose. For trials: of these experiments, or the one trial that was named.
struct Chosen {
  std::vector<Experiment> experiments;
  std::optional<Trial> trial;
};

Result<Chosen> Choose(StoreReader& reader, const GetOptions& options) {
  Chosen chosen;
  if (options.name.empty()) {
    QALAM_TRY(chosen.experiments, reader.Experiments());
    std::erase_if(chosen.experiments, [&](const Experiment& e) {
      return !options.namespace_name.empty() && e.namespace_name != options.namespace_name;
    });
    return chosen;
  }
  if (options.trials()) {
    if (auto found = LookUpTrial(reader, options.namespace_name, options.name); found.ok()) {
      chosen.experiments.push_back(std::move(found->experiment));
      chosen.trial = std::move(found->trial);
      return chosen;
    }
  }
  QALAM_TRY(Experiment record, LookUpExperiment(reader, options.namespace_name, options.name));
  chosen.experiments.push_back(std::move(record));
  return chosen;
}

Status Once(StoreReader& reader, const GetOptions& options) {
  QALAM_TRY(Chosen chosen, Choose(reader, options));
  QALAM_TRY(const std::vector<ExperimentWithSpec> experiments, WithSpecs(reader, std::move(chosen.experiments)));
  std::vector<std::vector<Trial>> trials;
  std::vector<Section> sections;
  if (options.trials()) {
    trials.reserve(experiments.size());
    for (const ExperimentWithSpec& e : experiments) {
      if (chosen.trial) {
        trials.push_back({*chosen.trial});
      } else {
        QALAM_TRY(std::vector<Trial> some, ReadTrials(reader, e, options));
        trials.push_back(std::move(some));
      }
      sections.push_back(TrialSection(e, trials.back()));
    }
  } else {
    sections.push_back(options.suggestions() ? SuggestionSection(reader, experiments)
                                             : ExperimentSection(reader, experiments));
  }
  QALAM_RETURN_IF_ERROR(Apply(options.list, &sections));
  if (WantsDocument(options.output)) {
    return PrintDocuments(sections, options.trials() ? chosen.trial.has_value() : !options.name.empty(),
                          options.output);
  }
  Print(TextOf(sections, options.output));
  return OkStatus();
}

// -w: everything once, then each object again when it has changed, until somebody ends it.
class Watch {
 public:
  Watch(StoreReader& reader, const GetOptions& options) : reader_(reader), options_(options) {}

  Status Run() {
    QALAM_TRY(const Chosen chosen, Choose(reader_, options_));
    if (!options_.name.empty()) only_ = chosen.experiments.front().id;
    if (chosen.trial) only_trial_ = chosen.trial->name;
    for (std::int64_t revision = 0;;) {
      QALAM_TRY(const Changes changes, reader_.ChangesSince(revision));
      if (changes.revision != revision) QALAM_RETURN_IF_ERROR(Tell(changes, revision == 0));
      revision = changes.revision;
      if (std::fflush(stdout) != 0) return OkStatus();  // nobody reads any more
      std::this_thread::sleep_for(kLookAgain);
    }
  }

 private:
  bool Wanted(const Experiment& e) const {
    return only_ ? e.id == *only_ : options_.namespace_name.empty() || e.namespace_name == options_.namespace_name;
  }

  Status Tell(const Changes& changes, bool beginning) {
    const ListOptions list = beginning ? options_.list : ListOptions{.filter = options_.list.filter};
    QALAM_TRY(std::vector<Experiment> records, reader_.Experiments());
    std::erase_if(records, [this](const Experiment& e) { return !Wanted(e); });
    if (!options_.trials()) {
      const std::set<std::int64_t> changed(changes.experiments.begin(), changes.experiments.end());
      std::erase_if(records, [&](const Experiment& e) { return !changed.contains(e.id); });
      QALAM_TRY(const std::vector<ExperimentWithSpec> experiments, WithSpecs(reader_, std::move(records)));
      if (experiments.empty()) return OkStatus();
      return Print(
          options_.suggestions() ? SuggestionSection(reader_, experiments) : ExperimentSection(reader_, experiments), 0,
          list);
    }
    if (beginning && only_trial_.empty()) {
      QALAM_TRY(const std::vector<ExperimentWithSpec> experiments, WithSpecs(reader_, std::move(records)));
      for (const ExperimentWithSpec& e : experiments) {
        if (e.record.counts.total == 0) continue;
        QALAM_TRY(const std::vector<Trial> all, ReadTrials(reader_, e, options_));
        QALAM_RETURN_IF_ERROR(Print(TrialSection(e, all), e.record.id, list));
      }
      return OkStatus();
    }
    std::map<std::int64_t, std::vector<Trial>> trials;
    for (const std::string& name : changes.trials) {
      if (!only_trial_.empty() && name != only_trial_) continue;
      QALAM_TRY(const std::optional<Trial> trial, reader_.FindTrial(name));
      if (trial) trials[trial->experiment_id].push_back(*trial);
    }
    std::erase_if(records, [&](const Experiment& e) { return !trials.contains(e.id); });
    QALAM_TRY(const std::vector<ExperimentWithSpec> experiments, WithSpecs(reader_, std::move(records)));
    for (const ExperimentWithSpec& e : experiments) {
      std::vector<Trial>& of_it = trials[e.record.id];
      std::ranges::sort(of_it, {}, &Trial::ordinal);
      QALAM_RETURN_IF_ERROR(Print(TrialSection(e, of_it), e.record.id, list));
    }
    return OkStatus();
  }

  // Under the head that stands above already, where the rows before were of the same kind.
  Status Print(Section section, std::int64_t kind, const ListOptions& list) {
    QALAM_RETURN_IF_ERROR(section.listing.Apply(list));
    if (section.listing.rows().empty() && !first_) return OkStatus();
    const bool head = kind != std::exchange(kind_, kind);
    if (head) widths_.clear();
    std::vector<Section> sections;
    sections.push_back(std::move(section));
    if (!WantsDocument(options_.output)) {
      std::string text = TextOf(sections, options_.output, &widths_);
      if (options_.output == "csv" && !head) text.erase(0, text.find('\n') + 1);
      first_ = false;
      qalam::Print(text);
      return OkStatus();
    }
    first_ = false;
    for (const std::size_t row : sections[0].listing.rows()) {
      QALAM_TRY(const Node document, sections[0].document(row));
      QALAM_TRY(const std::string text, PrintDocument(document, options_.output));
      qalam::Print((options_.output == "yaml" ? "---\n" : "") + text);
    }
    return OkStatus();
  }

  StoreReader& reader_;
  const GetOptions& options_;
  std::optional<std::int64_t> only_;
  std::string only_trial_;
  std::vector<int> widths_;
  std::int64_t kind_ = -1;
  bool first_ = true;
};

int GetVerb(const GetOptions& options) {
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  if (options.watch) {
    const Status watched = Watch(**reader, options).Run();
    return watched.ok() ? kDone : Complain(watched);
  }
  const Status shown = Once(**reader, options);
  return shown.ok() ? kDone : Complain(shown);
}

}  // namespace

Verb MakeGetVerb() {
  const auto o = std::make_shared<GetOptions>();
  Verb get{"get", "list experiments, trials or suggestions"};
  get.footer =
      "Examples:\n  qalam get experiments\n  qalam get trials digits --sort objective --limit 5\n  qalam get trials "
      "digits --filter 'lr<1e-3 and state=Succeeded' -o csv\n  qalam get experiments -o "
      "jsonpath='{.items[*].metadata.name}'";
  std::vector<std::string> kinds = {"suggestions", "suggestion"};
  kinds.insert(kinds.end(), kExperimentWords.begin(), kExperimentWords.end());
  kinds.insert(kinds.end(), kTrialWords.begin(), kTrialWords.end());
  get.Option("KIND", &o->kind, "experiments, trials or suggestions").OneOf(kinds).Required();
  get.Option("NAME", &o->name, "an experiment, or a trial");
  get.Option("--filter", &o->list.filter, "only the rows for which this holds: 'lr<1e-3 and state=Succeeded'")
      .Type("CONDITION");
  get.Option("--sort", &o->list.sort, "by this column; objective: the best first").Type("COLUMN");
  get.Option("--reverse", &o->list.reverse, "the other way round");
  get.Option("--limit", &o->list.limit, "at most so many of each experiment").Type("ROWS").AtLeast(1);
  get.Option("-w,--watch", &o->watch, "and then what changes, until Ctrl-C");
  AddOutput(&get, &o->output, {"table", "wide", "json", "yaml", "name", "csv", "jsonpath="});
  AddNamespace(&get, &o->namespace_name);
  AddDatabase(&get, &o->db);
  get.run = [o](const Invocation&) { return GetVerb(*o); };
  return get;
}

}  // namespace qalam
