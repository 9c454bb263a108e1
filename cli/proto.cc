// SPDX-License-Identifier: Apache-2.0
// qalam proto: the protocols as files, for those who write plugins.
#include <algorithm>
#include <string>
#include <string_view>

#include "cli/lookup.h"
#include "cli/verbs.h"
#include "proto/api_text.h"

namespace qalam {
namespace {

struct ProtoOptions {
  bool katib = false, live = false;
};

// Without our own fields, which have numbers of five digits, and the comments that stand before them.
std::string KatibsAlone(std::string_view text) {
  std::string out, comment;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string line(text.substr(0, end));
    text.remove_prefix(end);
    const std::size_t number = line.find(" = 1");
    const bool ours = number != std::string::npos && line.find(';') == number + 8;
    if (line.starts_with("  //")) {
      comment += line;
    } else {
      if (!ours) out += comment + line;
      comment.clear();
    }
  }
  return out;
}

}  // namespace

Verb MakeProtoVerb() {
  const auto o = std::make_shared<ProtoOptions>();
  Verb proto{"proto", "print api.proto, the protocol of plugins"};
  proto.footer =
      "Examples:\n  qalam proto > api.proto\n  protoc --python_out=. --grpc_out=. "
      "--plugin=protoc-gen-grpc=$(command -v grpc_python_plugin) api.proto";
  proto.Option("--katib", &o->katib, "only what Katib has, without the fields that are Qalam's own");
  proto.Option("--live", &o->live, "print live.proto instead: early stopping decided report by report");
  proto.run = [o](const Invocation&) {
    Print(o->live ? std::string(kLiveProto) : o->katib ? KatibsAlone(kApiProto) : std::string(kApiProto));
    return static_cast<int>(kDone);
  };
  return proto;
}

}  // namespace qalam
