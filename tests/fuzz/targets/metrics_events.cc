// SPDX-License-Identifier: Apache-2.0
// TensorFlow's event files. The first byte says whether what follows is a file as it is, or pieces (0xFF 0xFF between
// them) of which each becomes the message of a record whose checksums are right: chance alone finds none.
#include <algorithm>
#include <cstring>

#include "experiment/metrics/events.h"
#include "tests/fuzz/targets/metrics.h"

namespace qalam::fuzz {
namespace {

template <class T>
void Append(std::string* out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

std::string Record(std::string_view message) {
  std::string out;
  Append(&out, static_cast<std::uint64_t>(message.size()));
  Append(&out, MaskedCrc32c(out));
  out += message;
  Append(&out, MaskedCrc32c(message));
  return out;
}

}  // namespace

Status TryMetricsEvents(std::string_view input) {
  const bool framed = !input.empty() && input[0] == 'm';
  if (!input.empty()) input.remove_prefix(1);
  std::string file;
  for (std::string_view rest = input; framed && !rest.empty();) {
    const std::string_view message = rest.substr(0, rest.find("\xff\xff"));
    rest.remove_prefix(std::min(message.size() + 2, rest.size()));
    file += Record(message);
  }
  if (!framed) file = input;

  MetricsCollectorSpec spec;
  spec.kind = CollectorKind::kTensorFlowEvent;
  spec.path = "/logs";
  ObjectiveSpec objective;
  objective.metric_name = "loss";
  objective.additional_metric_names = {"test/accuracy"};
  const auto read = [&](std::size_t cut, const std::vector<MetricPoint>& known) {
    std::vector<MetricPoint> points;
    const auto collector = *MakeCollector(spec, objective);
    for (const MetricPoint& point : known) collector->Know(point);
    collector->Select("test/events.out.tfevents");
    collector->Feed(std::string_view(file).substr(0, cut), &points);
    collector->Feed(std::string_view(file).substr(cut), &points);
    collector->Finish(&points);
    (void)collector->Diagnosis();
    return points;
  };
  const std::vector<MetricPoint> whole = read(0, {});
  for (const std::size_t cut :
       {file.size() / 3, file.size() / 2, file.size() - std::min<std::size_t>(file.size(), 1)}) {
    const std::vector<MetricPoint> pieces = read(cut, {});
    if (Told(pieces) != Told(whole)) return Broken("cut in two, other points come out", Told(pieces), Told(whole));
  }
  // After a restart it is read from its beginning, and what is stored does not come again.
  const auto half = whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2);
  const std::vector<MetricPoint> rest = read(0, {whole.begin(), half});
  if (Told(rest) != Told({half, whole.end()}))
    return Broken("after a restart, other points", Told(rest), Told({half, whole.end()}));
  return OkStatus();
}

}  // namespace qalam::fuzz
