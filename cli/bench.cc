// SPDX-License-Identifier: Apache-2.0
// qalam bench: algorithms tried on problems whose answers are known, and what that says about them.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <thread>

#include "algorithms/suggester.h"
#include "bench/campaign.h"
#include "bench/check.h"
#include "bench/coco.h"
#include "bench/curves.h"
#include "bench/files.h"
#include "bench/report.h"
#include "bench/roster.h"
#include "bench/suites.h"
#include "bench/summary.h"
#include "cli/bench_home.h"
#include "cli/input.h"
#include "cli/lookup.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "core/diagnostic.h"

namespace qalam {
namespace {

namespace fs = std::filesystem;

struct BenchOptions {
  std::vector<std::string> suites, algorithms, paths;
  std::string suite;  // list
  std::optional<int> seeds, budget, workers, common_start, jobs;
  bool steps = false, untold = false, tuning = false, update = false;
  std::optional<int> timeout;  // seconds
  std::string out, report_out, home, config, coco;
};

std::string HomeOf(const BenchOptions& options) { return BenchHome(options.home); }
std::string DataOf(const BenchOptions& options) { return HomeOf(options) + "/data"; }

Status UnknownSuite(const std::string& name) {
  std::vector<std::string> suites;
  for (const bench::Suite& suite : bench::Suites()) suites.emplace_back(suite.name);
  const std::string nearest = NearestWord(name, suites);
  return Error(Code::kNotFound, "'{}' is neither a suite nor a problem; {}", name,
               nearest.empty() ? "'qalam bench list' shows the suites, 'qalam bench list SUITE' the problems of one"
                               : fmt::format("did you mean '{}'?", nearest));
}

int ListVerb(const BenchOptions& options) {
  if (!options.suite.empty()) {
    const auto suites = bench::Suites();
    const bool known = std::any_of(suites.begin(), suites.end(),
                                   [&](const bench::Suite& suite) { return suite.name == options.suite; });
    if (!known) return Complain(UnknownSuite(options.suite));
    for (const std::string& name : bench::ProblemsOf(options.suite, options.tuning)) Print(name + "\n");
    return kDone;
  }
  Table suites({"SUITE", "PROBLEMS", "WHAT IT IS"});
  for (const bench::Suite& suite : bench::Suites()) {
    suites.Row({std::string(suite.name), std::to_string(bench::ProblemsOf(suite.name, options.tuning).size()),
                std::string(suite.summary)});
  }
  Table algorithms({"ALGORITHM", "WHAT IT IS"});
  for (const AlgorithmInfo& info : Algorithms()) algorithms.Row({std::string(info.name), std::string(info.summary)});
  Table peers({"PEER", "WHAT IT IS", "HERE"});
  if (const auto known = bench::Peers::List(HomeOf(options)); known.ok()) {
    for (const bench::PeerInfo& peer : *known) {
      const std::string why = bench::Peers::WhyNot(peer);
      peers.Row({peer.name, peer.summary + (peer.slow ? " (slow)" : ""), why.empty() ? "yes" : Printable(why)});
    }
  }
  Print(suites.Text() + "\n" + algorithms.Text() + (peers.empty() ? "" : "\n" + peers.Text()));
  return kDone;
}

// Writes what the report consists of into `folder`.
Status WriteReport(const bench::Curves& curves, const bench::Summary& summary, const std::string& folder) {
  QALAM_RETURN_IF_ERROR(bench::WriteWhole(folder + "/summary.json", bench::SummaryJson(summary)));
  QALAM_RETURN_IF_ERROR(bench::WriteWhole(folder + "/report.html", bench::ReportHtml(summary)));
  return bench::PackCurves(curves, folder + "/curves.csv.gz");
}

// `folder` empty: nothing is written.
int Report(const std::vector<std::string>& paths, const std::string& folder, const std::string& data) {
  Result<bench::Curves> curves = bench::ReadCurves(paths.front(), data);
  if (!curves.ok()) return Complain(curves.status());
  for (std::size_t i = 1; i < paths.size(); ++i) {
    auto more = bench::ReadCurves(paths[i], data);
    if (!more.ok()) return Complain(more.status());
    const Status merged = bench::Merge(&*curves, *std::move(more));
    if (!merged.ok()) return Complain(merged.Within(paths[i]));
  }
  const bench::Summary summary = bench::Summarise(*curves);
  Print(bench::SummaryText(summary));
  if (folder.empty()) return summary.runs > 0 ? kDone : kExperimentFailed;
  const Status written = WriteReport(*curves, summary, folder);
  if (!written.ok()) return Complain(written);
  Print(fmt::format("\nwrote {0}/report.html, {0}/summary.json and {0}/curves.csv.gz\n", folder));
  return summary.runs > 0 ? kDone : kExperimentFailed;
}

int ReportVerb(const BenchOptions& options) {
  std::string folder = options.report_out;
  for (const std::string& path : options.paths) {
    if (folder.empty() && fs::is_directory(path)) folder = path;
  }
  if (!options.coco.empty()) {
    for (const std::string& path : options.paths) {
      const Status written = bench::WriteCoco(path, options.coco);
      if (!written.ok()) return Complain(written);
    }
    Print(fmt::format("wrote {0}; read it with: python3 -m cocopp {0}/*\n", options.coco));
    return kDone;
  }
  return Report(options.paths, folder, DataOf(options));
}

// Runs while it shows how far it is: a line that is drawn again on a terminal, else one now and then.
class Runner {
 public:
  Runner(const bench::CampaignOptions& campaign, std::atomic<bool>* interrupted)
      : campaign_(campaign), interrupted_(*interrupted), output_(STDOUT_FILENO), loop_(clock_) {}

