#include "chat/jinja/sequence_filters.h"

#include <algorithm>
#include <functional>

#include "chat/jinja/attributes.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/predicates.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

Value FoldCase(Runtime& runtime, const Value& value) {
  return value.IsString() ? runtime.StringLike(value, ToLower(value.Text())) : value;
}

enum class Order { kAscending, kDescending };

// Python's sorted(): stable both ways, and comparing with < alone.
std::vector<Value> Sorted(Runtime& runtime, const std::vector<Value>& items,
                          const std::vector<Value>& keys, Order order) {
  std::vector<size_t> places(items.size());
  for (size_t i = 0; i < places.size(); ++i) places[i] = i;
  std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) {
    return order == Order::kAscending ? Less(runtime, keys[a], keys[b])
                                      : Less(runtime, keys[b], keys[a]);
  });
  std::vector<Value> sorted;
  sorted.reserve(items.size());
  for (const size_t place : places) sorted.push_back(items[place]);
  return sorted;
}

Order OrderOf(const BoundArguments& bound, size_t index) {
  return bound.TruthOr(index, false) ? Order::kDescending : Order::kAscending;
}

// Where generators begin: `if value: for item in value`.
class LazySource {
 public:
  explicit LazySource(Value value) : value_(std::move(value)) {}
  bool Next(Runtime& runtime, Value& out) {
    if (iterator_.IsMissing()) {
      if (!Truth(runtime, value_)) return false;
      iterator_ = Iterate(runtime, value_);
    }
    return NextOf(runtime, iterator_, out);
  }

 private:
  Value value_;
  Value iterator_;
};

// `arguments` without the first `count` positional ones, and with `value` in front.
CallArguments Rest(const CallArguments& arguments, size_t count, const Value& value) {
  CallArguments rest;
  rest.positional.push_back(value);
  rest.positional.insert(rest.positional.end(),
                         arguments.positional.begin() + static_cast<ptrdiff_t>(count),
                         arguments.positional.end());
  rest.keywords = arguments.keywords;
  return rest;
}

const Value* Keyword(const CallArguments& arguments, std::string_view name) {
  for (const auto& keyword : arguments.keywords) {
    if (keyword.first == name) return &keyword.second;
  }
  return nullptr;
}

using Transform = std::function<Value(Runtime& runtime, const Value& item)>;

Transform AttributeTransform(Runtime& runtime, const CallArguments& arguments) {
  for (const auto& keyword : arguments.keywords) {
    if (keyword.first != "attribute" && keyword.first != "default") {
      runtime.Fail("map: unexpected keyword argument '{}'", keyword.first);
    }
  }
  const AttributePath path(runtime, *Keyword(arguments, "attribute"));
  std::optional<Value> absent;
  const Value* given = Keyword(arguments, "default");
  if (given != nullptr && !given->IsNone()) absent = *given;
  return [path, absent](Runtime& r, const Value& item) { return path.Get(r, item, absent); };
}

Transform FilterTransform(Runtime& runtime, const CallArguments& arguments) {
  if (arguments.positional.size() < 2) runtime.Fail("map requires a filter argument");
  const Value& name = arguments.positional[1];
  const Filter filter = name.IsString() ? FindFilter(name.Text()) : nullptr;
  if (filter == nullptr) runtime.Fail("there is no filter {}", Repr(runtime, name));
  return [filter, arguments](Runtime& r, const Value& item) {
    CallArguments rest = Rest(arguments, 2, item);
    return filter(r, rest);
  };
}

enum class Keep { kTrue, kFalse };
enum class Look { kItem, kAttribute };

using Condition = std::function<bool(Runtime& runtime, const Value& item)>;

Condition MakeCondition(Runtime& runtime, const CallArguments& arguments, Look look) {
  size_t used = 1;
  AttributePath path(runtime, Value::None());
  if (look == Look::kAttribute) {
    if (arguments.positional.size() < 2) runtime.Fail("missing parameter for attribute name");
    path = AttributePath(runtime, arguments.positional[1]);
    used = 2;
  }
  if (arguments.positional.size() <= used) {
    return [path](Runtime& r, const Value& item) { return Truth(r, path.Get(r, item)); };
  }
  const Value& name = arguments.positional[used];
  const Predicate predicate = name.IsString() ? FindPredicate(name.Text()) : nullptr;
  if (predicate == nullptr) runtime.Fail("there is no test {}", Repr(runtime, name));
  return [path, predicate, used, arguments](Runtime& r, const Value& item) {
    CallArguments rest = Rest(arguments, used + 1, path.Get(r, item));
    return predicate(r, rest);
  };
}

