#include "base/build_id.h"

#include <elf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace trinity {
namespace {

using Note = ElfW(Nhdr);

constexpr std::string_view kOwner("GNU\0", 4);
constexpr size_t kAlignment = 4;

size_t Padded(size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

// The id among the notes of a segment, in hexadecimal digits; empty: there is none.
std::string IdIn(std::span<const std::byte> notes) {
  while (notes.size() >= sizeof(Note)) {
    Note note;
    std::memcpy(&note, notes.data(), sizeof(note));
    notes = notes.subspan(sizeof(note));
    const size_t text_place = Padded(note.n_namesz);
    if (notes.size() < text_place + note.n_descsz) break;
    const std::string_view owner(reinterpret_cast<const char*>(notes.data()), note.n_namesz);
    if (note.n_type == NT_GNU_BUILD_ID && owner == kOwner) {
      const auto* id = reinterpret_cast<const unsigned char*>(notes.data()) + text_place;
      return fmt::format("{:02x}", fmt::join(id, id + note.n_descsz, ""));
    }
    notes = notes.subspan(std::min(notes.size(), text_place + Padded(note.n_descsz)));
  }
  return {};
}

// Of the first object that is visited, which is the program.
int Visit(dl_phdr_info* object, size_t, void* id) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): where the system says that it stands
    const auto* begin = reinterpret_cast<const std::byte*>(object->dlpi_addr + segment.p_vaddr);
    std::string found = IdIn({begin, static_cast<size_t>(segment.p_memsz)});
    if (found.empty()) continue;
    *static_cast<std::string*>(id) = std::move(found);
    break;
  }
  return 1;
}

}  // namespace

std::string BuildId() {
  std::string id = "unknown";
  dl_iterate_phdr(Visit, &id);
  return id;
}

}  // namespace trinity
