#include "card/guard/imports.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace sluice::guard {

namespace {

/// The parts of a library's dynamic section that describe its linkage table.
struct DynamicSection {
  const char* strings = nullptr;
  const ElfW(Sym) * symbols = nullptr;
  const ElfW(Rela) * relocations = nullptr;
  std::size_t relocation_count = 0;
  std::size_t soname_offset = 0;

  explicit DynamicSection(const link_map* library) {
    for (const ElfW(Dyn)* entry = library->l_ld; entry->d_tag != DT_NULL; ++entry) {
      switch (entry->d_tag) {
        case DT_STRTAB:
          strings = reinterpret_cast<const char*>(entry->d_un.d_ptr);
          break;
        case DT_SYMTAB:
          symbols = reinterpret_cast<const ElfW(Sym)*>(entry->d_un.d_ptr);
          break;
        case DT_JMPREL:
          relocations = reinterpret_cast<const ElfW(Rela)*>(entry->d_un.d_ptr);
          break;
        case DT_PLTRELSZ:
          relocation_count = entry->d_un.d_val / sizeof(ElfW(Rela));
          break;
        case DT_SONAME:
          soname_offset = entry->d_un.d_val;
          break;
        default:
          break;
      }
    }
  }

  bool is_complete() const {
    return strings != nullptr && symbols != nullptr && relocations != nullptr;
  }
  const char* soname() const { return strings + soname_offset; }
  const char* import_name(std::size_t index) const {
    return strings + symbols[ELF64_R_SYM(relocations[index].r_info)].st_name;
  }
};

// The table is read-only after start-up (RELRO), so its page is opened for the one write.
bool write_slot(void** slot, void* value) {
  const auto page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto* page = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(slot) & ~(page_bytes - 1));
  if (::mprotect(page, page_bytes, PROT_READ | PROT_WRITE) != 0) return false;
  *slot = value;
  return ::mprotect(page, page_bytes, PROT_READ) == 0;
}

}  // namespace

link_map* find_library(const char* soname) {
  void* handle = ::dlopen(soname, RTLD_NOW | RTLD_NOLOAD);
  link_map* library = nullptr;
  if (handle == nullptr || ::dlinfo(handle, RTLD_DI_LINKMAP, &library) != 0) return nullptr;
  const DynamicSection dynamic(library);
  return dynamic.is_complete() && std::strcmp(dynamic.soname(), soname) == 0 ? library : nullptr;
}

bool redirect_imports(link_map* library, std::span<const Redirection> redirections) {
  const DynamicSection dynamic(library);
  if (!dynamic.is_complete()) return false;
  std::vector<std::pair<void**, void*>> writes;
  for (const Redirection& redirection : redirections) {
    const std::size_t before = writes.size();
    for (std::size_t i = 0; i < dynamic.relocation_count; ++i) {
      if (std::strcmp(dynamic.import_name(i), redirection.name) != 0) continue;
      const std::uintptr_t address = library->l_addr + dynamic.relocations[i].r_offset;
      writes.emplace_back(reinterpret_cast<void**>(address), redirection.replacement);
    }
    if (writes.size() == before) return false;
  }
  bool ok = true;
  for (const auto& [slot, value] : writes) ok = write_slot(slot, value) && ok;
  return ok;
}

}  // namespace sluice::guard
