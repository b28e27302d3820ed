#ifndef BOXLITE_INSPECT_ARGUMENTS_H
#define BOXLITE_INSPECT_ARGUMENTS_H

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace boxlite {

/** What `inspect(path, symbols, features)` was called with, checked. */
struct InspectArguments {
    std::string path;
    std::vector<std::string> symbols;
    std::vector<uint32_t> features;
};

/** Throws a JavaScript TypeError or RangeError whose `code` is one of Node's (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`). */
InspectArguments CheckInspectArguments(const Napi::CallbackInfo &info);

}  // namespace boxlite

#endif
