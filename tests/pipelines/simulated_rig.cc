// SPDX-License-Identifier: Apache-2.0
#include "pipelines/engines/simulated_engine.h"
#include "tests/pipelines/rig.h"

namespace qalam {
namespace {

using std::chrono::milliseconds;

class SimulatedRig final : public Rig {
 public:
  SimulatedRig() { engine_->SetObserver(&seen); }

  Engine& engine() override { return *engine_; }
  void Say(const std::string& step, int attempt, Script script) override { scripts_[{step, attempt}] = script; }
  Step MakeStep(const std::string& name) override {
    Step step;
    step.name = name;
    step.command = {"simulated"};
    return step;
  }
  bool RunUntil(const std::function<bool()>& done) override {
    while (!done()) {
      if (!loop_.RunOne()) return done();
    }
    return true;
  }
  void Settle() override { loop_.Advance(Duration::zero()); }
  int Starts(const RunId& run, const std::string& step, int attempt) override {
    return engine_->starts(run, step, attempt);
  }
  void Crash() override {
    engine_->SetObserver(nullptr);
    loop_.Clear();
  }
  void WaitForExit(const RunId&, const std::string&, int) override {
    while (engine_->running() > 0) clock_.Advance(milliseconds(1));
  }
  void Restart() override {
    seen = Recorder();
    engine_->SetObserver(&seen);
  }

 private:
  ManualClock clock_;
  ManualLoop loop_{clock_};
  std::map<std::pair<std::string, int>, Script> scripts_;
  std::unique_ptr<SimulatedEngine> engine_ =
      MakeSimulatedEngine(loop_, [this](const RunId&, const Step& step, int attempt) {
        const Script& script = scripts_[{step.name, attempt}];
        SimulatedStep out;
        out.duration = milliseconds(script.duration);
        for (const auto& [at, text] : script.output) out.output.emplace_back(milliseconds(at), text);
        out.exit_code = script.exit_code;
        out.lost = script.lost;
        return out;
      });
};

}  // namespace

std::unique_ptr<Rig> MakeSimulatedRig() { return std::make_unique<SimulatedRig>(); }

}  // namespace qalam
