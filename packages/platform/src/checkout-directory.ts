import type { NativeSystem } from './native-system.js';

/** The source checkout this package is part of; undefined when it was installed from a registry or a tarball. */
export function checkoutDirectory({ packageDirectory, fileBytes }: NativeSystem): string | undefined {
  if (!packageDirectory.endsWith('/packages/platform')) return undefined;
  const root = packageDirectory.slice(0, -'/packages/platform'.length);
  return fileBytes(`${root}/pnpm-workspace.yaml`) === undefined ? undefined : root;
}
