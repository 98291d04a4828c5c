// longsky/io/safetensors.hpp — tensors of float in a safetensors file, streamed from and to where they live.
//
//   file = u64 header size, JSON header, data;  header = {"name": {"dtype", "shape", "data_offsets": [begin, end]}, …}
//
// A reader believes nothing: no byte of a destination changes before the header, every name and every shape have been
// found right, and the tensors cover the data without holes or overlaps.
#pragma once

#include <longsky/core/crc32c.hpp>
#include <longsky/core/error.hpp>
#include <longsky/core/file.hpp>
#include <longsky/core/json.hpp>
#include <longsky/core/printable.hpp>
#include <longsky/core/stop.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace longsky {

static_assert(std::endian::native == std::endian::little,
              "longsky: safetensors files are written as memory is laid out");

/// A tensor in memory that a file is written from or read into. The memory is the caller's.
struct TensorRef {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<float> data;  ///< row-major, as many as the product of the shape
};

/// A tensor as a file describes it.
struct TensorEntry {
  std::string name;
  std::string dtype;  ///< "F32", "BF16", …
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes, from the start of the data
};

/// A file's checked table of contents, in the order of the data.
struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;
  std::map<std::string, std::string> metadata;
  std::uint64_t data_start = 0;  ///< bytes, from the start of the file
};

/// How large a file is and what its bytes add up to.
struct FileDigest {
  std::uint64_t size = 0;
  std::uint32_t crc32c = 0;
  friend bool operator==(const FileDigest&, const FileDigest&) = default;
};

/// "[2, 3]"
[[gnu::cold]] inline std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t d : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(d);
  return text + "]";
}

