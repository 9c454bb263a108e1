// SPDX-License-Identifier: Apache-2.0
// spec.metricsCollectorSpec: where a trial's metrics come out.
#include <fmt/core.h>

#include "core/words.h"
#include "experiment/metrics/collector.h"
#include "experiment/spec_sections.h"

namespace qalam {
namespace {

constexpr std::string_view kDefaultFile = "/var/log/katib/metrics.log";
constexpr std::string_view kDefaultEvents = "/var/log/katib/tfevent/";
constexpr std::string_view kDefaultMetricsPath = "/metrics";
constexpr int kDefaultPort = 8080;

void ReadFilters(Fields* source, MetricsCollectorSpec* out) {
  Fields filter = source->Map("filter");
  for (const ListItem& item : filter.List("metricsFormat")) {
    const std::optional<std::string> text = TextOf(*item.node, item.path, &filter.faults());
    if (!text) continue;
    if (const Status status = CheckFilter(*text); !status.ok()) {
      filter.faults().Error(item.node->position, item.path, status.message());
    }
    out->filters.push_back(*text);
  }
  filter.Finish();
}

void ReadFile(Fields* source, MetricsCollectorSpec* out) {
  Fields file = source->Map("fileSystemPath");
  const bool events = out->kind == CollectorKind::kTensorFlowEvent;
  const bool uses_path = out->kind == CollectorKind::kFile || events || out->kind == CollectorKind::kCustom;
  if (file.present() && !uses_path) {
    source->Warning("fileSystemPath", fmt::format("a collector of kind {} reads no file: this is not used",
                                                  WordOf(kCollectorKinds, out->kind)));
  }
  const std::string path = file.Text("path").value_or("");
  const std::string kind = file.Text("kind").value_or("");
  const std::string format = file.Text("format").value_or("");
  file.Finish();
  if (!uses_path) return;
  out->path = path;
  if (path.empty() && out->kind != CollectorKind::kCustom) out->path = events ? kDefaultEvents : kDefaultFile;
  if (!out->path.empty() && !out->path.starts_with('/')) {
    file.Error("path", fmt::format("'{}' must be an absolute path: it names a file as the trial sees it", out->path));
  }
  out->directory = events || kind == "Directory";
  const std::string_view wanted = events ? "Directory" : "File";
  if (!kind.empty() && kind != wanted && !(out->kind == CollectorKind::kCustom && kind == "Directory")) {
    file.Error("kind", fmt::format("'{}' must be {} for a collector of kind {}", kind, wanted,
                                   WordOf(kCollectorKinds, out->kind)));
  }
  if (format.empty()) return;
  if (events) {
    file.Error("format", "TensorFlow events have a format of their own: leave it out");
  } else if (const auto known = FindWord<FileFormat>(kFileFormats, format)) {
    out->format = *known;
  } else {
    file.NotOneOf("format", format, WordList(kFileFormats));
  }
}

void ReadHttp(Fields* source, MetricsCollectorSpec* out) {
  Fields http = source->Map("httpGet");
  if (http.present() && out->kind != CollectorKind::kPrometheusMetric) {
    source->Warning("httpGet", fmt::format("a collector of kind {} asks no server: this is not used",
                                           WordOf(kCollectorKinds, out->kind)));
    return;
  }
  if (out->kind != CollectorKind::kPrometheusMetric) return;
  out->path = http.Text("path").value_or(std::string(kDefaultMetricsPath));
  out->port = kDefaultPort;
  if (!out->path.starts_with('/')) http.Error("path", fmt::format("'{}' must begin with '/'", out->path));
  if (const Node* port = http.Take("port"); port != nullptr && port->kind == Node::Kind::kInt) {
    out->port = http.Count("port").value_or(kDefaultPort);
    if (out->port <= 0 || out->port > 65535) http.Error("port", fmt::format("{} is not a port: 1 to 65535", out->port));
  } else if (port != nullptr) {
    http.Error("port", fmt::format("must be a number from 1 to 65535, found {}", Describe(*port)));
  }
  http.Finish();
}

// The container of a Custom collector. More than that it is one, the cluster that runs it checks.
void ReadCustom(Fields* collector, MetricsCollectorSpec* out) {
  const Node* custom = collector->Take("customCollector");
  if (custom != nullptr && custom->kind != Node::Kind::kMap) {
    collector->Error("customCollector", fmt::format("must be a container, found {}", Describe(*custom)));
  } else if (custom != nullptr && out->kind != CollectorKind::kCustom) {
    collector->Warning("customCollector", "is not used: the kind is not Custom");
  } else if (custom != nullptr) {
    for (const char* key : {"name", "image"}) {
      const Node* word = custom->Find(key);
      if (word != nullptr && word->kind == Node::Kind::kString && !word->text.empty()) continue;
      collector->faults().Error(word == nullptr ? custom->position : word->position,
                                fmt::format("{}.{}", collector->Path("customCollector"), key),
                                fmt::format("is missing: a container has a {}", key));
    }
    out->custom = *custom;
  } else if (out->kind == CollectorKind::kCustom) {
    collector->Error("customCollector", "is missing: the container that collects the metrics");
  }
}

}  // namespace

MetricsCollectorSpec ReadMetricsCollector(Fields* spec) {
  MetricsCollectorSpec out;
  Fields fields = spec->Map("metricsCollectorSpec");
  Fields collector = fields.Map("collector");
  if (const auto word = collector.Text("kind"); word && !word->empty()) {
    const auto known = FindWord<CollectorKind>(kCollectorKinds, *word);
    if (known) out.kind = *known;
    if (!known) collector.NotOneOf("kind", *word, WordList(kCollectorKinds));
  }
  ReadCustom(&collector, &out);
  collector.Finish();

  Fields source = fields.Map("source");
  ReadFile(&source, &out);
  ReadHttp(&source, &out);
  ReadFilters(&source, &out);
  if (out.kind == CollectorKind::kFile && out.format == FileFormat::kJson && !out.filters.empty()) {
    source.Error("filter", "JSON needs no filter: its keys name the metrics; leave it out, or take format TEXT");
  }
  source.Finish();
  fields.Finish();
  return out;
}

}  // namespace qalam