Value SelectItems(Runtime& runtime, const CallArguments& arguments, Look look, Keep keep) {
  auto source = std::make_shared<LazySource>(arguments.positional[0]);
  auto condition = std::make_shared<Condition>();
  return MakeGenerator(runtime, [=](Runtime& r, Value& out) {
    Value item;
    while (source->Next(r, item)) {
      if (*condition == nullptr) *condition = MakeCondition(r, arguments, look);
      if ((*condition)(r, item) != (keep == Keep::kTrue)) continue;
      out = item;
      return true;
    }
    return false;
  });
}

}  // namespace

Value AttrFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "attr", arguments, {"obj", "name"}, 2);
  return GetAttributeOnly(runtime, bound[0], bound[1]);
}

Value BatchFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "batch", arguments, {"value", "linecount", "fill_with"}, 2);
  auto iterator = std::make_shared<Value>();
  const Value& source = bound[0];
  const Value& count = bound[1];
  const Value fill = bound.Or(2, Value::None());
  auto carried = std::make_shared<Value>();
  return MakeGenerator(runtime, [=](Runtime& r, Value& out) {
    if (iterator->IsMissing()) *iterator = Iterate(r, source);
    std::vector<Value> items;
    if (!carried->IsMissing()) items.push_back(*carried);
    *carried = Value();
    Value item;
    while (NextOf(r, *iterator, item)) {
      if (Equal(r, Value::Integer(static_cast<Int>(items.size())), count)) {
        *carried = item;
        out = r.List(std::move(items));
        return true;
      }
      r.CheckItems(items.size() + 1);
      items.push_back(item);
    }
    if (items.empty()) return false;
    if (!fill.IsNone() && Less(r, Value::Integer(static_cast<Int>(items.size())), count)) {
      if (!count.IsIntegral()) r.Fail("batch expects an integer");
      r.CheckItems(static_cast<size_t>(std::min<Int>(count.AsInt(), INT32_MAX)));
      items.resize(static_cast<size_t>(count.AsInt()), fill);
    }
    out = r.List(std::move(items));
    return true;
  });
}

Value DefaultFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "default", arguments, {"value", "default_value", "boolean"},
                             1);
  const bool use_default =
      bound[0].IsUndefined() || (bound.TruthOr(2, false) && !Truth(runtime, bound[0]));
  if (!use_default) return bound[0];
  return bound.Has(1) ? bound[1] : runtime.String("");
}

Value DictSortFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "dictsort", arguments,
                             {"value", "case_sensitive", "by", "reverse"}, 1);
  if (bound[0].IsUndefined()) FailUndefined(runtime, bound[0]);
  const std::string by = bound.Has(2) ? Str(runtime, bound[2]) : "key";
  if (by != "key" && by != "value") runtime.Fail("dictsort sorts by key or by value");
  if (!bound[0].IsDict()) runtime.Fail("dictsort expects a mapping, found {}", TypeName(bound[0]));
  std::vector<Value> items;
  std::vector<Value> keys;
  for (const auto& entry : bound[0].AsDict().entries) {
    items.push_back(runtime.Tuple({entry.first, entry.second}));
    const Value& key = by == "key" ? entry.first : entry.second;
    keys.push_back(bound.TruthOr(1, false) ? key : FoldCase(runtime, key));
  }
  return runtime.List(Sorted(runtime, items, keys, OrderOf(bound, 3)));
}

Value FirstFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "first", arguments, {"seq"}, 1);
  Value first;
  if (NextOf(runtime, Iterate(runtime, bound[0]), first)) return first;
  return runtime.Undefined("No first item, sequence was empty.");
}

