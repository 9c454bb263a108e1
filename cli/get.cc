// SPDX-License-Identifier: Apache-2.0
// qalam get: experiments, trials and suggestions as tables, or as the objects that Katib would print; once, or as they
// change.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <list>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "cli/columns.h"
#include "cli/jsonpath.h"
#include "cli/lookup.h"
#include "cli/target.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "core/diagnostic.h"
#include "experiment/status.h"

namespace qalam {
namespace {

constexpr std::chrono::milliseconds kLookAgain{200};  // -w

struct GetOptions : ViewOptions {
  std::vector<std::string> what;
  ListOptions list;
  bool watch = false;
};

// What is to be shown of one kind.
struct Wanted {
  ObjectKind kind;
  std::vector<std::string> names;  // empty: all
};

// A listing, and the objects behind its rows.
struct Section {
  Listing listing;
  std::function<std::string(std::size_t row)> object;  // "trial/NAME"
  std::function<Result<Node>(std::size_t row)> document;
};

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

using EachDocument = std::function<Status(const Node&)>;

Status ForEachDocument(const std::vector<Section>& sections, const EachDocument& visit) {
  for (const Section& section : sections) {
    for (const std::size_t row : section.listing.rows()) {
      QALAM_TRY(const Node document, section.document(row));
      QALAM_RETURN_IF_ERROR(visit(document));
      if (std::ferror(stdout) != 0) return OkStatus();  // nobody reads any more
    }
  }
  return OkStatus();
}

// The list is made whole only for a template that wants it whole: 100,000 trials are a gigabyte.
Status PrintTemplate(const std::vector<Section>& sections, const std::string& output) {
  QALAM_TRY(const JsonPath path, ParseTemplate(output));
  if (path.ReadsItemByItem()) {
    JsonPath::Items items(path);
    QALAM_RETURN_IF_ERROR(ForEachDocument(sections, [&](const Node& document) {
      items.Add(document);
      return OkStatus();
    }));
    Print(items.Text());
    return OkStatus();
  }
  Node list = EmptyList();
  QALAM_RETURN_IF_ERROR(ForEachDocument(sections, [&](const Node& document) {
    list.entries.back().value.Add(document);
    return OkStatus();
  }));
  Print(path.Print(list));
  return OkStatus();
}

Status PrintDocuments(const std::vector<Section>& sections, bool one, const std::string& output) {
  if (one) {
    return ForEachDocument(sections, [&](const Node& document) -> Status {
      QALAM_TRY(const std::string text, PrintDocument(document, output));
      Print(text);
      return OkStatus();
    });
  }
  if (output.starts_with("jsonpath")) return PrintTemplate(sections, output);
  ListPrinter printer(output == "json");
  QALAM_RETURN_IF_ERROR(ForEachDocument(sections, [&](const Node& document) {
    printer.Add(document);
    return OkStatus();
  }));
  printer.End();
  return OkStatus();
}

// "all", "exp,trials", "exp NAME NAME", "exp/NAME trial/NAME": by kind, in the order in which the kinds were named.
Result<std::vector<Wanted>> ReadWanted(const std::vector<std::string>& words) {
  std::vector<Wanted> wanted;
  if (words[0].find('/') != std::string::npos) {
    QALAM_TRY(const std::vector<Reference> references, ReadReferences(words));
    for (const Reference& reference : references) {
      if (!reference.kind) return InvalidArgument("'{}' among KIND/NAMEs: of which kind?", reference.name);
      auto of_kind = std::ranges::find(wanted, *reference.kind, &Wanted::kind);
      if (of_kind == wanted.end()) of_kind = wanted.insert(wanted.end(), {*reference.kind, {}});
      of_kind->names.push_back(reference.name);
    }
    return wanted;
  }
  for (std::size_t start = 0; start <= words[0].size();) {
    const std::size_t comma = std::min(words[0].find(',', start), words[0].size());
    const std::string word = words[0].substr(start, comma - start);
    start = comma + 1;
    const auto add = [&](ObjectKind kind) {
      if (std::ranges::find(wanted, kind, &Wanted::kind) == wanted.end())
        wanted.push_back({kind, {words.begin() + 1, words.end()}});
    };
    if (word == "all") {
      for (const ObjectKind kind : {ObjectKind::kExperiment, ObjectKind::kSuggestion, ObjectKind::kTrial}) add(kind);
    } else if (const auto kind = ParseObjectKind(word)) {
      add(*kind);
    } else {
      const std::string nearest =
          NearestWord(word, {"experiments", "experiment", "trials", "trial", "suggestions", "all"});
      return InvalidArgument("'{}' is no kind of object: experiments, trials, suggestions or all{}", word,
                             nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
    }
  }
  return wanted;
}

// What a name and the namespace choose. For trials: of these experiments, or the one trial that was named.
struct Chosen {
  std::vector<Experiment> experiments;
  std::optional<Trial> trial;
};

// `name` empty: all there are.
Result<Chosen> Choose(StoreReader& reader, ObjectKind kind, const std::string& name, const GetOptions& options) {
  Chosen chosen;
  if (name.empty()) {
    QALAM_TRY(chosen.experiments, reader.Experiments());
    std::erase_if(chosen.experiments, [&](const Experiment& e) {
      return !options.namespace_name.empty() && e.namespace_name != options.namespace_name;
    });
    return chosen;
  }
  if (kind == ObjectKind::kTrial) {
    if (auto found = LookUpTrial(reader, options.namespace_name, name); found.ok()) {
      chosen.experiments.push_back(std::move(found->experiment));
      chosen.trial = std::move(found->trial);
      return chosen;
    }
  }
  QALAM_TRY(Experiment record, LookUpExperiment(reader, options.namespace_name, name));
  chosen.experiments.push_back(std::move(record));
  return chosen;
}

// Sections and what they borrow from.
class Page {
 public:
  Page(StoreReader& reader, const GetOptions& options) : reader_(reader), options_(options) {}
  std::vector<Section>& sections() { return sections_; }
  bool one() const { return one_; }  // an object is meant, not a list of them

  Status Add(const Wanted& wanted) {
    const std::vector<std::string> all = {""};
    Chosen together;  // experiments and suggestions: one table
    for (const std::string& name : wanted.names.empty() ? all : wanted.names) {
      QALAM_TRY(Chosen chosen, Choose(reader_, wanted.kind, name, options_));
      one_ = wanted.names.size() == 1 && (wanted.kind != ObjectKind::kTrial || chosen.trial);
      if (wanted.kind == ObjectKind::kTrial) {
        QALAM_RETURN_IF_ERROR(AddTrials(std::move(chosen)));
      } else {
        std::ranges::move(chosen.experiments, std::back_inserter(together.experiments));
      }
    }
    if (wanted.kind == ObjectKind::kTrial) return OkStatus();
    QALAM_TRY(std::vector<ExperimentWithSpec> read, WithSpecs(reader_, std::move(together.experiments)));
    const auto& kept = experiments_.emplace_back(std::move(read));
    sections_.push_back(wanted.kind == ObjectKind::kSuggestion ? SuggestionSection(reader_, kept)
                                                               : ExperimentSection(reader_, kept));
    return OkStatus();
  }

 private:
  Status AddTrials(Chosen chosen) {
    QALAM_TRY(std::vector<ExperimentWithSpec> read, WithSpecs(reader_, std::move(chosen.experiments)));
    for (const ExperimentWithSpec& e : experiments_.emplace_back(std::move(read))) {
      if (chosen.trial) {
        trials_.push_back({*chosen.trial});
      } else {
        QALAM_TRY(std::vector<Trial> some, ReadTrials(reader_, e, options_));
        trials_.push_back(std::move(some));
      }
      sections_.push_back(TrialSection(e, trials_.back()));
    }
    return OkStatus();
  }

  StoreReader& reader_;
  const GetOptions& options_;
  std::list<std::vector<ExperimentWithSpec>> experiments_;
  std::list<std::vector<Trial>> trials_;
  std::vector<Section> sections_;
  bool one_ = false;
};

Status Once(StoreReader& reader, const GetOptions& options, const std::vector<Wanted>& wanted) {
  Page page(reader, options);
  for (const Wanted& kind : wanted) QALAM_RETURN_IF_ERROR(page.Add(kind));
  QALAM_RETURN_IF_ERROR(Apply(options.list, &page.sections()));
  if (WantsDocument(options.output)) {
    return PrintDocuments(page.sections(), page.one() && wanted.size() == 1, options.output);
  }
  Print(TextOf(page.sections(), options.output));
  return OkStatus();
}

// -w: everything once, then each object again when it has changed, until somebody ends it.
class Watch {
 public:
  Watch(StoreReader& reader, const GetOptions& options) : reader_(reader), options_(options) {}

  Status Run(const std::vector<Wanted>& wanted) {
    if (wanted.size() > 1 || wanted.front().names.size() > 1)
      return InvalidArgument("-w watches one kind of object, or one object of it");
    kind_of_object_ = wanted.front().kind;
    const std::string name = wanted.front().names.empty() ? "" : wanted.front().names.front();
    QALAM_TRY(const Chosen chosen, Choose(reader_, kind_of_object_, name, options_));
    if (!name.empty()) only_ = chosen.experiments.front().id;
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
  bool Concerns(const Experiment& e) const {
    return only_ ? e.id == *only_ : options_.namespace_name.empty() || e.namespace_name == options_.namespace_name;
  }

  Status Tell(const Changes& changes, bool beginning) {
    const ListOptions list = beginning ? options_.list : ListOptions{.filter = options_.list.filter};
    QALAM_TRY(std::vector<Experiment> records, reader_.Experiments());
    std::erase_if(records, [this](const Experiment& e) { return !Concerns(e); });
    if (kind_of_object_ != ObjectKind::kTrial) {
      const std::set<std::int64_t> changed(changes.experiments.begin(), changes.experiments.end());
      std::erase_if(records, [&](const Experiment& e) { return !changed.contains(e.id); });
      QALAM_TRY(const std::vector<ExperimentWithSpec> experiments, WithSpecs(reader_, std::move(records)));
      if (experiments.empty()) return OkStatus();
      return Print(kind_of_object_ == ObjectKind::kSuggestion ? SuggestionSection(reader_, experiments)
                                                              : ExperimentSection(reader_, experiments),
                   0, list);
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
  ObjectKind kind_of_object_ = ObjectKind::kExperiment;
  std::optional<std::int64_t> only_;
  std::string only_trial_;
  std::vector<int> widths_;
  std::int64_t kind_ = -1;
  bool first_ = true;
};

int GetVerb(const GetOptions& options) {
  const auto wanted = ReadWanted(options.what);
  if (!wanted.ok()) return Complain(wanted.status());
  const auto reader = OpenView(options.db);
  if (!reader.ok()) return Complain(reader.status());
  const Status shown = options.watch ? Watch(**reader, options).Run(*wanted) : Once(**reader, options, *wanted);
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
  get.Option("TARGET", &o->what,
             "experiments, trials, suggestions or all; exp NAME..., trial NAME..., KIND/NAME; trials of an experiment: "
             "trials NAME")
      .Required();
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
