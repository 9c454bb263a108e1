// SPDX-License-Identifier: Apache-2.0
// Early stopping that a service decides, report by report: the service, who asks it, and the two together over gRPC.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>

#include "proto/live.grpc.pb.h"
#include "suggest/remote_stopping.h"
#include "tests/suggest/support.h"

namespace qalam::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// ---------------------------------------------------------------- the service

class LiveService : public testing::Test {
 protected:
  LiveService() { Restart(); }
  void Restart() {
    server_ = *ServeSuggestions("127.0.0.1:0", false);
    stub_ = qalam::v1::LiveStopping::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()), grpc::InsecureChannelCredentials()));
  }
  static qalam::v1::DecideRequest Request(const std::string& rule,
                                          std::vector<std::pair<std::string, std::string>> settings) {
    qalam::v1::DecideRequest request;
    request.set_uid("u");
    request.set_whole(true);
    wire::ExperimentSpec& spec = *request.mutable_experiment()->mutable_spec();
    spec.mutable_objective()->set_type(wire::MINIMIZE);
    spec.mutable_objective()->set_objective_metric_name("loss");
    spec.mutable_early_stopping()->set_algorithm_name(rule);
    for (const auto& [name, value] : settings) {
      wire::EarlyStoppingSetting& setting = *spec.mutable_early_stopping()->add_algorithm_settings();
      setting.set_name(name);
      setting.set_value(value);
    }
    return request;
  }
  grpc::Status Decide(qalam::v1::DecideRequest request, std::uint64_t trial, std::int64_t step, double value) {
    request.set_trial(trial);
    request.mutable_report()->set_step(step);
    request.mutable_report()->set_value(value);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    return stub_->Decide(&context, request, &reply_);
  }

  std::unique_ptr<SuggestionServer> server_;
  std::unique_ptr<qalam::v1::LiveStopping::Stub> stub_;
  qalam::v1::DecideReply reply_;
};

TEST_F(LiveService, AnswersAsTheRuleWould) {
  auto request = Request("asha", {{"guard", "off"}});
  ASSERT_TRUE(Decide(request, 1, 1, 0.5).ok());
  EXPECT_EQ(reply_.verdict(), qalam::v1::DecideReply::CONTINUE);
  request.set_whole(false);
  request.set_state(reply_.state());
  ASSERT_TRUE(Decide(request, 2, 1, 0.9).ok());
  EXPECT_EQ(reply_.verdict(), qalam::v1::DecideReply::STOP);
  EXPECT_EQ(reply_.reason(), "worse than 1 of 1 trials at step 1");
  EXPECT_FALSE(reply_.history_needed());
}

TEST_F(LiveService, AsksForTheHistoryThatItDoesNotKnow) {
  auto request = Request("asha", {{"guard", "off"}});
  ASSERT_TRUE(Decide(request, 1, 1, 0.5).ok());
  request.set_whole(false);
  request.set_state(reply_.state());
  Restart();
  ASSERT_TRUE(Decide(request, 2, 1, 0.9).ok());
  EXPECT_TRUE(reply_.history_needed());
  EXPECT_EQ(reply_.verdict(), qalam::v1::DecideReply::CONTINUE);
  request.set_whole(true);
  qalam::v1::Change& change = *request.add_changes();
  change.set_trial(1);
  change.mutable_report()->set_step(1);
  change.mutable_report()->set_value(0.5);
  ASSERT_TRUE(Decide(request, 2, 1, 0.9).ok());
  EXPECT_EQ(reply_.verdict(), qalam::v1::DecideReply::STOP);
}

TEST_F(LiveService, AQuestionThatWasAnsweredAndNotHeardIsNotCountedTwice) {
  auto request = Request("asha", {{"guard", "off"}});
  ASSERT_TRUE(Decide(request, 1, 1, 0.5).ok());
  request.set_whole(false);
  request.set_state(reply_.state());
  ASSERT_TRUE(Decide(request, 2, 1, 0.4).ok());
  ASSERT_TRUE(Decide(request, 2, 1, 0.4).ok()) << "the same state again: the answer was lost on the way";
  EXPECT_TRUE(reply_.history_needed());
}

