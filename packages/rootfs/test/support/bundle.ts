import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Bundles a fixture with the sources as they are now, to run in a process of its own.
 * @returns path of the program
 */
export async function bundleFixture(name: string, directory: string): Promise<string> {
  const requireHere = createRequire(import.meta.url);
  const esbuild = createRequire(requireHere.resolve('tsup'))('esbuild') as {
    build(options: Record<string, unknown>): Promise<unknown>;
  };
  const outfile = join(directory, `${name}.mjs`);
  await esbuild.build({
    entryPoints: [here(`../fixtures/${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // tar-stream is CommonJS and asks for modules of Node.js.
    banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
    alias: {
      '@boxlite/core': here('../../../core/src/index.ts'),
      '@boxlite/layout': here('../../../layout/src/index.ts'),
    },
  });
  return outfile;
}
