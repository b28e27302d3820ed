import { defineConfig } from 'tsup';

/**
 * The one build every package shares: ESM and types for Node 20.
 * @param entry source files, each becomes a published entry point of the same relative path
 */
export function packageBuild(entry: string[]) {
  return defineConfig({
    entry,
    outDir: 'dist',
    format: ['esm'],
    target: 'node20',
    platform: 'node',
    dts: true,
    sourcemap: true,
    clean: true,
    splitting: true,
    treeshake: true,
  });
}