TEST_F(LiveService, KeepsExperimentsApartAndChangesOfSettingsToo) {
  ASSERT_TRUE(Decide(Request("asha", {{"guard", "off"}}), 1, 1, 0.5).ok());
  const std::string state = reply_.state();
  auto other = Request("asha", {{"guard", "off"}});
  other.set_uid("v");
  ASSERT_TRUE(Decide(other, 1, 1, 0.9).ok());
  EXPECT_EQ(reply_.verdict(), qalam::v1::DecideReply::CONTINUE) << "the first of its experiment";
  auto changed = Request("percentile", {});
  changed.set_whole(false);
  changed.set_state(state);
  ASSERT_TRUE(Decide(changed, 1, 2, 0.9).ok());
  EXPECT_TRUE(reply_.history_needed());
}

TEST_F(LiveService, WhatIsNotDecidedLiveAndWhatIsWrongAreTwoFaults) {
  EXPECT_EQ(Decide(Request("medianstop", {{"compat", "katib"}}), 1, 1, 0.5).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(Decide(Request("asha", {{"eta", "1"}}), 1, 1, 0.5).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Decide(Request("nothing", {}), 1, 1, 0.5).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(LiveService, ForgetsTheExperimentsThatItWasAskedAboutLongestAgo) {
  ASSERT_TRUE(Decide(Request("asha", {}), 1, 1, 0.5).ok());
  const std::string state = reply_.state();
  for (int i = 0; i < 256; ++i) {
    auto other = Request("asha", {});
    other.set_uid(std::to_string(i));
    ASSERT_TRUE(Decide(other, 1, 1, 0.5).ok());
  }
  auto request = Request("asha", {});
  request.set_whole(false);
  request.set_state(state);
  ASSERT_TRUE(Decide(request, 1, 2, 0.5).ok());
  EXPECT_TRUE(reply_.history_needed());
}

// ---------------------------------------------------------------- who asks

class Remote : public testing::Test {
 protected:
  struct Asked {
    LiveQuestion question;
    std::function<void(Result<LiveAnswer>)> done;
  };
  static LiveAnswer Go(std::string state) { return {{}, std::move(state), false, ""}; }
  static LiveAnswer Stop(std::string state) { return {{Decision::kStop, "worse"}, std::move(state), false, "note"}; }
  void Report(std::uint64_t trial, std::int64_t step, double value) {
    stopping_.Add(trial, step, value);
    EXPECT_EQ(stopping_.Judge(trial).action, Decision::kGoOn) << "nobody waits";
  }
  LiveQuestion Answer(Result<LiveAnswer> answer) {
    Asked asked = std::move(asked_.front());
    asked_.pop_front();
    asked.done(std::move(answer));
    return asked.question;
  }

  ManualClock clock_;
  ManualLoop loop_{clock_};
  std::deque<Asked> asked_;
  std::vector<std::string> told_;
  bool may_ask_ = true;
  RemoteStopping stopping_{loop_, "loss",
                           [this](const LiveQuestion& question, std::function<void(Result<LiveAnswer>)> done) {
                             asked_.push_back({question, std::move(done)});
                           },
                           [this] { return may_ask_; },
                           [this](std::uint64_t trial, const Decision& decision) {
                             told_.push_back(std::to_string(trial) + " " + decision.reason);
                           }};
};

TEST_F(Remote, OneQuestionAtATimeAndThenOfEachTrialItsNewestReport) {
  Report(1, 1, 0.5);
  Report(2, 1, 0.9);
  Report(2, 2, 0.8);
  Report(1, 2, 0.4);
  ASSERT_THAT(asked_, SizeIs(1));
  EXPECT_TRUE(asked_[0].question.whole);
  EXPECT_THAT(asked_[0].question.changes, IsEmpty());
  Answer(Go("s1"));
  ASSERT_THAT(asked_, SizeIs(1));
  const LiveQuestion second = Answer(Stop("s2"));
  EXPECT_FALSE(second.whole);
  EXPECT_EQ(second.state, "s1");
  EXPECT_EQ(second.trial, 2u);
  EXPECT_EQ(second.step, 2);
  ASSERT_THAT(second.changes, SizeIs(1)) << "that of trial 1 comes with its own question";
  EXPECT_EQ(second.changes[0].value, 0.9);
  const LiveQuestion third = Answer(Go("s3"));
  EXPECT_EQ(third.trial, 1u);
  EXPECT_EQ(third.value, 0.4);
  EXPECT_THAT(third.changes, IsEmpty());
  EXPECT_THAT(told_, ElementsAre("2 loss 0.8: worse"));
  EXPECT_EQ(stopping_.Note(), "note");
}

TEST_F(Remote, TheWholeHistoryIsToldWhenItIsAskedFor) {
  Report(1, 1, 0.5);
  Answer(Go("s1"));
  Report(1, 2, 0.4);
  Answer(Go("s2"));
  stopping_.End(1, Standing::kSucceeded);
  Report(2, 1, 0.9);
  LiveAnswer lost;
  lost.history_needed = true;
  const LiveQuestion first = Answer(lost);
  ASSERT_THAT(first.changes, SizeIs(1));
  EXPECT_EQ(first.changes[0].what, LiveChange::kEnded);
  ASSERT_THAT(asked_, SizeIs(1));
  const LiveQuestion again = Answer(Stop("t1"));
  EXPECT_TRUE(again.whole);
  EXPECT_EQ(again.trial, 2u);
  ASSERT_THAT(again.changes, SizeIs(3)) << "two reports and the end of trial 1";
  EXPECT_THAT(told_, ElementsAre("2 loss 0.9: worse"));
}

TEST_F(Remote, AServiceThatKeepsNothingIsToldNoChanges) {
  Report(1, 1, 0.5);
  Answer(Go(""));
  stopping_.End(1, Standing::kSucceeded);
  Report(2, 1, 0.9);
  const LiveQuestion question = Answer(Stop(""));
  EXPECT_FALSE(question.whole);
  EXPECT_THAT(question.changes, IsEmpty());
  EXPECT_THAT(told_, ElementsAre("2 loss 0.9: worse"));
}

TEST_F(Remote, AnAnswerAboutATrialThatHasEndedOrBegunAnewIsNotTold) {
  Report(1, 1, 0.5);
  stopping_.End(1, Standing::kSucceeded);
  Answer(Stop("s1"));
  Report(2, 1, 0.5);
  stopping_.Forget(2);
  Report(2, 1, 0.4);
  Answer(Stop("s2"));
  EXPECT_THAT(told_, IsEmpty());
  const LiveQuestion anew = Answer(Stop("s3"));
  EXPECT_EQ(anew.changes[0].what, LiveChange::kBeginsAnew);
  EXPECT_THAT(told_, ElementsAre("2 loss 0.4: worse"));
}

TEST_F(Remote, AServiceWithoutTheCallIsNeverAskedAgain) {
  Report(1, 1, 0.5);
  Answer(Error(Code::kUnimplemented, "unknown method"));
  Report(1, 2, 0.5);
  Report(2, 1, 0.5);
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(Remote, AFaultStopsNobodyIsToldOnceAndTriedAgainLater) {
  Report(1, 1, 0.5);
  Answer(Go("s1"));
  Report(1, 2, 0.5);
  Answer(Error(Code::kUnavailable, "service x: gone"));
  EXPECT_THAT(told_, ElementsAre("0 service x: gone; trials go on"));
  Report(1, 3, 0.5);
  EXPECT_THAT(asked_, IsEmpty()) << "not at once";
  loop_.Advance(std::chrono::milliseconds(1'001));
  Report(1, 4, 0.5);
  EXPECT_THAT(Answer(Error(Code::kUnavailable, "service x: gone")).changes, SizeIs(3)) << "nobody knows what it knows";
  EXPECT_THAT(told_, SizeIs(1));
  loop_.Advance(std::chrono::milliseconds(1'001));
  Report(1, 5, 0.5);
  EXPECT_THAT(asked_, IsEmpty()) << "later each time";
  loop_.Advance(std::chrono::milliseconds(1'001));
  Report(1, 6, 0.5);
  Answer(Stop("s1"));
  EXPECT_THAT(told_, ElementsAre(HasSubstr("trials go on"), "1 loss 0.5: worse"));
}

TEST_F(Remote, AServiceThatAlwaysAsksForTheHistoryIsAFault) {
  LiveAnswer lost;
  lost.history_needed = true;
  Report(1, 1, 0.5);
  Answer(lost);
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_THAT(told_, ElementsAre(HasSubstr("asks for the history")));
}

TEST_F(Remote, NobodyIsAskedAfterTheEndAndAgainAfterARestart) {
  Report(1, 1, 0.5);
  may_ask_ = false;
  Report(1, 2, 0.5);
  Answer(Go("s1"));
  Report(1, 3, 0.5);
  EXPECT_THAT(asked_, IsEmpty());
  may_ask_ = true;
  Report(1, 4, 0.5);
  EXPECT_THAT(Answer(Go("s2")).changes, SizeIs(2)) << "what happened meanwhile";
}

TEST_F(Remote, WhoWasSparedIsNotAskedAboutAgain) {
  Report(1, 1, 0.5);
  Answer(LiveAnswer{{Decision::kSpare, "worse"}, "s1", false, ""});
  Report(1, 2, 0.5);
  EXPECT_THAT(asked_, IsEmpty());
  EXPECT_THAT(told_, SizeIs(1));
}

// ---------------------------------------------------------------- both

// A service by address decides as the rule in this process does, whatever is lost on the way.
TEST(LiveBoth, AServiceDecidesAsTheRuleInThisProcess) {
  ExperimentSpec spec = Spec("random", MixedSpace());
  spec.early_stopping = AlgorithmSpec{"asha", {{"guard", "off"}}};
  auto server = *ServeSuggestions("127.0.0.1:0", false);
  const SystemClock clock;
  EventLoop loop(clock);
  const auto client = MakeEarlyStoppingClient(loop, "127.0.0.1:" + std::to_string(server->port()), {});
  SuggestionRequest request;
  request.spec = std::make_shared<const ExperimentSpec>(spec);
  request.uid = "u";
  std::vector<std::string> remote, local;
  int answers = 0;
  RemoteStopping stopping(
      loop, "loss",
      [&](const LiveQuestion& question, const std::function<void(Result<LiveAnswer>)>& done) {
        client->Decide(request, question, [&, done](Result<LiveAnswer> answer) {
          if (answer.ok() && !answer->history_needed) ++answers;
          done(std::move(answer));
          loop.Stop();
        });
      },
      [] { return true; },
      [&](std::uint64_t trial, const Decision& decision) {
        remote.push_back(std::to_string(trial) + " " + decision.reason);
      });
  const auto rule = *LiveStopping::Make(*spec.early_stopping, spec.objective);
  for (std::uint64_t trial = 1; trial <= 12; ++trial) {
    if (trial == 7) {  // another process at another address knows nothing of what was said
      qalam::v1::DecideRequest other;
      other.set_uid("u");
      other.set_whole(true);
      other.mutable_experiment()->mutable_spec()->mutable_early_stopping()->set_algorithm_name("asha");
      qalam::v1::DecideReply reply;
      grpc::ClientContext context;
      ASSERT_TRUE(qalam::v1::LiveStopping::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()),
                                                                       grpc::InsecureChannelCredentials()))
                      ->Decide(&context, other, &reply)
                      .ok());
    }
    for (std::int64_t step = 1; step <= 3; ++step) {
      const double value = trial == 5 ? NAN : static_cast<double>((7 * trial) % 11) + 1.0 / static_cast<double>(step);
      const int before = answers;
      stopping.Add(trial, step, value);
      (void)stopping.Judge(trial);
      while (answers == before) loop.Run();
      rule->Add(trial, step, value);
      const Decision decision = rule->Judge(trial);
      if (!decision.reason.empty())
        local.push_back(std::to_string(trial) + " " + fmt::format("loss {}: ", value) + decision.reason);
      if (decision.action == Decision::kStop) break;
    }
    stopping.End(trial, Standing::kStopped);
    rule->End(trial, Standing::kStopped);
  }
  EXPECT_EQ(remote, local);
  EXPECT_GT(local.size(), 3u) << "else this shows nothing";
}

}  // namespace
}  // namespace qalam::test
