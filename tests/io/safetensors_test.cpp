// tests/io/safetensors_test.cpp — a round trip, the bytes of the format, and files that were made to do harm.
#include "support/catch.hpp"

#include <longsky/io/safetensors.hpp>

#include "support/scratch_directory.hpp"

#include <cstring>
#include <string>
#include <vector>

using namespace longsky;
using Catch::Matchers::Contains;

namespace {

/// A file of a header text and so many bytes of data.
std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t size = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &size, 8);
  return file + header + std::string(data_bytes, 'd');
}

struct Model {
  std::vector<float> a = {1, 2, 3, 4, 5, 6}, b = {7}, c = {};
  std::vector<TensorRef> tensors() { return {{"layer.a", {2, 3}, a}, {"b", {}, b}, {"c", {0, 4}, c}}; }
};

}  // namespace

TEST_CASE("what is written is read back") {
  const ScratchDirectory scratch;
  Model model;
  const FileDigest digest = write_safetensors(scratch / "m", model.tensors(), {{"step", "12"}});
  const std::string bytes = read_file(scratch / "m");
  CHECK(digest == FileDigest{bytes.size(), crc32c(bytes)});

  Model other;
  other.a.assign(6, 0);
  other.b.assign(1, 0);
  read_safetensors(scratch / "m", other.tensors());
  CHECK(other.a == model.a);
  CHECK(other.b == model.b);

  const SafetensorsHeader header = read_safetensors_header(scratch / "m");
  CHECK(header.metadata == std::map<std::string, std::string>{{"format", "pt"}, {"step", "12"}});
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0].name == "layer.a");
  CHECK(header.tensors[0].shape == std::vector<std::int64_t>{2, 3});
  CHECK(header.data_start % 8 == 0);
}

TEST_CASE("the file has the bytes of the format") {
  const ScratchDirectory scratch;
  std::vector<float> x = {1.0f, -2.0f};
  const std::vector<TensorRef> tensors = {{"x", {2}, x}};
  write_safetensors(scratch / "m", tensors);
  std::string header = R"({"__metadata__":{"format":"pt"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string expected = file_of(header, 8);
  std::memcpy(expected.data() + expected.size() - 8, x.data(), 8);
  CHECK(read_file(scratch / "m") == expected);
}

TEST_CASE("a file of another model is named before anything is changed") {
  const ScratchDirectory scratch;
  Model model;
  write_safetensors(scratch / "m", model.tensors());
  std::vector<float> a(6, -1.0f), b(1, -1.0f), c, d(1, -1.0f);
  const auto fails = [&](std::vector<TensorRef> tensors, const std::string& a_part) {
    REQUIRE_THROWS_WITH(read_safetensors(scratch / "m", tensors), Contains("/m'") && Contains(a_part));
    CHECK(a == std::vector<float>(6, -1.0f));
    CHECK(b == std::vector<float>(1, -1.0f));
  };
  fails({{"layer.a", {3, 2}, a}, {"b", {}, b}, {"c", {0, 4}, c}}, "'layer.a' has shape [2, 3], expected [3, 2]");
  fails({{"layer.a", {2, 3}, a}, {"b", {}, b}}, "it has a tensor 'c' that was not expected");
  fails({{"layer.a", {2, 3}, a}, {"b", {}, b}, {"c", {0, 4}, c}, {"d", {1}, d}}, "it has no tensor 'd'");
  replace_file(scratch / "m", file_of(R"({"b":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})", 4));
  fails({{"b", {1}, b}}, "dtype BF16, expected F32");
}

TEST_CASE("a hostile file is answered with a sentence") {
  struct Case {
    std::string file, sentence;
  };
  const auto tensor = [](const std::string& fields) { return file_of("{\"t\":{" + fields + "}}", 8); };
  const std::string deep(100'000, '[');
  const std::vector<Case> cases = {
      {"", "0 bytes"},
      {"1234567", "7 bytes"},
      {std::string(8, '\xff'), "header size is 18446744073709551615, expected at most 0"},
      {std::string(8, '\0'), "does not begin with '{'"},
      {file_of("[1]", 0), "does not begin with '{'"},
      {file_of("{", 0), "not JSON"},
      {file_of("{\"a\":\xff}", 0), "not JSON"},
      {file_of("{\"a\":" + deep, 0), "maximum parsing depth"},
      {file_of("{\"t\":3}", 0), "tensor 't' is not described by an object"},
      {file_of("{\"__metadata__\":3}", 0), "__metadata__ is not an object"},
      {file_of("{\"__metadata__\":{\"k\":3}}", 0), "the value of 'k' is not a string"},
      {tensor(R"("dtype":"F32","shape":[2])"), "must have the fields"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1)"), "must have the fields"},
      {tensor(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), "dtype 'F31' is unknown"},
      {tensor(R"("dtype":3,"shape":[2],"data_offsets":[0,8])"), "dtype is not a string"},
      {tensor(R"("dtype":"F32","shape":2,"data_offsets":[0,8])"), "shape is not an array"},
      {tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), "not a length"},
      {tensor(R"("dtype":"F32","shape":[2.5],"data_offsets":[0,8])"), "not a length"},
      {tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])"), "more bytes than any file"},
      {tensor(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])"), "too big integer"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8])"), "not a pair"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":["0","8"])"), "not a pair"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), "expected to span the 8 bytes of F32 [2]"},
      {tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,12])"), "take 12 bytes, the file has 8"},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), "take 4 bytes, the file has 8"},
      {tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), "begin at 4, expected 0"},
      {tensor(R"("dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8])"), "duplicate object key"},
      {file_of(
           R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           8),
       "duplicate"},
      {file_of(
           R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"u":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
           8),
       "tensor 'u': data_offsets begin at 4, expected 8"},
      {file_of("{\"\\u0007\\u001b[2J\":3}", 0), "tensor '\\x07\\x1b[2J'"},
  };
  const ScratchDirectory scratch;
  for (const Case& c : cases) {
    replace_file(scratch / "hostile", c.file);
    INFO(c.sentence);
    REQUIRE_THROWS_WITH(read_safetensors_header(scratch / "hostile"),
                        Contains("hostile' is not a sound safetensors file") && Contains(c.sentence));
  }
}

TEST_CASE("a list of tensors that contradicts itself is not written") {
  const ScratchDirectory scratch;
  std::vector<float> x(2);
  const std::vector<TensorRef> twice = {{"x", {2}, x}, {"x", {2}, x}}, wrong = {{"x", {3}, x}};
  REQUIRE_THROWS_WITH(write_safetensors(scratch / "m", twice), Contains("a name that is taken"));
  REQUIRE_THROWS_WITH(write_safetensors(scratch / "m", wrong), Contains("tensor 'x' of shape [3] has 2 elements"));
}
