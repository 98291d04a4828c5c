// longsky/io/json_line.hpp — a JSON object on one line, its fields in the order given, for files that people read.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace longsky {

/// Names, which need no escaping, and values. A JSON object would sort them.
using JsonFields = std::vector<std::pair<std::string, nlohmann::json>>;

/// {"step":1,"loss":2.5}, without a line break. What is not UTF-8 is replaced, what is not a number becomes null.
inline std::string json_line(const JsonFields& fields) {
  std::string line;
  for (const auto& [name, value] : fields)
    line += (line.empty() ? "{\"" : ",\"") + name +
            "\":" + value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return line + "}";
}

}  // namespace longsky