Value GroupByFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "groupby", arguments,
                             {"value", "attribute", "default", "case_sensitive"}, 2);
  const AttributePath path(runtime, bound[1]);
  std::optional<Value> absent;
  if (bound.Has(2) && !bound[2].IsNone()) absent = bound[2];
  const bool case_sensitive = bound.TruthOr(3, false);
  const auto key_of = [&](const Value& item) {
    const Value key = path.Get(runtime, item, absent);
    return case_sensitive ? key : FoldCase(runtime, key);
  };
  std::vector<Value> items = ToVector(runtime, bound[0]);
  std::vector<Value> keys;
  for (const Value& item : items) keys.push_back(key_of(item));
  items = Sorted(runtime, items, keys, Order::kAscending);
  std::vector<Value> groups;
  for (size_t begin = 0; begin < items.size();) {
    const Value key = key_of(items[begin]);
    size_t end = begin + 1;
    while (end < items.size() && Equal(runtime, key, key_of(items[end]))) ++end;
    const Value grouper = case_sensitive ? key : path.Get(runtime, items[begin], absent);
    groups.push_back(
        runtime.GroupTuple(grouper, runtime.List({items.begin() + static_cast<ptrdiff_t>(begin),
                                                  items.begin() + static_cast<ptrdiff_t>(end)})));
    begin = end;
  }
  return runtime.List(std::move(groups));
}

Value ItemsFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "items", arguments, {"value"}, 1);
  const Value& value = bound[0];
  size_t next = 0;
  return MakeGenerator(runtime, [value, next](Runtime& r, Value& out) mutable {
    if (value.IsUndefined()) return false;
    if (!value.IsDict()) r.Fail("items expects a mapping, found {}", TypeName(value));
    const auto& entries = value.AsDict().entries;
    if (next >= entries.size()) return false;
    out = r.Tuple({entries[next].first, entries[next].second});
    ++next;
    return true;
  });
}

Value JoinFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "join", arguments, {"value", "d", "attribute"}, 1);
  const AttributePath path(runtime, bound.Or(2, Value::None()));
  const Value separator = SoftString(runtime, bound.Or(1, runtime.String("")));
  const Value iterator = Iterate(runtime, bound[0]);
  TextBuilder out(runtime);
  Value item;
  for (bool is_first = true; NextOf(runtime, iterator, item); is_first = false) {
    if (!is_first) out.Append(separator.Text());
    out.Append(SoftString(runtime, path.Get(runtime, item)).Text());
  }
  return runtime.String(out.Take());
}

Value LastFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "last", arguments, {"seq"}, 1);
  if (bound[0].IsSequence() && !bound[0].Items().empty()) return bound[0].Items().back();
  const std::optional<Value> reversed = Reversed(runtime, bound[0]);
  if (!reversed) runtime.Fail("{} cannot be reversed", TypeName(bound[0]));
  Value last;
  if (NextOf(runtime, *reversed, last)) return last;
  return runtime.Undefined("No last item, sequence was empty.");
}

Value LengthFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "length", arguments, {"obj"}, 1, Keywords::kRefused);
  const std::optional<Int> length = LengthOf(runtime, bound[0]);
  if (!length) runtime.Fail("{} has no length", TypeName(bound[0]));
  return Value::Integer(*length);
}

Value ListFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "list", arguments, {"value"}, 1);
  return runtime.List(ToVector(runtime, bound[0]));
}

Value MapFilter(Runtime& runtime, CallArguments& arguments) {
  auto source = std::make_shared<LazySource>(arguments.positional[0]);
  auto transform = std::make_shared<Transform>();
  const CallArguments saved = arguments;
  return MakeGenerator(runtime, [=](Runtime& r, Value& out) {
    Value item;
    if (!source->Next(r, item)) return false;
    if (*transform == nullptr) {
      const bool by_attribute =
          saved.positional.size() == 1 && Keyword(saved, "attribute") != nullptr;
      *transform = by_attribute ? AttributeTransform(r, saved) : FilterTransform(r, saved);
    }
    out = (*transform)(r, item);
    return true;
  });
}

Value RejectFilter(Runtime& runtime, CallArguments& arguments) {
  return SelectItems(runtime, arguments, Look::kItem, Keep::kFalse);
}

Value RejectAttrFilter(Runtime& runtime, CallArguments& arguments) {
  return SelectItems(runtime, arguments, Look::kAttribute, Keep::kFalse);
}

