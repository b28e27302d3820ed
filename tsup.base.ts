import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'tsup';

/**
 * The one build every package shares: ESM and types for Node 20.
 * @param entry source files, each becomes a published entry point of the same relative path
 * @param bundled dependencies of which the used parts are built in, under their licenses (`dist/licenses`): one file instead of a hundred to find, read and
 *   compile when a box is to start. Where types of theirs are in ours they stay dependencies
 */
export function packageBuild(entry: string[], bundled: readonly string[] = []) {
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
    noExternal: [...bundled],
    onSuccess: async () => writeLicenses(bundled),
  });
}

function writeLicenses(names: readonly string[]): void {
  for (const name of names) {
    const directory = realpathSync(join('node_modules', name));
    const file = join(directory, 'LICENSE');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : licensesInFiles(directory);
    mkdirSync('dist/licenses', { recursive: true });
    writeFileSync(join('dist/licenses', `${name.replaceAll(/\W+/g, '-').replace(/^-/, '')}.txt`), text);
  }
}

/** A package without the file has its licenses where its source files begin. */
function licensesInFiles(directory: string): string {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.js'));
  const heads = files.map((path) => /^(\/\/.*\n)+/.exec(readFileSync(join(directory, path), 'utf8'))?.[0] ?? '');
  const texts = [...new Set(heads)].filter((head) => /copyright/i.test(head));
  if (texts.length === 0) throw new Error(`${directory} names no license`);
  return texts.join('\n');
}