namespace safetensors {

/// A name from a file, for a sentence: hostile ones hold control characters or megabytes.
inline std::string quote_name(std::string_view name) {
  constexpr std::size_t longest = 80;
  return "'" + printable(name.substr(0, longest)) + (name.size() > longest ? "…'" : "'");
}

[[noreturn]] inline void reject(const std::filesystem::path& path, const std::string& what) {
  throw Error(ExitCode::corrupt, "'" + path.string() + "' is not a sound safetensors file: " + what +
                                     "; copy it again or use an earlier one");
}

[[gnu::cold]] inline std::int64_t bytes_per_element(const std::string& dtype) {
  static const std::map<std::string, std::int64_t> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
      {"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4},     {"F64", 8},     {"I64", 8}, {"U64", 8}};
  const auto found = sizes.find(dtype);
  return found == sizes.end() ? 0 : found->second;
}

[[gnu::cold]] inline TensorEntry parse_entry(const std::filesystem::path& path, const std::string& name,
                                             const Json& j) {
  const std::string tensor = "tensor " + quote_name(name);
  if (!j.is_object()) reject(path, tensor + " is not described by an object");
  if (j.size() != 3 || !j.contains("dtype") || !j.contains("shape") || !j.contains("data_offsets"))
    reject(path, tensor + " must have the fields dtype, shape and data_offsets and no others");
  if (!j["dtype"].is_string()) reject(path, tensor + ": dtype is not a string");
  TensorEntry entry{name, j["dtype"].get<std::string>(), {}, 0, 0};
  const std::int64_t element = bytes_per_element(entry.dtype);
  if (element == 0) reject(path, tensor + ": the dtype " + quote_name(entry.dtype) + " is unknown");

  constexpr std::int64_t limit = std::int64_t{1} << 60;
  if (!j["shape"].is_array()) reject(path, tensor + ": shape is not an array");
  std::int64_t bytes = element;
  for (const Json& d : j["shape"].items()) {
    if (!d.is_size() || d.get<std::int64_t>() > limit)
      reject(path, tensor + ": shape holds something that is not a length");
    entry.shape.push_back(d.get<std::int64_t>());
    if (__builtin_mul_overflow(bytes, entry.shape.back(), &bytes) || bytes > limit)
      reject(path, tensor + ": shape asks for more bytes than any file holds");
  }
  const Json offsets = j["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets.item(0).is_size() || !offsets.item(1).is_size())
    reject(path, tensor + ": data_offsets is not a pair of offsets");
  entry.begin = offsets.item(0).get<std::uint64_t>();
  entry.end = offsets.item(1).get<std::uint64_t>();
  if (entry.begin > entry.end || entry.end - entry.begin != static_cast<std::uint64_t>(bytes))
    reject(path, tensor + ": data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) +
                     "] were expected to span the " + std::to_string(bytes) + " bytes of " + entry.dtype + " " +
                     shape_text(entry.shape));
  return entry;
}

[[gnu::cold]] inline SafetensorsHeader read_header(const FileReader& file) {
  const std::filesystem::path& path = file.path();
  if (file.size() < 8) reject(path, "it has " + std::to_string(file.size()) + " bytes, fewer than a header size");
  std::uint64_t size = 0;
  file.read(0, std::as_writable_bytes(std::span(&size, 1)));
  constexpr std::uint64_t largest = 100'000'000;  // as the format's own implementation
  if (size > largest || size > file.size() - 8)
    reject(path, "its header size is " + std::to_string(size) + ", expected at most " +
                     std::to_string(std::min(largest, file.size() - 8)));
  std::string text(size, '\0');
  file.read(8, std::as_writable_bytes(std::span(text.data(), text.size())));
  if (text.empty() || text[0] != '{') reject(path, "its header does not begin with '{'");

  std::string problem;
  const Json json = Json::parse(text, &problem);
  if (!json.is_object()) reject(path, "its header is not JSON (" + quote_name(problem) + ")");
  SafetensorsHeader header{{}, {}, 8 + size};
  for (const auto& [name, value] : json.members()) {
    if (name != "__metadata__") {
      header.tensors.push_back(parse_entry(path, name, value));
      continue;
    }
    if (!value.is_object()) reject(path, "__metadata__ is not an object");
    for (const auto& [key, entry] : value.members()) {
      if (!entry.is_string()) reject(path, "__metadata__: the value of " + quote_name(key) + " is not a string");
      header.metadata[key] = entry.get<std::string>();
    }
  }
  std::sort(header.tensors.begin(), header.tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  std::uint64_t covered = 0;
  for (const TensorEntry& entry : header.tensors) {
    if (entry.begin != covered)
      reject(path, "tensor " + quote_name(entry.name) + ": data_offsets begin at " + std::to_string(entry.begin) +
                       ", expected " + std::to_string(covered));
    covered = entry.end;
  }
  if (covered != file.size() - header.data_start)
    reject(path, "its tensors take " + std::to_string(covered) + " bytes, the file has " +
                     std::to_string(file.size() - header.data_start) + " after the header");
  return header;
}

/// Where in the file each of `tensors` is. Every tensor of one side must be on the other, as F32 of the same shape.
[[gnu::cold]] inline std::vector<std::uint64_t> offsets_of(const std::filesystem::path& path,
                                                           const SafetensorsHeader& header,
                                                           std::span<const TensorRef> tensors) {
  const auto mismatch = [&](const std::string& what) {
    throw Error(ExitCode::corrupt,
                "'" + path.string() + "' is of another model: " + what + "; use the program that wrote it");
  };
  std::map<std::string, const TensorEntry*> entries;
  for (const TensorEntry& entry : header.tensors) entries[entry.name] = &entry;
  std::vector<std::uint64_t> offsets;
  for (const TensorRef& tensor : tensors) {
    const auto found = entries.find(tensor.name);
    if (found == entries.end()) mismatch("it has no tensor " + quote_name(tensor.name));
    const TensorEntry& entry = *found->second;
    if (entry.dtype != "F32")
      mismatch("tensor " + quote_name(tensor.name) + " has dtype " + entry.dtype + ", expected F32");
    if (entry.shape != tensor.shape || entry.end - entry.begin != tensor.data.size_bytes())
      mismatch("tensor " + quote_name(tensor.name) + " has shape " + shape_text(entry.shape) + ", expected " +
               shape_text(tensor.shape));
    offsets.push_back(header.data_start + entry.begin);
    entries.erase(found);
  }
  if (!entries.empty()) mismatch("it has a tensor " + quote_name(entries.begin()->first) + " that was not expected");
  return offsets;
}

}  // namespace safetensors

/// A file's table of contents, checked. Throws Error naming the file, the tensor, the field and what was expected.
inline SafetensorsHeader read_safetensors_header(const std::filesystem::path& path) {
  return safetensors::read_header(FileReader(path));
}

/// Fills `tensors` from a file that must hold exactly these names and shapes, as F32. Throws Error: what is wrong
/// before the first change; stopped at any time.
inline void read_safetensors(const std::filesystem::path& path, std::span<const TensorRef> tensors) {
  const FileReader file(path);
  const SafetensorsHeader header = safetensors::read_header(file);
  const std::vector<std::uint64_t> offsets = safetensors::offsets_of(path, header, tensors);
  constexpr std::size_t piece = std::size_t{16} << 20;  // some milliseconds: a stop is heard between two
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::span<std::byte> bytes = std::as_writable_bytes(tensors[i].data);
    for (std::size_t at = 0; at < bytes.size(); at += piece, heed_stop("reading tensors"))
      file.read(offsets[i] + at, bytes.subspan(at, std::min(piece, bytes.size() - at)));
  }
}

/// Writes `tensors` to a file, in their order, and returns when it is on the disk. The metadata gains "format": "pt",
/// without which older readers refuse a file. Throws Error; what was there before then remains.
[[gnu::cold]] inline FileDigest write_safetensors(const std::filesystem::path& path, std::span<const TensorRef> tensors,
                                                  std::map<std::string, std::string> metadata = {}) {
  metadata["format"] = "pt";
  std::set<std::string> names{"__metadata__"};
  std::vector<Json::Member> about;
  for (const auto& [key, value] : metadata) about.push_back({key, value});
  std::string text = "{\"__metadata__\":" + Json::object(about).text();
  std::uint64_t offset = 0;
  for (const TensorRef& tensor : tensors) {
    std::int64_t size = 1;
    for (const std::int64_t d : tensor.shape) size *= d;
    if (static_cast<std::uint64_t>(size) != tensor.data.size() || !names.insert(tensor.name).second)
      throw Error(ExitCode::failure, "tensor " + safetensors::quote_name(tensor.name) + " of shape " +
                                         shape_text(tensor.shape) + " has " + std::to_string(tensor.data.size()) +
                                         " elements or a name that is taken; correct the list of tensors");
    const std::uint64_t end = offset + tensor.data.size_bytes();
    text += "," + Json(tensor.name).text() + ":{\"dtype\":\"F32\",\"shape\":" + Json(tensor.shape).text() +
            ",\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(end) + "]}";
    offset = end;
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data can be mapped aligned
  const std::uint64_t size = text.size();

  FileReplacement file(path);
  std::uint32_t crc = 0;
  const auto put = [&](std::span<const std::byte> bytes) {
    file.write(bytes);
    crc = crc32c(bytes, crc);
  };
  put(std::as_bytes(std::span(&size, 1)));
  put(std::as_bytes(std::span(text.data(), text.size())));
  for (const TensorRef& tensor : tensors) put(std::as_bytes(tensor.data));
  file.commit();
  return {file.written(), crc};
}

}  // namespace longsky
