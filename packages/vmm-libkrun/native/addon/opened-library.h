#ifndef BOXLITE_OPENED_LIBRARY_H
#define BOXLITE_OPENED_LIBRARY_H

#include <cstdint>
#include <optional>
#include <string>

namespace boxlite {

/**
 * A libkrun in this process, to be asked what it can do and for nothing else: no function that makes a machine is ever called.
 *
 * It stays loaded for the life of the process. A Rust library registers destructors of thread-local data with the C library; after an
 * unloading they would run in memory that is gone.
 */
class OpenedLibrary {
  public:
    /**
     * @param path absolute
     * @param error what the loader said, when there is no result
     */
    static std::optional<OpenedLibrary> Open(const std::string &path, std::string &error);

    /** The file that was loaded, as the loader names it. */
    std::string LoadedPath() const;
    bool Has(const std::string &symbol) const;
    /** `krun_has_feature(feature)`: 1, 0, or a negative error number; nothing where the library lacks the function (before 1.17.3). */
    std::optional<int32_t> HasFeature(uint64_t feature) const;
    /** `krun_get_max_vcpus()`: a count or a negative error number; nothing where the library lacks the function (before 1.16). */
    std::optional<int32_t> MaxVcpus() const;

  private:
    explicit OpenedLibrary(void *handle) : handle_(handle) {}
    void *Find(const char *symbol) const;

    void *handle_;
};

}  // namespace boxlite

#endif
