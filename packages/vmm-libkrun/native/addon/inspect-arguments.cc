#include "inspect-arguments.h"

#include <climits>

namespace boxlite {
namespace {

/* libkrun has some 70 functions and 12 features. */
constexpr uint32_t kMaxSymbols = 512;
constexpr uint32_t kMaxFeatures = 64;
constexpr size_t kMaxSymbolBytes = 64;

[[noreturn]] void ThrowType(Napi::Env env, const std::string &message)
{
    Napi::TypeError error = Napi::TypeError::New(env, message);
    error.Set("code", "ERR_INVALID_ARG_TYPE");
    throw error;
}

[[noreturn]] void ThrowValue(Napi::Env env, const std::string &message)
{
    Napi::RangeError error = Napi::RangeError::New(env, message);
    error.Set("code", "ERR_INVALID_ARG_VALUE");
    throw error;
}

std::string CheckPath(Napi::Env env, const Napi::Value &value)
{
    if (!value.IsString())
        ThrowType(env, "path must be a string");
    std::string path = value.As<Napi::String>();
    if (path.empty() || path[0] != '/')
        ThrowValue(env, "path must be absolute: the loader searches for anything else");
    if (path.size() >= PATH_MAX || path.find('\0') != std::string::npos)
        ThrowValue(env, "path must be shorter than PATH_MAX and hold no NUL");
    return path;
}

/* Only what libkrun may export: the addon is no way to look into other libraries. */
bool IsKrunSymbol(const std::string &name)
{
    return name.size() <= kMaxSymbolBytes && name.compare(0, 5, "krun_") == 0 &&
           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

Napi::Array CheckArray(Napi::Env env, const Napi::Value &value, const std::string &name, uint32_t limit)
{
    if (!value.IsArray())
        ThrowType(env, name + " must be an array");
    Napi::Array array = value.As<Napi::Array>();
    if (array.Length() > limit)
        ThrowValue(env, name + " must have at most " + std::to_string(limit) + " elements");
    return array;
}

}  // namespace

InspectArguments CheckInspectArguments(const Napi::CallbackInfo &info)
{
    Napi::Env env = info.Env();
    InspectArguments arguments;

    if (info.Length() != 3)
        ThrowType(env, "inspect takes a path, an array of symbols and an array of features");
    arguments.path = CheckPath(env, info[0]);
    Napi::Array symbols = CheckArray(env, info[1], "symbols", kMaxSymbols);
    for (uint32_t index = 0; index < symbols.Length(); index++) {
        Napi::Value symbol = symbols.Get(index);
        if (!symbol.IsString())
            ThrowType(env, "symbols must be strings");
        std::string name = symbol.As<Napi::String>();
        if (!IsKrunSymbol(name))
            ThrowValue(env, "symbols must be names of libkrun's functions");
        arguments.symbols.push_back(name);
    }
    Napi::Array features = CheckArray(env, info[2], "features", kMaxFeatures);
    for (uint32_t index = 0; index < features.Length(); index++) {
        Napi::Value feature = features.Get(index);
        if (!feature.IsNumber())
            ThrowType(env, "features must be numbers");
        double number = feature.As<Napi::Number>().DoubleValue();
        if (!(number >= 0 && number < kMaxFeatures) || number != static_cast<double>(static_cast<uint32_t>(number)))
            ThrowValue(env, "features must be whole numbers below " + std::to_string(kMaxFeatures));
        arguments.features.push_back(static_cast<uint32_t>(number));
    }
    return arguments;
}

}  // namespace boxlite
