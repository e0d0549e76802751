#include "chat/jinja/filters.h"

#include "chat/jinja/number_filters.h"
#include "chat/jinja/sequence_filters.h"
#include "chat/jinja/text_filters.h"

namespace trinity::jinja {
namespace {

Value NotSupported(Runtime& runtime, CallArguments&) {
  runtime.Fail("the filters random and urlize are not supported");
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
    {"random", NotSupported},
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
    {"urlize", NotSupported},
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
