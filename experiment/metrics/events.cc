// SPDX-License-Identifier: Apache-2.0
// A record is its length (8 bytes), the length's checksum, the message, the message's checksum; the message is an Event
// of tensorflow/core/util/event.proto, of which few fields matter here. A record that is damaged is passed over; where
// a length is, nobody knows where the next one starts, and the file ends there.
#include "experiment/metrics/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace qalam {
namespace {

constexpr std::size_t kHead = 12, kTail = 4;       // bytes around a message
constexpr std::uint64_t kMaxMessage = 8 << 20;     // bytes: what is longer is a picture or a graph, and passed over
constexpr std::size_t kMaxTags = 1'000;            // remembered for the diagnosis
constexpr std::uint32_t kCastagnoli = 0x82F63B78;  // reversed

constexpr std::array<std::uint32_t, 256> MakeTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kCastagnoli : 0);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = MakeTable();

template <class T>
T LittleEndian(std::string_view bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof(T));  // as this machine has it
  return value;
}

// Fields of a protobuf message, one after the other. What is torn ends it.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : rest_(message) {}

  bool Next() {
    std::uint64_t tag = 0;
    if (rest_.empty() || !Varint(&tag)) return false;
    field_ = tag >> 3;
    switch (tag & 7) {
      case 0: return Varint(&number_) && Is(Type::kVarint);
      case 1: return Take(8) && Is(Type::kFixed64);
      case 2: return Varint(&number_) && number_ <= rest_.size() && Take(number_) && Is(Type::kBytes);
      case 5: return Take(4) && Is(Type::kFixed32);
      default: return false;
    }
  }
  enum class Type { kVarint, kFixed64, kBytes, kFixed32 };
  bool At(std::uint64_t field, Type type) const { return field_ == field && type_ == type; }
  std::uint64_t number() const { return number_; }   // of a varint
  std::string_view bytes() const { return bytes_; }  // of the others

 private:
  bool Is(Type type) {
    type_ = type;
    return true;
  }
  bool Take(std::uint64_t size) {
    if (size > rest_.size()) return false;
    bytes_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool Varint(std::uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_[0]);
      rest_.remove_prefix(1);
      *value |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (byte < 128) return true;
    }
    return false;
  }

  std::string_view rest_, bytes_;
  std::uint64_t field_ = 0, number_ = 0;
  Type type_ = Type::kVarint;
};
using Type = WireReader::Type;

std::string TextOf(float value) { return fmt::format("{}", value); }
std::string TextOf(double value) { return fmt::format("{}", value); }

// The one number of a TensorProto; "": it has none, several, or of a type that is no metric's.
std::string ScalarOf(std::string_view tensor) {
  enum Dtype : std::uint64_t { kFloat = 1, kDouble = 2, kInt32 = 3, kInt64 = 9 };
  std::uint64_t dtype = 0;
  std::string_view content;
  std::vector<std::string> values;
  const auto fixed = [&](std::string_view bytes, auto type) {
    for (; bytes.size() >= sizeof(type) && values.size() < 2; bytes.remove_prefix(sizeof(type)))
      values.push_back(TextOf(LittleEndian<decltype(type)>(bytes)));
  };
  for (WireReader field(tensor); field.Next();) {
    if (field.At(1, Type::kVarint)) dtype = field.number();
    if (field.At(4, Type::kBytes)) content = field.bytes();
    if (field.At(5, Type::kBytes) || field.At(5, Type::kFixed32)) fixed(field.bytes(), float());
    if (field.At(6, Type::kBytes) || field.At(6, Type::kFixed64)) fixed(field.bytes(), double());
    if (field.At(7, Type::kVarint) || field.At(10, Type::kVarint))
      values.push_back(std::to_string(static_cast<std::int64_t>(field.number())));
    if (field.At(7, Type::kBytes) || field.At(10, Type::kBytes)) {  // packed: a varint, which one field alone reads too
      const std::string one = '\0' + std::string(field.bytes());
      WireReader number(one);
      if (number.Next()) values.push_back(std::to_string(static_cast<std::int64_t>(number.number())));
      if (number.Next()) values.emplace_back();
    }
  }
  if (!content.empty()) {
    values.clear();
    if (dtype == kFloat && content.size() == sizeof(float)) fixed(content, float());
    if (dtype == kDouble && content.size() == sizeof(double)) fixed(content, double());
    if (dtype == kInt32 && content.size() == 4) values.push_back(std::to_string(LittleEndian<std::int32_t>(content)));
    if (dtype == kInt64 && content.size() == 8) values.push_back(std::to_string(LittleEndian<std::int64_t>(content)));
  }
  return values.size() == 1 ? values[0] : "";
}

