// longsky/core/json.hpp — a JSON value: made, written, read, asked. Jansson's, in a handle.
//
// Jansson is a compiled library, so a program that includes this pays for a page of declarations and no parser. A value
// never changes once it is made; copies share it. Members keep the order they were given in, reals are written with the
// fewest digits that read back as the same double.
#pragma once

#include <longsky/core/error.hpp>
#include <longsky/core/finite_math.hpp>
#include <longsky/core/number_text.hpp>
#include <longsky/core/utf8.hpp>

#include <jansson.h>
#include <locale.h>

#include <concepts>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longsky {

class Json;

/// While it lives, C's functions use the C locale in this thread: Jansson asks them where a number's point is, and
/// under a point of two bytes ends the program.
class ClassicLocale {
 public:
  ClassicLocale() : before_(::uselocale(classic())) {}
  ClassicLocale(const ClassicLocale&) = delete;
  ClassicLocale& operator=(const ClassicLocale&) = delete;
  ~ClassicLocale() { ::uselocale(before_); }

 private:
  static locale_t classic() {
    static const locale_t made = ::newlocale(LC_ALL_MASK, "C", locale_t{});
    return made;
  }

  locale_t before_;
};

/// Takes any member; for the concept below.
struct AnyField {
  void operator()(const char*, auto&) const {}
};

/// A struct whose members are written under names: `static void fields(auto& self, auto&& field)` calls
/// field("name", self.member) for each.
template <class T>
concept JsonStruct = requires(T& value) {
  T::fields(value, AnyField{});
};

/// What is written as an array, and read by push_back.
template <class T>
concept JsonList = !std::convertible_to<const T&, std::string_view> && requires(T & value, const T& same) {
  typename T::value_type;
  same.begin() != same.end();
  value.push_back(*same.begin());
};

class Json {
 public:
  struct Member;  ///< a name and its value, to keep
  struct Field;   ///< the same, to be written at once

