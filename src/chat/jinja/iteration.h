#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// Python's len(), iter(), next(), reversed() and subscripts.

namespace trinity::jinja {

// len(value); absent where the value has none.
std::optional<Int> LengthOf(Runtime& runtime, const Value& value);

bool IsIterable(const Value& value);
// iter(value): a value of kind kIterator. An Error if the value cannot be iterated over.
Value Iterate(Runtime& runtime, const Value& value);
// reversed(value); absent where Python refuses.
std::optional<Value> Reversed(Runtime& runtime, const Value& value);
// next(iterator): false at the end.
bool NextOf(Runtime& runtime, const Value& iterator, Value& out);
// list(value)
std::vector<Value> ToVector(Runtime& runtime, const Value& value);

// A Python generator: `next` is called for each item until it returns false.
using NextFunction = std::function<bool(Runtime& runtime, Value& out)>;
Value MakeGenerator(Runtime& runtime, NextFunction next);

// value[index] of a sequence, string or range, negative from the end; absent out of range.
std::optional<Value> ItemAt(Runtime& runtime, const Value& value, Int index);

// value[start:stop:step]; None stands for absent bounds.
Value Slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop,
            const Value& step);

// Bytes [first, last) of the code points [begin, end) of a string.
std::string Substring(const StringObject& string, size_t begin, size_t end);

}  // namespace trinity::jinja