// Whether `folder` is `wanted` or ends with it, whole names of folders only.
bool EndsWithFolder(std::string_view folder, std::string_view wanted) {
  return folder.ends_with(wanted) &&
         (folder.size() == wanted.size() || folder[folder.size() - wanted.size() - 1] == '/');
}

// "accuracy_1": how TensorFlow tells apart a second tag of one name.
bool IsTag(std::string_view tag, std::string_view name) {
  if (!tag.starts_with(name)) return false;
  tag.remove_prefix(name.size());
  if (tag.empty()) return true;
  if (tag[0] != '_' || tag.size() < 2) return false;
  return std::all_of(tag.begin() + 1, tag.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// A metric's name is the tag, or DIR/TAG for the tag in files whose folder ends with DIR.
bool Names(std::string_view name, std::string_view folder, std::string_view tag) {
  if (IsTag(tag, name)) return true;
  for (std::size_t slash = name.rfind('/'); slash != name.npos && slash > 0; slash = name.rfind('/', slash - 1)) {
    if (EndsWithFolder(folder, name.substr(0, slash)) && IsTag(tag, name.substr(slash + 1))) return true;
  }
  return false;
}

WallTime TimeOf(double seconds) {
  constexpr double kLastSecond = 9'000'000'000;  // 2255: 64 bits of nanoseconds end soon after
  if (!(seconds > 0 && seconds < kLastSecond)) return {};
  return WallTime(std::chrono::microseconds(std::llround(seconds * 1e6)));
}

class EventsCollector final : public Collector {
 public:
  EventsCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective)
      : root_(spec.path), names_{objective.metric_name} {
    while (root_.size() > 1 && root_.ends_with('/')) root_.pop_back();
    names_.insert(names_.end(), objective.additional_metric_names.begin(), objective.additional_metric_names.end());
  }

  void Know(const MetricPoint& stored) override { ++known_[KeyOf(stored)]; }
  void Select(std::string_view file) override { selected_ = std::string(file); }

  void Feed(std::string_view bytes, std::vector<MetricPoint>* points) override {
    File& file = files_[selected_];
    consumed_ += std::ssize(bytes);
    while (!bytes.empty() && !file.lost) {
      if (file.passing > 0) {
        const std::uint64_t n = std::min<std::uint64_t>(file.passing, bytes.size());
        file.passing -= n;
        bytes.remove_prefix(n);
        continue;
      }
      const std::size_t wanted = file.partial.size() < kHead ? kHead : kHead + file.length + kTail;
      const std::size_t n = std::min(wanted - file.partial.size(), bytes.size());
      file.partial.append(bytes.substr(0, n));
      bytes.remove_prefix(n);
      if (file.partial.size() < wanted) break;
      if (wanted == kHead) {
        ReadHead(&file);
      } else {
        ReadMessage(&file, points);
      }
    }
  }
  void Finish(std::vector<MetricPoint>*) override {}

  std::int64_t consumed() const override { return consumed_; }
  std::int64_t lines() const override { return records_; }

  std::string Diagnosis() const override {
    if (files_.empty()) {
      return fmt::format(
          "no event had the objective '{}'.\n  no event file (its name has 'tfevents' in it) was written below {}\n"
          "  fix: let the trial write its events there, or set metricsCollectorSpec.source.fileSystemPath.path",
          names_[0], root_);
    }
    std::string why =
        fmt::format("no event had the objective '{}'.\n  read {} {} of {} {} below {}", names_[0], records_,
                    records_ == 1 ? "record" : "records", files_.size(), files_.size() == 1 ? "file" : "files", root_);
    if (damaged_ > 0) why += fmt::format(", {} of them damaged", damaged_);
    if (tags_.empty())
      return why + fmt::format("; no number is in them\n  fix: write a scalar with the tag {}", names_[0]);
    why += "\n  tags there:";
    int told = 0;
    for (const auto& [folder, tag] : tags_) {
      if (++told > 5) break;
      const std::size_t slash = folder.rfind('/');
      why += fmt::format("{} '{}' in {}", told > 1 ? "," : "", tag, folder.substr(slash + 1));
    }
    if (tags_.size() > 5) why += fmt::format(" and {} more", tags_.size() - 5);
    return why + "\n  fix: set objectiveMetricName to one of them, TAG or FOLDER/TAG";
  }

 private:
  struct File {
    std::string partial;        // of the record that is not complete yet
    std::uint64_t length = 0;   // of its message, once its head is complete
    std::uint64_t passing = 0;  // bytes that are not looked at
    bool lost = false;          // nobody knows where the next record starts
  };
  using Key = std::tuple<WallTime, std::string, std::string, std::int64_t>;
  static Key KeyOf(const MetricPoint& point) { return {point.time, point.name, point.value, point.step.value_or(0)}; }

  void ReadHead(File* file) {
    const std::string_view length = std::string_view(file->partial).substr(0, 8);
    file->length = LittleEndian<std::uint64_t>(length);
    if (MaskedCrc32c(length) != LittleEndian<std::uint32_t>(std::string_view(file->partial).substr(8))) {
      file->lost = true;
      file->partial.clear();
      ++damaged_;
    } else if (file->length > kMaxMessage) {
      file->passing = file->length + kTail;
      file->partial.clear();
      ++records_;
    }
  }

  void ReadMessage(File* file, std::vector<MetricPoint>* points) {
    const std::string record = std::exchange(file->partial, {});
    const std::string_view message = std::string_view(record).substr(kHead, file->length);
    ++records_;
    if (MaskedCrc32c(message) != LittleEndian<std::uint32_t>(std::string_view(record).substr(kHead + file->length))) {
      ++damaged_;
      return;
    }
    WallTime time{};
    std::int64_t step = 0;
    std::vector<std::string_view> summaries;
    for (WireReader field(message); field.Next();) {
      if (field.At(1, Type::kFixed64)) time = TimeOf(LittleEndian<double>(field.bytes()));
      if (field.At(2, Type::kVarint)) step = static_cast<std::int64_t>(field.number());
      if (field.At(5, Type::kBytes)) summaries.push_back(field.bytes());
    }
    for (const std::string_view summary : summaries) {
      for (WireReader value(summary); value.Next();) {
        if (value.At(1, Type::kBytes)) ReadValue(value.bytes(), time, step, points);
      }
    }
  }

  void ReadValue(std::string_view message, WallTime time, std::int64_t step, std::vector<MetricPoint>* points) {
    std::string_view tag;
    std::string value;
    for (WireReader field(message); field.Next();) {
      if (field.At(1, Type::kBytes)) tag = field.bytes();
      if (field.At(2, Type::kFixed32)) value = TextOf(LittleEndian<float>(field.bytes()));
      if (field.At(8, Type::kBytes)) value = ScalarOf(field.bytes());
    }
    if (value.empty()) return;
    const std::size_t slash = selected_.rfind('/');
    const std::string folder = slash == selected_.npos ? root_ : root_ + '/' + selected_.substr(0, slash);
    if (tags_.size() < kMaxTags) tags_.emplace(folder, tag);
    for (const std::string& name : names_) {
      if (!Names(name, folder, tag)) continue;
      MetricPoint point{name, value, time, step};
      if (const auto known = known_.find(KeyOf(point)); known != known_.end()) {
        if (--known->second == 0) known_.erase(known);
      } else {
        points->push_back(std::move(point));
      }
    }
  }

  std::string root_;
  std::vector<std::string> names_;  // the objective first
  std::map<Key, int> known_;        // what is stored already, and will be read again
  std::map<std::string, File, std::less<>> files_;
  std::string selected_;
  std::int64_t consumed_ = 0, records_ = 0, damaged_ = 0;
  std::set<std::pair<std::string, std::string>> tags_;  // folder, tag
};

}  // namespace

std::uint32_t MaskedCrc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF];
  crc ^= 0xFFFFFFFF;
  return (crc >> 15 | crc << 17) + 0xA282EAD8;
}

std::unique_ptr<Collector> MakeEventsCollector(const MetricsCollectorSpec& spec, const ObjectiveSpec& objective) {
  return std::make_unique<EventsCollector>(spec, objective);
}

}  // namespace qalam
