// SPDX-License-Identifier: Apache-2.0
// qalam suggest: the suggestion services alone, for many experiments at once, until a signal ends them.
#include <signal.h>

#include <cstdio>

#include "cli/lookup.h"
#include "cli/signals.h"
#include "cli/verbs.h"
#include "suggest/service.h"

namespace qalam {
namespace {

struct SuggestOptions {
  std::string listen = "127.0.0.1:6789";
  bool insecure = false;
  LogOptions log;
};

int SuggestVerb(const SuggestOptions& options) {
  const auto server = ServeSuggestions(options.listen, options.insecure);
  if (!server.ok()) return Complain(server.status());
  const SystemClock clock;
  EventLoop loop(clock);
  const Signals signals(loop, [&loop](int signal) {
    if (signal != SIGWINCH) loop.Stop();
  });
  Print(fmt::format("listening on {}:{}\n", options.listen.substr(0, options.listen.rfind(':')), (*server)->port()));
  std::fflush(stdout);
  loop.Run();
  return kDone;
}

}  // namespace

Verb MakeSuggestVerb() {
  const auto o = std::make_shared<SuggestOptions>();
  Verb suggest{"suggest", "serve the suggestion services alone, by Katib's protocol"};
  suggest.Option("--listen", &o->listen, "address; port 0 takes a free one").Type("HOST:PORT");
  suggest.Option("--insecure", &o->insecure, "allow an address that others can reach");
  AddLogging(&suggest, &o->log);
  suggest.run = [o](const Invocation&) {
    UseLogging(o->log);
    return SuggestVerb(*o);
  };
  return suggest;
}

}  // namespace qalam