  // The exit code.
  int Go() {
    const Signals signals(loop_, [this](int signal) {
      if (signal == SIGWINCH) return;
      if (interrupted_.exchange(true)) _exit(kInterrupted);  // twice: at once
      output_.Line("interrupted: ending the runs at work; the same command goes on");
    });
    Status status;
    std::jthread thread([&] {
      status = bench::RunCampaign(
          campaign_, [this](const bench::Progress& progress) { loop_.Post([=, this] { Tell(progress); }); },
          [this] { return interrupted_.load(); });
      loop_.Post([this] { loop_.Stop(); });
    });
    loop_.Run();
    thread.join();
    output_.EraseFrame();
    if (status.ok() && last_.all > 0) output_.Line(Line());
    output_.FlushAll();
    if (!status.ok()) return Complain(status);
    return interrupted_ ? kInterrupted : kDone;
  }

 private:
  std::string Line() const {
    const Duration spent = clock_.Monotonic() - began_;
    const int ended = last_.done + last_.failed, fresh = ended - last_.found;
    std::string line = fmt::format("{}/{} runs", ended, last_.all);
    if (last_.failed > 0) line += fmt::format(", {} failed", last_.failed);
    if (ended == last_.all) return line + fmt::format(" in {}", ShortDuration(spent));
    if (fresh > 0) line += fmt::format(", {} left", ShortDuration(spent * (last_.all - ended) / fresh));
    return line;
  }

  void Tell(const bench::Progress& progress) {
    last_ = progress;
    if (!progress.failure.empty()) output_.Line(Printable("failed: " + progress.failure));
    const Duration now = clock_.Monotonic();
    const auto pause = redraw_ ? std::chrono::milliseconds(100) : std::chrono::seconds(10);
    if (now - told_ < pause) return;
    told_ = now;
    if (!redraw_) return output_.Line(Line());
    constexpr int kBar = 30;
    const int filled = kBar * (last_.done + last_.failed) / std::max(1, last_.all);
    output_.Frame({fmt::format("[{:=<{}}{:{}}] {}", "", filled, "", kBar - filled, Line())});
  }

