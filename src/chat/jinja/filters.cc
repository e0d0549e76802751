#include "chat/jinja/filters.h"

#include "chat/jinja/number_filters.h"
#include "chat/jinja/sequence_filters.h"
#include "chat/jinja/text_filters.h"

namespace trinity::jinja {
namespace {

// A prompt is the same each time that it is made.
Value RandomFilter(Runtime& runtime, CallArguments&) {
  runtime.Fail("the filter random is not supported: a prompt does not depend on chance");
}

Value UrlizeFilter(Runtime& runtime, CallArguments&) {
  runtime.Fail("the filter urlize is not supported");
}

constexpr NamedFilter kFilters[] = {
    {"abs", AbsFilter},
    {"attr", AttrFilter},
    {"batch", BatchFilter},
    {"capitalize", CapitalizeFilter},
    {"center", CenterFilter},
    {"count", LengthFilter},
    {"d", DefaultFilter},
    {"default", DefaultFilter},
    {"dictsort", DictSortFilter},
    {"e", EscapeFilter},
    {"escape", EscapeFilter},
    {"filesizeformat", FileSizeFormatFilter},
    {"first", FirstFilter},
    {"float", FloatFilter},
    {"forceescape", ForceEscapeFilter},
    {"format", FormatFilter},
    {"groupby", GroupByFilter},
    {"indent", IndentFilter},
    {"int", IntFilter},
    {"items", ItemsFilter},
    {"join", JoinFilter},
    {"last", LastFilter},
    {"length", LengthFilter},
    {"list", ListFilter},
    {"lower", LowerFilter},
    {"map", MapFilter},
    {"max", MaxFilter},
    {"min", MinFilter},
    {"pprint", PprintFilter},
    {"random", RandomFilter},
    {"reject", RejectFilter},
    {"rejectattr", RejectAttrFilter},
    {"replace", ReplaceFilter},
    {"reverse", ReverseFilter},
    {"round", RoundFilter},
    {"safe", SafeFilter},
    {"select", SelectFilter},
    {"selectattr", SelectAttrFilter},
    {"slice", SliceFilter},
    {"sort", SortFilter},
    {"string", StringFilter},
    {"striptags", StripTagsFilter},
    {"sum", SumFilter},
    {"title", TitleFilter},
    {"tojson", ToJsonFilter},
    {"trim", TrimFilter},
    {"truncate", TruncateFilter},
    {"unique", UniqueFilter},
    {"upper", UpperFilter},
    {"urlencode", UrlEncodeFilter},
    {"urlize", UrlizeFilter},
    {"wordcount", WordCountFilter},
    {"wordwrap", WordWrapFilter},
    {"xmlattr", XmlAttrFilter},
};

}  // namespace

Filter FindFilter(std::string_view name) {
  for (const NamedFilter& filter : kFilters) {
    if (filter.name == name) return filter.filter;
  }
  return nullptr;
}

}  // namespace trinity::jinja
