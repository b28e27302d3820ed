import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Resolution {
  readonly path: string;
  readonly external?: boolean;
}

interface Plugin {
  readonly name: string;
  setup(build: { onResolve(options: { readonly filter: RegExp }, resolve: () => Resolution): void }): void;
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const PACKAGES = here('../../../packages/');
/** Has a native part, so it stays where it is. */
const NATIVE = 'better-sqlite3';

/**
 * Bundles a fixture written in TypeScript with the sources of our packages as they are now, to run in processes of its own.
 * @returns path of the program
 */
export async function bundleFixture(name: string, directory: string): Promise<string> {
  const requireOfDb = createRequire(join(PACKAGES, 'db/package.json'));
  const requireHere = createRequire(import.meta.url);
  const esbuild = createRequire(requireHere.resolve('tsup'))('esbuild') as {
    build(options: Record<string, unknown>): Promise<unknown>;
  };
  const native: Plugin = {
    name: 'native',
    setup: (build) =>
      build.onResolve({ filter: new RegExp(`^${NATIVE}$`) }, () => ({
        path: requireOfDb.resolve(NATIVE),
        external: true,
      })),
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
    banner: {
      js: "import { createRequire as requireOf } from 'node:module';const require = requireOf(import.meta.url);",
    },
    alias: Object.fromEntries(
      readdirSync(PACKAGES).map((name) => [`@boxlite/${name}`, `${PACKAGES}${name}/src/index.ts`]),
    ),
    plugins: [native],
  });
  return outfile;
}
