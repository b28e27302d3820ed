/*
 * Tells what a libkrun can do: inspect(path, symbols, features) loads it and answers. Nothing is kept between calls, so the addon may be loaded
 * in any number of threads; the loader itself is what makes concurrent calls safe.
 *
 *   inspect('/usr/lib64/libkrun.so.1', ['krun_add_disk2'], [0, 1])
 *   -> { loadedPath, symbols: ['krun_add_disk2'], features: [1, 1], maxVcpus: 8 }
 *
 * `features` holds what krun_has_feature says of each number (1, 0 or a negative error number) and is null where the library lacks that
 * function; `maxVcpus` is krun_get_max_vcpus's answer, negative for an error, or null.
 */
#include <napi.h>

#include "inspect-arguments.h"
#include "opened-library.h"

namespace boxlite {
namespace {

Napi::Value FeaturesOf(Napi::Env env, const OpenedLibrary &library, const std::vector<uint32_t> &features)
{
    Napi::Array answers = Napi::Array::New(env);
    for (uint32_t index = 0; index < features.size(); index++) {
        std::optional<int32_t> answer = library.HasFeature(features[index]);
        if (!answer.has_value())
            return env.Null();
        answers.Set(index, Napi::Number::New(env, *answer));
    }
    return answers;
}

}  // namespace

class KrunAddon : public Napi::Addon<KrunAddon> {
  public:
    KrunAddon(Napi::Env, Napi::Object exports)
    {
        DefineAddon(exports, {InstanceMethod("inspect", &KrunAddon::Inspect)});
    }

  private:
    Napi::Value Inspect(const Napi::CallbackInfo &info);
};

Napi::Value KrunAddon::Inspect(const Napi::CallbackInfo &info)
{
    Napi::Env env = info.Env();
    InspectArguments arguments = CheckInspectArguments(info);
    std::string reason;
    std::optional<OpenedLibrary> library = OpenedLibrary::Open(arguments.path, reason);

    if (!library.has_value()) {
        Napi::Error error = Napi::Error::New(env, reason);
        error.Set("code", "ERR_DLOPEN_FAILED");
        throw error;
    }
    Napi::Array present = Napi::Array::New(env);
    uint32_t count = 0;
    for (const std::string &symbol : arguments.symbols)
        if (library->Has(symbol))
            present.Set(count++, symbol);
    std::optional<int32_t> max_vcpus = library->MaxVcpus();

    Napi::Object result = Napi::Object::New(env);
    result.Set("loadedPath", library->LoadedPath());
    result.Set("symbols", present);
    result.Set("features", FeaturesOf(env, *library, arguments.features));
    result.Set("maxVcpus", max_vcpus.has_value() ? Napi::Value(Napi::Number::New(env, *max_vcpus)) : env.Null());
    return result;
}

NODE_API_ADDON(KrunAddon)

}  // namespace boxlite