  Json() : value_(json_null()) {}
  template <std::same_as<bool> T>
  Json(T value) : value_(json_boolean(value)) {}
  /// Throws Error(usage) for what has more than 63 bits, which JSON's readers do not agree on.
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T value)
      : value_(integer(static_cast<std::int64_t>(value), std::in_range<std::int64_t>(value))) {}
  /// What is not finite becomes null.
  Json(std::floating_point auto value) : value_(real(static_cast<double>(value))) {}
  /// What is not UTF-8 is replaced by U+FFFD.
  Json(std::string_view text) : value_(string(text)) {}
  Json(const std::string& text) : value_(string(text)) {}
  Json(const char* text) : value_(string(text)) {}
  template <JsonList T>
  Json(const T& list) : value_(json_array()) {
    for (const auto& item : list) append(item);
  }
  template <JsonStruct T>
  Json(const T& value) : value_(json_object()) {
    T::fields(value, [this](const char* name, const auto& member) { set(name, member); });
  }

  Json(const Json& other) : value_(json_incref(other.value_)) {}
  Json(Json&& other) noexcept : value_(std::exchange(other.value_, json_null())) {}
  Json& operator=(Json other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Json() { json_decref(value_); }

  /// {"step": 1, "loss": 2.5} is Json::object({{"step", 1}, {"loss", 2.5}}).
  static Json object(std::initializer_list<Field> fields);
  static Json object(const std::vector<Member>& members);

  bool is_null() const { return json_is_null(value_); }
  bool is_object() const { return json_is_object(value_); }
  bool is_array() const { return json_is_array(value_); }
  bool is_string() const { return json_is_string(value_); }
  bool is_number() const { return json_is_number(value_); }
  /// An integer that is not negative: a size, an offset, a token.
  bool is_size() const { return json_is_integer(value_) && json_integer_value(value_) >= 0; }

  /// Of an array or an object; 0 for anything else.
  std::size_t size() const { return is_object() ? json_object_size(value_) : json_array_size(value_); }
  bool contains(const char* name) const { return json_object_get(value_, name) != nullptr; }
  /// The member of that name; null where there is none.
  Json operator[](const char* name) const { return borrowed(json_object_get(value_, name)); }
  /// The item at that place; null where there is none.
  Json item(std::size_t i) const { return borrowed(json_array_get(value_, i)); }
  /// The member of that name. Throws Error(corrupt) where there is none.
  Json at(const char* name) const {
    json_t* const member = json_object_get(value_, name);
    if (!member) throw Error(ExitCode::corrupt, std::string("the field \"") + name + "\" is missing");
    return borrowed(member);
  }
  std::vector<Json> items() const;      ///< of an array
  std::vector<Member> members() const;  ///< of an object

  /// The value as a T: a number, a text, a list or a struct of such; null read as a real is not a number. Throws
  /// Error(corrupt) where it is something else.
  template <class T>
  T get() const;
  /// get<T>(), or `otherwise` where the value is of another kind.
  template <class T>
  T get_or(T otherwise) const {
    return is_a<T>() ? get<T>() : otherwise;
  }

  /// On one line; with `indent` above 0 one line a member, so much further in for each level.
  std::string text(int indent = 0) const {
    std::string out;
    write(out, value_, indent, 0);
    return out;
  }

  /// The value of a text; null for what is no JSON, or has a key twice, and then the sentence in `problem`.
  static Json parse(std::string_view text, std::string* problem = nullptr) {
    json_error_t error;
    const ClassicLocale numbers;
    json_t* value = json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, &error);
    if (!value && problem)
      *problem =
          std::string(error.text) + ", line " + std::to_string(error.line) + ", column " + std::to_string(error.column);
    return value ? Json(value) : Json();
  }

  friend bool operator==(const Json& a, const Json& b) { return json_equal(a.value_, b.value_); }

 private:
  // Takes the reference over. Nothing: there was no memory for it.
  explicit Json(json_t* value) : value_(value ? value : throw std::bad_alloc()) {}
  static Json borrowed(json_t* value) { return value ? Json(json_incref(value)) : Json(); }

  static json_t* integer(std::int64_t value, bool fits) {
    if (!fits) throw Error(ExitCode::usage, "JSON cannot hold a whole number above 2^63 - 1; use a smaller one");
    return json_integer(value);
  }
  static json_t* real(double value) {
    json_t* made = json_real(value);
    return made ? made : json_null();
  }
  [[gnu::cold]] static json_t* string(std::string_view text) {
    if (json_t* made = json_stringn(text.data(), text.size())) return made;
    const std::string sound = sound_utf8(text);
    return json_stringn(sound.data(), sound.size());
  }
  void append(const Json& item) {
    if (json_array_append(value_, item.value_) != 0) throw std::bad_alloc();
  }
  [[gnu::cold]] void set(const char* name, const Json& value) {
    if (json_object_set(value_, name, value.value_) == 0) return;
    const std::string sound = sound_utf8(name);
    if (sound == name || json_object_set(value_, sound.c_str(), value.value_) != 0) throw std::bad_alloc();
  }

  template <class T>
  bool is_a() const {
    if constexpr (std::same_as<T, bool>)
      return json_is_boolean(value_);
    else if constexpr (std::integral<T>)
      return json_is_integer(value_) && std::in_range<T>(json_integer_value(value_));
    else if constexpr (std::floating_point<T>)
      return is_number();
    else if constexpr (std::same_as<T, std::string>)
      return is_string();
    else if constexpr (JsonStruct<T>)
      return is_object();
    else
      return is_array();
  }
  [[noreturn]] void refuse(const char* expected) const {
    throw Error(ExitCode::corrupt, std::string("expected ") + expected + ", found " + text().substr(0, 80));
  }

  static void write(std::string& out, json_t* value, int indent, int depth);

  json_t* value_;
};

