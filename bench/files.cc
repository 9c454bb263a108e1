// SPDX-License-Identifier: Apache-2.0
#include "bench/files.h"

#include <fmt/core.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace qalam::bench {

namespace fs = std::filesystem;

Result<std::string> ReadWhole(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error(Code::kNotFound, "{}: {}", path, std::strerror(errno));
  std::stringstream text;
  text << file.rdbuf();
  if (file.bad()) return Error(Code::kUnavailable, "{} cannot be read: {}", path, std::strerror(errno));
  return text.str();
}

Status WriteWhole(const std::string& path, const std::string& text) {
  std::error_code error;
  if (const fs::path folder = fs::path(path).parent_path(); !folder.empty()) fs::create_directories(folder, error);
  const std::string draft = path + ".tmp";
  errno = 0;
  std::ofstream file(draft, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) {
    const int why = errno;
    fs::remove(draft, error);
    return Error(Code::kUnavailable, "{} cannot be written: {}", path, std::strerror(why));
  }
  fs::rename(draft, path, error);
  if (error) return Error(Code::kUnavailable, "{} cannot be written: {}", path, error.message());
  return OkStatus();
}

Status WriteCompressed(const std::string& path, const std::string& text) {
  constexpr int kGzip = 15 + 16, kMemory = 9;
  z_stream stream{};
  QALAM_CHECK(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY) == Z_OK,
              "zlib is the one that was built with");
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int end = deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  QALAM_CHECK(end == Z_STREAM_END, "the bound of zlib is one");
  return WriteWhole(path, packed);
}

std::string PathWord(const std::string& name) {
  std::string word;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::strchr("-_.()=,@:+", c) != nullptr;
    if (c == '/') {
      word += '~';
    } else if (plain && !(c == '.' && word.empty())) {
      word += c;
    } else {
      word += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return word;
}

}  // namespace qalam::bench
