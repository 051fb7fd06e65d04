// SPDX-License-Identifier: Apache-2.0
// One field table per configuration struct; flags, files, environment, help, docs and the resolved
// configuration of a run are all printed from it. Defaults are written once, at the struct's members.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeindex>
#include <utility>
#include <vector>

#include "recforce/base/error.h"
#include "recforce/config/search_space.h"

namespace recforce::config {

// One field with its C++ type erased.
struct Field {
  std::string key;           // "learning_rate"
  std::string type;          // "int", "real", "bool", "text", "choice", "list of int", "list of text"
  std::string default_text;  // as it would be written in YAML
  std::string allowed;       // "[1, 65536]", "a|b", or "" when anything goes
  std::string doc;           // one sentence
  std::vector<std::string> aliases;
  std::function<std::string(void* config, std::string_view text)> set;  // "" or why the text was refused
  std::function<std::string(const void* config)> get;
  std::optional<SearchSpace> search = std::nullopt;  // where `recforce tune` looks when it is not told
};

// "" when every value of the space is allowed for the field, or why not, as Set does. `config` is a struct of the
// field's type, whose value is lost.
std::string CheckSearch(const Field& field, const SearchSpace& space, void* config);

using FieldTable = std::vector<Field>;

// A config struct together with its table and name, type erased. Copies share the struct.
class Section {
 public:
  template <class C>
  static Section Make(std::string name, const FieldTable& table, C initial = {}) {
    return Section(
        std::move(name), &table, std::make_shared<C>(std::move(initial)), typeid(C),
        [](const void* from) -> std::shared_ptr<void> { return std::make_shared<C>(*static_cast<const C*>(from)); });
  }
  // A section with the same values in a struct of its own.
  [[nodiscard]] Section Clone() const { return Section(name_, fields_, copy_(data_.get()), type_, copy_); }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const FieldTable& fields() const { return *fields_; }
  [[nodiscard]] void* data() { return data_.get(); }
  [[nodiscard]] const void* data() const { return data_.get(); }
  // The struct itself. Error(Internal) when C is not what Make was given.
  template <class C>
  [[nodiscard]] C& As() const {
    RECFORCE_CHECK(type_ == typeid(C), "section '" + name_ + "' holds another struct");
    return *static_cast<C*>(data_.get());
  }
  // "" or why the text was refused, in words that need only the key before them.
  std::string Set(const Field& field, std::string_view text) { return field.set(data_.get(), text); }
  [[nodiscard]] std::string Get(const Field& field) const { return field.get(data_.get()); }
  // The field called `key` or one of its aliases, or null.
  [[nodiscard]] const Field* Find(std::string_view key) const;

 private:
  using Copy = std::shared_ptr<void> (*)(const void* from);
  Section(std::string name, const FieldTable* table, std::shared_ptr<void> data, std::type_index type, Copy copy)
      : name_(std::move(name)), fields_(table), data_(std::move(data)), type_(type), copy_(copy) {}
  std::string name_;
  const FieldTable* fields_;
  std::shared_ptr<void> data_;
  std::type_index type_;
  Copy copy_;
};

// How many members an aggregate has; a table must describe them all.
struct AnyMember {
  template <class T>
  constexpr operator T() const;  // NOLINT(google-explicit-constructor): stands for a value of any type
};
template <class C, class... Members>
constexpr std::size_t AggregateArity() {
  if constexpr (requires { C{Members{}..., AnyMember{}}; }) {
    return AggregateArity<C, Members..., AnyMember>();
  } else {
    return sizeof...(Members);
  }
}

namespace internal {
Field MakeInt(std::string key, std::int64_t initial, std::int64_t low, std::int64_t high, std::string doc,
              std::function<std::int64_t&(void*)> at);
Field MakeReal(std::string key, double initial, double low, double high, std::string doc,
               std::function<double&(void*)> at);
Field MakeBool(std::string key, bool initial, std::string doc, std::function<bool&(void*)> at);
Field MakeText(std::string key, std::string initial, std::vector<std::string> choices, std::string doc,
               std::function<std::string&(void*)> at);
Field MakeIntList(std::string key, std::vector<std::int64_t> initial, std::int64_t low, std::int64_t high,
                  std::string doc, std::function<std::vector<std::int64_t>&(void*)> at);
Field MakeTextList(std::string key, std::vector<std::string> initial, std::string doc,
                   std::function<std::vector<std::string>&(void*)> at);
// Give the field its search space. Error(Internal) when the field does not allow its values.
void AddRange(Field& field, double low, double high, Scale scale, void* scratch);
void AddChoices(Field& field, std::vector<std::string> choices, void* scratch);
}  // namespace internal

// Builds the table of struct C, once, in the .cpp file of C:
//   static const FieldTable table = Fields<C>().Int("hidden", &C::hidden, 1, 65536, "...").Take();
template <class C>
class Fields {
 public:
  Fields& Int(std::string key, std::int64_t C::*member, std::int64_t low, std::int64_t high, std::string doc) {
    return Push(internal::MakeInt(std::move(key), C{}.*member, low, high, std::move(doc), At(member)));
  }
  Fields& Real(std::string key, double C::*member, double low, double high, std::string doc) {
    return Push(internal::MakeReal(std::move(key), C{}.*member, low, high, std::move(doc), At(member)));
  }
  Fields& Bool(std::string key, bool C::*member, std::string doc) {
    return Push(internal::MakeBool(std::move(key), C{}.*member, std::move(doc), At(member)));
  }
  Fields& Text(std::string key, std::string C::*member, std::string doc) {
    return Push(internal::MakeText(std::move(key), C{}.*member, {}, std::move(doc), At(member)));
  }
  Fields& Choice(std::string key, std::string C::*member, std::vector<std::string> choices, std::string doc) {
    return Push(internal::MakeText(std::move(key), C{}.*member, std::move(choices), std::move(doc), At(member)));
  }
  Fields& IntList(std::string key, std::vector<std::int64_t> C::*member, std::int64_t low, std::int64_t high,
                  std::string doc) {
    return Push(internal::MakeIntList(std::move(key), C{}.*member, low, high, std::move(doc), At(member)));
  }
  Fields& TextList(std::string key, std::vector<std::string> C::*member, std::string doc) {
    return Push(internal::MakeTextList(std::move(key), C{}.*member, std::move(doc), At(member)));
  }
  // Another name of the field before it (RecBole's, for instance).
  Fields& Alias(std::string name) {
    list_.back().aliases.push_back(std::move(name));
    return *this;
  }
  // Where a search looks for the field before it: every value of a range, or one of several.
  Fields& Search(double low, double high, Scale scale = Scale::kLinear) {
    C scratch;
    internal::AddRange(list_.back(), low, high, scale, &scratch);
    return *this;
  }
  Fields& SearchChoices(std::vector<std::string> choices) {
    C scratch;
    internal::AddChoices(list_.back(), std::move(choices), &scratch);
    return *this;
  }
  // Error(Internal) when a member of C has no row.
  FieldTable Take() {
    RECFORCE_CHECK(list_.size() == AggregateArity<C>(), "a member of the struct has no row in its field table");
    return std::move(list_);
  }

 private:
  template <class T>
  static std::function<T&(void*)> At(T C::*member) {
    return [member](void* config) -> T& { return static_cast<C*>(config)->*member; };
  }
  Fields& Push(Field field) {
    list_.push_back(std::move(field));
    return *this;
  }
  FieldTable list_;
};

}  // namespace recforce::config