struct Json::Member {
  std::string name;
  Json value;
};

struct Json::Field {
  const char* name;
  Json value;
};

inline Json Json::object(std::initializer_list<Field> fields) {
  Json made(json_object());
  for (const Field& field : fields) made.set(field.name, field.value);
  return made;
}

inline Json Json::object(const std::vector<Member>& members) {
  Json made(json_object());
  for (const Member& member : members) made.set(member.name.c_str(), member.value);
  return made;
}

inline std::vector<Json> Json::items() const {
  std::vector<Json> all;
  for (std::size_t i = 0; i < json_array_size(value_); ++i) all.push_back(item(i));
  return all;
}

inline std::vector<Json::Member> Json::members() const {
  std::vector<Member> all;
  const char* name;
  json_t* member;
  json_object_foreach(value_, name, member) all.push_back({name, borrowed(member)});
  return all;
}

template <class T>
T Json::get() const {
  if constexpr (std::same_as<T, bool>) {
    if (!is_a<T>()) refuse("true or false");
    return json_is_true(value_);
  } else if constexpr (std::integral<T>) {
    if (!is_a<T>()) refuse("a whole number");
    return static_cast<T>(json_integer_value(value_));
  } else if constexpr (std::floating_point<T>) {
    if (!is_a<T>() && !is_null()) refuse("a number");
    return is_null() ? std::numeric_limits<T>::quiet_NaN() : static_cast<T>(json_number_value(value_));
  } else if constexpr (std::same_as<T, std::string>) {
    if (!is_a<T>()) refuse("a text");
    return {json_string_value(value_), json_string_length(value_)};
  } else if constexpr (JsonStruct<T>) {
    if (!is_a<T>()) refuse("an object");
    T made;
    T::fields(made, [this]<class U>(const char* name, U& member) { member = at(name).get<U>(); });
    return made;
  } else {
    static_assert(JsonList<T>, "longsky: JSON holds numbers, texts, lists and structs with `fields`");
    if (!is_a<T>()) refuse("a list");
    T made;
    for (std::size_t i = 0; i < size(); ++i) made.push_back(item(i).get<typename T::value_type>());
    return made;
  }
}

// Jansson's own writer gives every real the same number of digits.
[[gnu::cold]] inline void Json::write(std::string& out, json_t* value, int indent, int depth) {
  const auto line = [&](int level) {
    if (indent > 0) out.append("\n").append(static_cast<std::size_t>(indent * level), ' ');
  };
  const auto leaf = [&out](json_t* one) {
    char* text = json_dumps(one, JSON_ENCODE_ANY);
    if (!text) throw std::bad_alloc();
    out += text;
    std::free(text);
  };
  const bool empty = json_array_size(value) + json_object_size(value) == 0;
  if (json_is_array(value) && !empty) {
    // Numbers stay on one line: a grid is easier to read as rows.
    const bool flat = json_is_number(json_array_get(value, 0));
    for (std::size_t i = 0; i < json_array_size(value); ++i) {
      out += i > 0 ? "," : "[";
      if (!flat)
        line(depth + 1);
      else if (i > 0 && indent > 0)
        out += ' ';
      write(out, json_array_get(value, i), indent, depth + 1);
    }
    if (!flat) line(depth);
    out += ']';
  } else if (json_is_object(value) && !empty) {
    char next = '{';
    const char* name;
    json_t* member;
    json_object_foreach(value, name, member) {
      out += std::exchange(next, ',');
      line(depth + 1);
      leaf(Json(name).value_);
      out += indent > 0 ? ": " : ":";
      write(out, member, indent, depth + 1);
    }
    line(depth);
    out += '}';
  } else if (json_is_real(value)) {
    const std::string text = shortest_text(json_real_value(value));
    out += text;
    if (text.find_first_of(".e") == std::string::npos) out += ".0";  // read back as a real
  } else {
    leaf(value);
  }
}

}  // namespace longsky
