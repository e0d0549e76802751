#include "engine/prefix_miss.h"

namespace trinity {

std::string_view NameOf(PrefixMissReason reason) {
  switch (reason) {
    case PrefixMissReason::kNone:
      return "none";
    case PrefixMissReason::kOff:
      return "off";
    case PrefixMissReason::kNew:
      return "new";
    case PrefixMissReason::kBetween:
      return "between";
    case PrefixMissReason::kEvicted:
      return "evicted";
  }
  return "";
}

}  // namespace trinity
