#include "opened-library.h"

#include <dlfcn.h>
#if defined(__linux__)
#include <link.h>
#endif

namespace boxlite {

std::optional<OpenedLibrary> OpenedLibrary::Open(const std::string &path, std::string &error)
{
    /*
     * NOW: a function that is missing in a dependency shows here, not as a crash later. LOCAL: nothing of it can stand in for a symbol of
     * Node.js or of another addon. NODELETE: see the class.
     */
    void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
        const char *said = dlerror();
        error = said == nullptr ? "the loader gave no reason" : said;
        return std::nullopt;
    }
    return OpenedLibrary(handle);
}

std::string OpenedLibrary::LoadedPath() const
{
#if defined(__linux__)
    struct link_map *map = nullptr;
    if (dlinfo(handle_, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr && map->l_name != nullptr)
        return map->l_name;
#else
    Dl_info info;
    void *symbol = Find("krun_create_ctx");
    if (symbol != nullptr && dladdr(symbol, &info) != 0 && info.dli_fname != nullptr)
        return info.dli_fname;
#endif
    return "";
}

void *OpenedLibrary::Find(const char *symbol) const
{
    /* No function has the address zero, so the error text need not be asked. */
    return dlsym(handle_, symbol);
}

bool OpenedLibrary::Has(const std::string &symbol) const
{
    return Find(symbol.c_str()) != nullptr;
}

std::optional<int32_t> OpenedLibrary::HasFeature(uint64_t feature) const
{
    /* libkrun.h: int32_t krun_has_feature(uint64_t feature) */
    auto *has_feature = reinterpret_cast<int32_t (*)(uint64_t)>(Find("krun_has_feature"));
    if (has_feature == nullptr)
        return std::nullopt;
    return has_feature(feature);
}

std::optional<int32_t> OpenedLibrary::MaxVcpus() const
{
    /* libkrun.h: int32_t krun_get_max_vcpus(void) */
    auto *get_max_vcpus = reinterpret_cast<int32_t (*)()>(Find("krun_get_max_vcpus"));
    if (get_max_vcpus == nullptr)
        return std::nullopt;
    return get_max_vcpus();
}

}  // namespace boxlite
