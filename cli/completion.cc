// SPDX-License-Identifier: Apache-2.0
// qalam completion: scripts for shells. They ask `qalam __complete` for what may stand there, which knows the table of
// verbs and looks into the database for names; so they never grow stale.
#include <algorithm>
#include <map>
#include <utility>

#include "algorithms/suggester.h"
#include "cli/launch.h"
#include "cli/lookup.h"
#include "cli/target.h"
#include "cli/text.h"
#include "cli/verb_words.h"
#include "cli/verbs.h"
#include "store/sqlite_store.h"

namespace qalam {
namespace {

constexpr std::string_view kBash = R"(# Tab completion of qalam for bash:  source <(qalam completion bash)
_qalam() {
  COMPREPLY=()
  local word help
  while IFS=$'\t' read -r word help; do
    if [ "$word" = ":files" ]; then
      compopt -o default 2>/dev/null
    else
      COMPREPLY+=("$word")
    fi
  done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _qalam qalam
)";

constexpr std::string_view kZsh = R"(#compdef qalam
# Tab completion of qalam for zsh:  source <(qalam completion zsh), after compinit; or this as _qalam in a folder of $fpath
_qalam() {
  local word help files=
  local -a found
  while IFS=$'\t' read -r word help; do
    if [[ $word == ":files" ]]; then
      files=yes
    else
      found+=("${word//:/\\:}:$help")
    fi
  done < <(${(Q)words[1]} __complete -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
  [[ -n $files ]] && _files
  (( $#found )) && _describe qalam found
}
if [[ $funcstack[1] == _qalam ]]; then
  _qalam "$@"
else
  compdef _qalam qalam
fi
)";

constexpr std::string_view kFish = R"(# Tab completion of qalam for fish:  qalam completion fish | source
function __qalam_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c qalam -f -a '(__qalam_complete)'
)";

constexpr std::size_t kMostNames = 500;

struct Candidate {
  std::string word, help;
};

class Completer {
 public:
  explicit Completer(const std::vector<std::string>& words) : words_(words), verbs_(Verbs()) {}

  std::vector<Candidate> Complete() {
    if (words_.empty()) return {};
    current_ = words_.back();
    if (words_.size() == 1) {
      OfferVerbs(verbs_);
      Offer("--help", "what there is");
      Offer("--version", "which qalam this is");
      return std::move(found_);
    }
    const Verb* verb = FindVerb(verbs_, words_[0]);
    if (verb == nullptr) return {};
    std::size_t at = 1;
    if (!verb->verbs.empty() && words_.size() == 2 && !current_.starts_with('-')) OfferVerbs(verb->verbs);
    if (words_.size() > 2) {
      if (const Verb* inner = FindVerb(verb->verbs, words_[1]); inner != nullptr) {
        verb = inner;
        at = 2;
      }
    }
    Walk(*verb, at);
    return std::move(found_);
  }

 private:
  static const Verb* FindVerb(const std::vector<Verb>& verbs, const std::string& name) {
    const auto found = std::ranges::find_if(verbs, [&](const Verb& verb) {
      return verb.name == name || std::ranges::find(verb.aliases, name) != verb.aliases.end();
    });
    return found == verbs.end() ? nullptr : &*found;
  }

  void Offer(const std::string& word, const std::string& help) {
    if (word.starts_with(current_)) found_.push_back({word, help});
  }
  void OfferVerbs(const std::vector<Verb>& verbs) {
    for (const Verb& verb : verbs) {
      if (!verb.hidden) Offer(verb.name, verb.help);
    }
  }

  // Through the words that are there; then what may come at the last.
  void Walk(const Verb& verb, std::size_t at) {
    std::vector<const VerbOption*> positionals;
    for (const VerbOption& option : verb.options) {
      if (IsPositional(option)) positionals.push_back(&option);
    }
    const VerbOption* wants = nullptr;  // an option whose value comes next
    std::size_t place = 0;
    for (; at + 1 < words_.size(); ++at) {
      const std::string& word = words_[at];
      if (word == "--") return OfferFiles();  // the command to tune
      if (wants != nullptr) {
        Note(*std::exchange(wants, nullptr), word);
      } else if (word.starts_with('-') && word.size() > 1) {
        const std::size_t equals = word.find('=');
        const VerbOption* option = FindOption(verb, word.substr(0, equals));
        if (option == nullptr || IsFlag(*option)) continue;
        if (equals != std::string::npos)
          Note(*option, word.substr(equals + 1));
        else
          wants = option;
      } else {
        if (place < positionals.size()) Note(*positionals[place], word);
        if (place < positionals.size() && !TakesMany(*positionals[place])) ++place;
      }
    }
    if (wants != nullptr) return OfferValues(verb, *wants);
    if (current_.starts_with('-') && current_ != "-") {
      for (const VerbOption& option : verb.options) {
        if (const auto words = OptionWords(option); !words.empty()) Offer(words.back(), option.help);
      }
      return Offer("--help", "all of its options");
    }
    if (place < positionals.size()) OfferValues(verb, *positionals[place]);
  }

  static const VerbOption* FindOption(const Verb& verb, const std::string& word) {
    for (const VerbOption& option : verb.options) {
      const auto words = OptionWords(option);
      if (std::ranges::find(words, word) != words.end()) return &option;
    }
    return nullptr;
  }

  void Note(const VerbOption& option, const std::string& value) {
    values_[option.names] = value;
    if (option.names == "TARGET") target_.push_back(value);
  }

  void OfferFiles() { found_.push_back({":files", ""}); }

  void OfferValues(const Verb& verb, const VerbOption& option) {
    if (!option.choices.empty()) {
      for (const std::string& choice : option.choices) Offer(choice, "");
      return;
    }
    const std::string word = ValueWord(option);
    if (word == "FILE" || word == "DIR") return OfferFiles();
    if (word == "ALGORITHM" || (verb.name == "describe" && option.names == "NAME")) return OfferAlgorithms();
    if (option.names == "-n,--namespace") return OfferNamespaces();
    if (word == "TARGET") return OfferTarget(verb, option);
  }

  // "exp NAME", "exp/NAME", "trial NAME", or a name alone, and what may follow it. Whether a verb takes trials, or
  // several, its help says.
  void OfferTarget(const Verb& verb, const VerbOption& option) {
    const auto has = [&](const char* text) { return option.help.find(text) != std::string::npos; };
    const bool get = verb.name == "get", trials = has("trial"), only_trials = trials && !has("exp");
    const std::size_t slash = current_.find('/');
    auto kind = target_.empty() ? std::nullopt : ParseObjectKind(target_[0]);
    if (!kind && slash != std::string::npos) {
      kind = ParseObjectKind(current_.substr(0, slash));
      if (kind) return OfferNames(*kind, get, current_.substr(0, slash + 1));
    }
    if (target_.empty()) {
      if (get) {
        for (const char* word : {"experiments", "trials", "suggestions", "all"}) Offer(word, "");
        return;
      }
      if (!only_trials) Offer("exp", "an experiment");
      if (trials) Offer("trial", "a trial");
      if (!only_trials) OfferExperiments();
      if (only_trials || (trials && current_.find('#') != std::string::npos)) OfferTrials();
    } else if (kind && (target_.size() == 1 || has("..."))) {
      OfferNames(*kind, get, "");
    } else if (verb.name == "enqueue") {
      OfferParameters(target_[kind ? 1 : 0]);
    } else if (verb.name == "export") {
      OfferFiles();
    } else if (has("...")) {
      OfferExperiments();
    }
  }

  void OfferNames(ObjectKind kind, bool get, const std::string& before) {
    if (kind != ObjectKind::kTrial || get) OfferExperiments(before);  // get trials EXPERIMENT: whose are meant
    if (kind == ObjectKind::kTrial) OfferTrials(before);
  }

  // "lr=" for each parameter that has no value yet.
  void OfferParameters(const std::string& experiment) {
    for (const Experiment& e : Experiments()) {
      if (e.name != experiment) continue;
      const auto spec = ReadStored(e);
      if (!spec.ok()) return;
      for (const ParameterSpec& p : spec->parameters) {
        const auto given = [&](const std::string& word) { return word.starts_with(p.name + "="); };
        if (std::ranges::none_of(target_, given)) Offer(p.name + "=", std::string(ToString(p.type)));
      }
      return;
    }
  }

  void OfferAlgorithms() {
    for (const AlgorithmInfo& algorithm : Algorithms())
      Offer(std::string(algorithm.name), std::string(algorithm.summary));
  }

  StoreReader* Reader() {
    if (reader_ == nullptr) {
      const auto db = values_.find("--db");
      auto opened = OpenSqliteReader(db == values_.end() ? kDefaultDatabase : db->second);
      if (opened.ok()) reader_ = *std::move(opened);
    }
    return reader_.get();
  }

  std::vector<Experiment> Experiments() {
    if (Reader() == nullptr) return {};
    auto all = Reader()->Experiments();
    return all.ok() ? *std::move(all) : std::vector<Experiment>{};
  }

  void OfferNamespaces() {
    std::map<std::string, int> count;
    for (const Experiment& e : Experiments()) ++count[e.namespace_name];
    for (const auto& [name, n] : count) Offer(name, fmt::format("{} experiment{}", n, n == 1 ? "" : "s"));
  }

  void OfferExperiments(const std::string& before = "") {
    for (const Experiment& e : Experiments()) Offer(before + e.name, StatusWord(e));
  }

  // The newest, and "mnist#17" once somebody has typed so far.
  void OfferTrials(const std::string& before = "") {
    const std::vector<Experiment> experiments = Experiments();
    const std::string typed = current_.substr(before.size());
    for (auto e = experiments.rbegin(); e != experiments.rend(); ++e) {
      if (!typed.starts_with(e->name.substr(0, typed.size()))) continue;
      const auto trials = reader_->FindTrials(e->id, {.parts = TrialQuery::kNothing, .newest_first = true});
      if (!trials.ok()) continue;
      for (auto t = trials->begin(); t != trials->end() && found_.size() < kMostNames; ++t) {
        const std::string number = fmt::format("#{}", t->ordinal), state(ToString(t->state));
        Offer(before + t->name, number + " " + state);
        if (current_.find('#') != std::string::npos) Offer(before + e->name + number, state);
      }
    }
  }

  const std::vector<std::string>& words_;
  const std::vector<Verb> verbs_;
  std::string current_;  // the word that is being typed
  std::map<std::string, std::string> values_;
  std::vector<std::string> target_;  // the words of TARGET so far
  std::unique_ptr<StoreReader> reader_;
  std::vector<Candidate> found_;
};

}  // namespace

Verb MakeCompletionVerb() {
  const auto shell = std::make_shared<std::string>();
  Verb verb{"completion", "a script that lets a shell complete verbs, options and names"};
  verb.footer =
      "Examples:\n  source <(qalam completion bash)      # in ~/.bashrc\n"
      "  source <(qalam completion zsh)       # in ~/.zshrc, after compinit\n"
      "  qalam completion fish | source       # in ~/.config/fish/config.fish";
  verb.Option("SHELL", shell.get(), "which shell").OneOf({"bash", "zsh", "fish"}).Required();
  verb.run = [shell](const Invocation&) {
    Print(std::string(*shell == "bash" ? kBash : *shell == "zsh" ? kZsh : kFish));
    return kDone;
  };
  return verb;
}

Verb MakeCompleteVerb() {
  Verb verb{"__complete", "what may stand at the last of the words after --"};
  verb.hidden = true;
  verb.run = [](const Invocation& how) {
    for (const Candidate& candidate : Completer(how.command).Complete())
      Print(candidate.word + (candidate.help.empty() ? "" : "\t" + Printable(candidate.help)) + "\n");
    return kDone;
  };
  return verb;
}

}  // namespace qalam
