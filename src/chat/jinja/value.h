#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace trinity::jinja {

class Runtime;

// Python's integers have no bound; ours have 128 bits, and what does not fit is an Error.
using Int = __int128;
using UnsignedInt = unsigned __int128;

enum class Kind : uint8_t {
  kMissing,  // a variable without a value; never visible to a template
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kDictView,
  kRange,
  kIterator,
  kNamespace,
  kCallable,
};

// Bytes of live values of one rendering, held under a limit.
struct MemoryMeter {
  size_t live_bytes = 0;
};

// A share of a meter, given back when its owner dies. The meter must live longer.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  MemoryCharge(MemoryMeter* meter, size_t bytes) : meter_(meter), bytes_(bytes) {
    meter_->live_bytes += bytes_;
  }
  MemoryCharge(MemoryCharge&& other) noexcept
      : meter_(std::exchange(other.meter_, nullptr)), bytes_(other.bytes_) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    std::swap(meter_, other.meter_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryCharge() {
    if (meter_ != nullptr) meter_->live_bytes -= bytes_;
  }
  void Grow(MemoryMeter* meter, size_t bytes) {
    meter_ = meter;
    meter_->live_bytes += bytes;
    bytes_ += bytes;
  }

 private:
  MemoryMeter* meter_ = nullptr;
  size_t bytes_ = 0;
};

struct Object : std::enable_shared_from_this<Object> {
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  virtual ~Object() = default;
  // Lets go of other values. Called at the end of a rendering for objects that could be part of a
  // cycle.
  virtual void Release() {}

  MemoryCharge charge;
};

struct StringObject;
struct SequenceObject;
struct DictObject;

// A Python value as a template sees it. Cheap to copy: strings and containers are shared and,
// as in Jinja2's immutable sandbox, never change.
class Value {
 public:
  Value() = default;
  Value(const Value&) = default;
  Value(Value&&) noexcept = default;
  Value& operator=(Value other) noexcept;
  ~Value() {
    if (object_ != nullptr && kind_ != Kind::kString && object_.use_count() == 1) Dispose();
  }
  static Value None() { return Value(Kind::kNone); }
  static Value Bool(bool value);
  static Value Integer(Int value);
  static Value Float(double value);
  // The text is UTF-8. Charges no meter: for constants, which outlive renderings.
  static Value ConstantString(std::string text);
  static Value Of(Kind kind, std::shared_ptr<Object> object);

  Kind kind() const { return kind_; }
  bool IsMissing() const { return kind_ == Kind::kMissing; }
  bool IsUndefined() const { return kind_ == Kind::kUndefined; }
  bool IsNone() const { return kind_ == Kind::kNone; }
  bool IsBool() const { return kind_ == Kind::kBool; }
  bool IsInt() const { return kind_ == Kind::kInt; }
  bool IsIntegral() const { return kind_ == Kind::kInt || kind_ == Kind::kBool; }
  bool IsFloat() const { return kind_ == Kind::kFloat; }
  bool IsNumber() const { return IsIntegral() || IsFloat(); }
  bool IsString() const { return kind_ == Kind::kString; }
  bool IsSequence() const { return kind_ == Kind::kList || kind_ == Kind::kTuple; }
  bool IsDict() const { return kind_ == Kind::kDict; }
  bool IsMarkup() const;

  bool AsBool() const { return integer_ != 0; }
  Int AsInt() const { return integer_; }  // of a bool: 0 or 1
  double AsFloat() const { return IsFloat() ? float_ : static_cast<double>(integer_); }
  const StringObject& AsString() const;
  const std::string& Text() const;
  const SequenceObject& AsSequence() const;
  const std::vector<Value>& Items() const;
  const DictObject& AsDict() const;
  const std::shared_ptr<Object>& object() const { return object_; }
  template <typename T>
  T& As() const {
    return static_cast<T&>(*object_);
  }

 private:
  explicit Value(Kind kind) : kind_(kind) {}
  // Ends the last reference to an object without recursing into what that object owns: a template
  // can build chains of any length.
  void Dispose();

  Kind kind_ = Kind::kMissing;
  union {
    Int integer_ = 0;
    double float_;
  };
  std::shared_ptr<Object> object_;
};

struct StringObject final : Object {
  std::string text;
  size_t num_code_points = 0;
  bool is_markup = false;  // markupsafe's Markup: joins with plain text escape that text

  bool IsAscii() const { return num_code_points == text.size(); }
};

// A list or a tuple.
struct SequenceObject final : Object {
  std::vector<Value> items;
  int depth = 1;                // 1 plus the deepest container inside
  bool is_group_tuple = false;  // groupby's pair, with the attributes grouper and list
};

struct DictObject final : Object {
  std::vector<std::pair<Value, Value>> entries;  // in the order of insertion
  std::unordered_multimap<size_t, uint32_t> index;
  int depth = 1;

  // Absent: nullptr. `key` must be hashable.
  const Value* Find(Runtime& runtime, const Value& key) const;
  const Value* FindText(std::string_view key) const;
  // Inserts, or replaces the value of an equal key, whose place and spelling stay.
  void Set(Runtime& runtime, const Value& key, Value value);
};

struct DictViewObject final : Object {
  enum class Part { kKeys, kValues, kItems };
  Value dict;
  Part part = Part::kKeys;
};

struct RangeObject final : Object {
  Int start = 0;
  Int stop = 0;
  Int step = 1;

  Int Length() const;
};

// Python's iterators and generators: read once, in order, and computed as they are read.
struct IteratorObject : Object {
  // Gives the next value in `out`, or false at the end.
  virtual bool Next(Runtime& runtime, Value& out) = 0;
};

struct NamespaceObject final : Object {
  void Release() override { attributes = nullptr; }

  std::shared_ptr<DictObject> attributes;
};

struct UndefinedObject final : Object {
  std::string message;
};

// The arguments of a call, evaluated.
struct CallArguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keywords;
};

// A function, method, macro or loop object.
struct CallableObject : Object {
  virtual Value Call(Runtime& runtime, CallArguments& arguments) = 0;
  // What a dot finds; false where there is no such attribute.
  virtual bool Attribute(Runtime& runtime, std::string_view name, Value& out);
  virtual std::string Describe(Runtime& runtime) const = 0;  // Python's repr
  virtual bool IsCallable() const { return true; }
  virtual bool IsIterable() const { return false; }
  virtual std::optional<Int> Length(Runtime&) { return std::nullopt; }
};

// Python's name of the value's type, as in its messages.
std::string_view TypeName(const Value& value);

// How deep containers are nested in `value`: 0 for scalars.
int DepthOf(const Value& value);

size_t CountCodePoints(std::string_view utf8);

}  // namespace trinity::jinja
