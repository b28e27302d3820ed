/**
 * The built packages, by their short names. Imported by path, so that a bench may use any package of the workspace, also those that
 * `@boxlite-internal/bench` does not depend on.
 */
export function builtPackage(name) {
  return import(new URL(`../../packages/${name}/dist/index.js`, import.meta.url).href);
}

/** A file of a package, such as a native program. */
export function packageFile(path) {
  return new URL(`../../packages/${path}`, import.meta.url).pathname;
}