  const bench::CampaignOptions& campaign_;
  std::atomic<bool>& interrupted_;
  const SystemClock clock_;
  const bool redraw_ = CanRedraw(STDOUT_FILENO);
  const Duration began_ = clock_.Monotonic();
  Duration told_ = began_;
  Output output_;
  EventLoop loop_;
  bench::Progress last_;
};

Result<std::map<std::string, ServiceSpec>> ReadPlugins(const std::string& config) {
  if (config.empty()) return std::map<std::string, ServiceSpec>();
  Input input;
  Services services = ReadConfigFile(config, &input);
  if (!input.ok()) return InvalidArgument("{}", input.Render());
  return std::move(services.suggestions);
}

Result<bench::Manifest> ManifestOf(const BenchOptions& options, const bench::Roster& roster) {
  bench::Manifest manifest;
  const auto found = bench::ReadManifest(options.out);
  if (found.ok()) {
    manifest = *found;
  } else if (found.status().code() != Code::kNotFound) {
    return found.status();
  }
  // What is not said is as it was.
  bench::Setup& setup = manifest.setup;
  setup.budget = options.budget.value_or(setup.budget);
  setup.workers = options.workers.value_or(setup.workers);
  setup.common_start = options.common_start.value_or(setup.common_start);
  setup.budget_told = setup.budget_told && !options.untold;
  setup.by_steps = setup.by_steps || options.steps;
  if (setup.by_steps && setup.common_start > 0)
    return InvalidArgument("--common-start is of whole trials: it does not go together with --steps");
  manifest.seeds = options.seeds.value_or(manifest.seeds);
  std::vector<std::string> suites = options.suites, algorithms = options.algorithms;
  if (suites.empty() && manifest.problems.empty()) suites = {"quick"};
  if (algorithms.empty() && manifest.contenders.empty()) {
    for (const AlgorithmInfo& info : Algorithms()) {
      if (info.name != "grid" && info.searches == Searched::kParameters) algorithms.emplace_back(info.name);
    }
  }
  bench::Manifest more{setup, {}, {}, manifest.seeds};
  for (const std::string& suite : suites) {
    for (std::string& name : bench::ProblemsOf(suite, options.tuning)) {
      // A name that is none is told at once; a table that is damaged fails its runs.
      if (name == suite) {
        if (const auto problem = bench::MakeProblem(name, DataOf(options)); problem.status().code() == Code::kNotFound)
          return UnknownSuite(name);
      }
      more.problems.push_back(std::move(name));
    }
  }
  for (const std::string& list : algorithms) {
    for (const std::string& name : bench::SplitNames(list)) {
      QALAM_TRY(bench::ContenderSpec spec, roster.Parse(name));
      QALAM_RETURN_IF_ERROR(roster.CheckSteps(spec, setup.by_steps));
      more.contenders.push_back(std::move(spec));
    }
  }
  QALAM_RETURN_IF_ERROR(bench::Extend(&manifest, more));
  return manifest;
}

int RunVerb(const BenchOptions& options) {
  std::atomic<bool> interrupted = false;
  bench::RosterOptions known;
  known.home = HomeOf(options);
  known.logs = options.out + "/logs";
  known.timeout = std::chrono::seconds(options.timeout.value_or(300));
  known.interrupted = [&interrupted] { return interrupted.load(); };
  const auto before = bench::ReadManifest(options.out);
  known.workers = options.workers.value_or(before.ok() ? before->setup.workers : 1);
  auto services = ReadPlugins(options.config);
  if (!services.ok()) return Complain(services.status());
  known.services = *std::move(services);
  bench::Roster roster(std::move(known));

  bench::CampaignOptions campaign;
  auto manifest = ManifestOf(options, roster);
  if (!manifest.ok()) return Complain(manifest.status());
  campaign.manifest = *std::move(manifest);
  campaign.make = [&roster](const auto& spec, const bench::Problem& problem, std::uint64_t seed, const auto& budget,
                            int workers) { return roster.Make(spec, problem, seed, budget, workers); };
  campaign.make_steps = [&roster](const auto& spec, const bench::Problem& problem, std::uint64_t seed,
                                  const auto& budget,
                                  int workers) { return roster.MakeSteps(spec, problem, seed, budget, workers); };
  campaign.jobs = options.jobs.value_or(1);
  campaign.data = DataOf(options);
  campaign.out = options.out;
  if (const int code = Runner(campaign, &interrupted).Go(); code != kDone) return code;
  Print("\n");
  return Report({options.out}, options.out, campaign.data);
}

// A folder that goes when it is needed no more.
struct Scratch {
  std::string path = (fs::temp_directory_path() / "qalam-bench-XXXXXX").string();
  Scratch() {
    if (mkdtemp(path.data()) == nullptr) path.clear();
  }
  ~Scratch() {
    std::error_code error;
    if (!path.empty()) fs::remove_all(path, error);
  }
};

// Runs the gate's problems and compares each algorithm with what it could when `file` was written.
int CheckVerb(const BenchOptions& options) {
  const std::string file = options.paths.empty() ? HomeOf(options) + "/baseline/gate.csv.gz" : options.paths.front();
  const Scratch scratch;
  if (scratch.path.empty()) return Complain(Error(Code::kUnavailable, "no temporary folder can be made"));
  bench::CampaignOptions campaign;
  campaign.manifest = bench::GateManifest();
  campaign.jobs = options.jobs.value_or(1);
  campaign.data = DataOf(options);
  campaign.out = scratch.path;
  std::atomic<bool> interrupted = false;
  if (const int code = Runner(campaign, &interrupted).Go(); code != kDone) return code;
  const auto now = bench::ReadCurves(scratch.path, campaign.data);
  if (!now.ok()) return Complain(now.status());
  if (options.update) {
    const Status written = bench::PackCurves(*now, file);
    if (!written.ok()) return Complain(written);
    Print(fmt::format("wrote {}\n", file));
    return kDone;
  }
  const auto stored = bench::ReadCurves(file, campaign.data);
  if (!stored.ok()) return Complain(stored.status());
  if (stored->setup != now->setup) return Complain(Error(Code::kFailedPrecondition, "{} is of another gate", file));
  Table table({"ALGORITHM", "REGRET BEFORE", "NOW", "RANKS LOST", "95 %", "VERDICT"});
  bool worse = false;
  for (const bench::Verdict& verdict : bench::CompareWithStored(*stored, *now)) {
    worse = worse || verdict.worse;
    const bench::Interval& lost = verdict.rank_difference;
    const bool compared = verdict.why_not.empty();
    table.Row({verdict.contender, compared ? fmt::format("{:.3g}", std::pow(10, verdict.before)) : "-",
               compared ? fmt::format("{:.3g}", std::pow(10, verdict.now)) : "-",
               compared ? fmt::format("{:.2f}", lost.estimate) : "-",
               compared ? fmt::format("[{:.2f}, {:.2f}]", lost.low, lost.high) : "-",
               !compared       ? "failed: " + verdict.why_not
               : verdict.worse ? "worse"
                               : "ok"});
  }
  for (const std::string& name : now->contenders) {
    if (std::find(stored->contenders.begin(), stored->contenders.end(), name) == stored->contenders.end())
      table.Row({name, "-", "-", "-", "-", "new: --update stores it"});
  }
  Print(table.Text());
  return worse ? kExperimentFailed : kDone;
}

}  // namespace

Verb MakeBenchVerb() {
  const auto o = std::make_shared<BenchOptions>();
  o->out = "qalam-bench";
  Verb verb{"bench", "try algorithms on problems whose answers are known"};
  verb.footer =
      "Examples:\n"
      "  qalam bench list                                   suites and algorithms\n"
      "  qalam bench run quick -a random,sobol              compare two; Ctrl-C pauses, the same command goes on\n"
      "  qalam bench run bbob -a 'tpe,tpe(gamma=0.1)' --seeds 20 --budget 200 -j 8 --out tpe\n"
      "  qalam bench run curves --steps -a random,tpe+medianstop,asha --workers 8 --out curves\n"
      "  qalam bench report tpe                             the report again";
  const auto home = [&](Verb* inner) {
    inner->Option("--home", &o->home, "the folder bench/ of Qalam's sources: tables and peers").Type("DIR");
  };

  Verb list{"list", "the suites and who can be tried on them; the problems of one"};
  list.Option("SUITE", &o->suite, "show its problems");
  list.Option("--tuning", &o->tuning, "those that constants may be tuned on, not those that prove");
  home(&list);
  list.run = [o](const Invocation&) { return ListVerb(*o); };

  Verb run{"run", "run a suite, or go on with what was interrupted, and report"};
  run.Option("SUITE", &o->suites, "suites or problems (default: quick, or what DIR has)");
  run.Option("-a,--algorithms", &o->algorithms,
             "NAME, NAME(SETTING=VALUE,...) or NAME@HOST:PORT, separated by commas; with --steps also NAME+RULE")
      .Type("NAMES");
  run.Option("--seeds", &o->seeds, "runs of each algorithm on each problem (default: 10)").AtLeast(1).Type("N");
  run.Option("--budget", &o->budget, "trials of a run (default: 100)").AtLeast(1).Type("N");
  run.Option("--workers", &o->workers, "trials at once, of unequal simulated durations (default: 1)")
      .AtLeast(1)
      .Type("N");
  run.Option("--common-start", &o->common_start, "first points that are the same for all (default: 0)")
      .AtLeast(0)
      .Type("N");
  run.Option("--steps", &o->steps,
             "trials are trained step by step: NAME+RULE stops them early, asha and the like choose how far each goes; "
             "the budget is the steps of so many whole trials");
  run.Option("--untold", &o->untold, "nobody is told the budget");
  run.Option("--tuning", &o->tuning, "the problems that constants may be tuned on, not those that prove");
  run.Option("--config", &o->config, "a KatibConfig: plugins by algorithm (docs/plugins.md)").Type("FILE");
  run.Option("--timeout", &o->timeout, "of one answer of a peer or service (default: 300)").AtLeast(1).Type("SECONDS");
  run.Option("-j,--jobs", &o->jobs, "runs at once (default: 1)").AtLeast(1).Type("N");
  run.Option("--out", &o->out, "folder of the results").Type("DIR");
  home(&run);
  run.run = [o](const Invocation&) { return RunVerb(*o); };

  Verb report{"report", "what the results say: tables here, and files for reading on"};
  report.Option("PATH", &o->paths, "folders of results, or packed curves, to be compared together").Required();
  report.Option("--out", &o->report_out, "folder of the files (default: the first PATH that is a folder)").Type("DIR");
  report.Option("--coco", &o->coco, "write COCO's logs of the BBOB functions there, and nothing else").Type("DIR");
  home(&report);
  report.run = [o](const Invocation&) { return ReportVerb(*o); };

  Verb check{"check", "whether an algorithm has become worse than it was: the gate of CI"};
  check.Option("FILE", &o->paths, "what they could (default: baseline/gate.csv.gz of the sources)");
  check.Option("--update", &o->update, "store what they can now");
  check.Option("-j,--jobs", &o->jobs, "runs at once (default: 1)").AtLeast(1).Type("N");
  home(&check);
  check.run = [o](const Invocation&) { return CheckVerb(*o); };

  verb.verbs = {std::move(list), std::move(run), std::move(report), std::move(check), MakeBenchLatencyVerb()};
  verb.check = [](const Invocation&) {
    return "say what to do: list, run, report, check or latency (qalam bench --help)";
  };
  verb.run = [](const Invocation&) { return kBadInput; };
  return verb;
}

}  // namespace qalam
