import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The bundler of the workspace's build tool: a fixture must run in a process of its own, without a build before. */
export async function bundleFixture(name: string, outfile: string): Promise<void> {
  const requireHere = createRequire(import.meta.url);
  const esbuild = createRequire(requireHere.resolve('tsup'))('esbuild') as {
    build(options: Record<string, unknown>): Promise<unknown>;
  };
  await esbuild.build({
    entryPoints: [fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    alias: { '@boxlite/core': fileURLToPath(new URL('../../core/src/index.ts', import.meta.url)) },
  });
}