Value SelectFilter(Runtime& runtime, CallArguments& arguments) {
  return SelectItems(runtime, arguments, Look::kItem, Keep::kTrue);
}

Value SelectAttrFilter(Runtime& runtime, CallArguments& arguments) {
  return SelectItems(runtime, arguments, Look::kAttribute, Keep::kTrue);
}

Value ReverseFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "reverse", arguments, {"value"}, 1);
  if (bound[0].IsString()) {
    return Slice(runtime, bound[0], Value::None(), Value::None(), Value::Integer(-1));
  }
  if (const std::optional<Value> reversed = Reversed(runtime, bound[0])) return *reversed;
  std::vector<Value> items = ToVector(runtime, bound[0]);
  std::reverse(items.begin(), items.end());
  return runtime.List(std::move(items));
}

Value SliceFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "slice", arguments, {"value", "slices", "fill_with"}, 2);
  const Value& value = bound[0];
  const Value& slices = bound[1];
  const Value fill = bound.Or(2, Value::None());
  auto items = std::make_shared<std::optional<std::vector<Value>>>();
  Int number = 0;
  size_t begin = 0;
  return MakeGenerator(runtime, [=](Runtime& r, Value& out) mutable {
    if (!*items) *items = ToVector(r, value);
    if (slices.IsUndefined()) FailUndefined(r, slices);
    if (!slices.IsIntegral() || slices.AsInt() == 0) r.Fail("slice expects an integer above 0");
    if (number >= slices.AsInt()) return false;
    const auto size = static_cast<Int>((*items)->size());
    const bool has_extra = number < size % slices.AsInt();
    const size_t end = begin + static_cast<size_t>(size / slices.AsInt()) + (has_extra ? 1 : 0);
    std::vector<Value> part((*items)->begin() + static_cast<ptrdiff_t>(begin),
                            (*items)->begin() + static_cast<ptrdiff_t>(end));
    if (!fill.IsNone() && !has_extra) part.push_back(fill);
    begin = end;
    ++number;
    out = r.List(std::move(part));
    return true;
  });
}

Value SortFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "sort", arguments,
                             {"value", "reverse", "case_sensitive", "attribute"}, 1);
  // Keys are lists, one item an attribute, as in Jinja2: equal undefined ones are not compared.
  std::vector<AttributePath> paths;
  const Value attribute = bound.Or(3, Value::None());
  if (attribute.IsString()) {
    std::string_view rest = attribute.Text();
    while (true) {
      const size_t comma = rest.find(',');
      paths.emplace_back(runtime, runtime.String(std::string(rest.substr(0, comma))));
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  } else {
    paths.emplace_back(runtime, attribute);
  }
  const bool case_sensitive = bound.TruthOr(2, false);
  const std::vector<Value> items = ToVector(runtime, bound[0]);
  std::vector<Value> keys;
  for (const Value& item : items) {
    std::vector<Value> key;
    for (const AttributePath& path : paths) {
      const Value part = path.Get(runtime, item);
      key.push_back(case_sensitive ? part : FoldCase(runtime, part));
    }
    keys.push_back(runtime.List(std::move(key)));
  }
  return runtime.List(Sorted(runtime, items, keys, OrderOf(bound, 1)));
}

Value UniqueFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "unique", arguments, {"value", "case_sensitive", "attribute"},
                             1);
  const Value& value = bound[0];
  const bool case_sensitive = bound.TruthOr(1, false);
  const Value attribute = bound.Or(2, Value::None());
  auto seen = runtime.NewDict();
  auto iterator = std::make_shared<Value>();
  return MakeGenerator(runtime, [=](Runtime& r, Value& out) {
    if (iterator->IsMissing()) *iterator = Iterate(r, value);
    const AttributePath path(r, attribute);
    while (NextOf(r, *iterator, out)) {
      const Value part = path.Get(r, out);
      const Value key = case_sensitive ? part : FoldCase(r, part);
      if (seen->Find(r, key) != nullptr) continue;
      r.CheckItems(seen->entries.size() + 1);
      seen->Set(r, key, Value::None());
      return true;
    }
    return false;
  });
}

}  // namespace trinity::jinja
