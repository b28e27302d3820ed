export { checkoutDirectory } from './checkout-directory.js';
export { type HostLibc, hostLibc } from './host-libc.js';
export {
  NATIVE_BINARIES,
  NATIVE_BINARY_NAMES,
  type NativeBinaryEntry,
  type NativeBinaryName,
  type NativeLinkage,
} from './native-binaries.js';
export { NATIVE_DIRECTORY_VARIABLE, nativeBinary } from './native-binary.js';
export type { NativeBinaryFailure, TriedPlace } from './native-binary-error.js';
export type { NativeSystem } from './native-system.js';
export { PLATFORM_MANIFEST_PATH } from './platform-package.js';
export {
  BUILT_TARGETS,
  PLATFORM_TARGETS,
  type PlatformTarget,
  platformPackageName,
  platformTarget,
} from './platform-target.js';
