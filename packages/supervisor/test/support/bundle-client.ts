import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const source = (name: string) => fileURLToPath(new URL(`../../../${name}/src/index.ts`, import.meta.url));

/** Makes one file of the client's present sources that plain Node runs. */
export function bundleClient(outfile: string): void {
  // esbuild comes with tsup and is no dependency of its own.
  const { buildSync } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild') as {
    buildSync(options: object): unknown;
  };
  buildSync({
    entryPoints: [source('supervisor')],
    alias: { '@boxlite/core': source('core') },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
  });
}
