export const SOURCE_PACKAGE: string;
export const SOURCE_TARBALL: string;
export function missingPackages(
  target: string,
  host?: { readonly has?: (path: string) => boolean; readonly path?: string; readonly machine?: string },
): string[];
