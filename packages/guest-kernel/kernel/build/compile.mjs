import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { lostOptions } from './config.mjs';
import { sha256OfFile } from './inputs.mjs';
import { SOURCE_PACKAGE, SOURCE_TARBALL } from './obstacles.mjs';
import { run } from './run.mjs';
import { crossPrefix, MAX_VCPUS, TARGETS } from './target.mjs';

/** The terms the kernel comes with; COPYING itself only names the others. */
const TERMS = ['COPYING', 'LICENSES/preferred/GPL-2.0', 'LICENSES/exceptions/Linux-syscall-note'];

/** What the kernel writes into itself about its build, the same for everybody. */
const IDENTITY = {
  KBUILD_BUILD_TIMESTAMP: '2026-01-01 00:00:00 UTC',
  KBUILD_BUILD_USER: 'boxlite',
  KBUILD_BUILD_HOST: 'boxlite',
  KBUILD_BUILD_VERSION: '1',
};

/**
 * Builds a kernel in `workshop` and leaves its files in `out`: the kernel, `config`, `COPYING`, `kernel.json`.
 *
 * The tree is built in its own directory, so that every path the compiler sees is a relative one and the bytes do not tell where it was.
 * @param {string} target
 * @param {object} from of `buildInputs`
 * @param {{ workshop: string, out: string, report?: (words: string) => void, signal?: AbortSignal, jobs?: number }} options
 *   `workshop` and `out` are empty directories; the workshop, full of objects then, is the caller's to remove
 * @returns {Promise<object>} the manifest
 */
export async function compileKernel(target, from, { workshop, out, report = () => undefined, signal, jobs }) {
  const { kernelArch, architecture, product, file, make } = TARGETS[target];
  const { key, inputs, config, patches } = from;
  report('unpacking the source');
  await run('tar', ['--extract', '--file', SOURCE_TARBALL, '--strip-components=1'], { cwd: workshop, signal });
  for (const patch of patches) {
    await run('patch', ['--strip=1', '--batch', '--fuzz=0', '--input', patch], { cwd: workshop, signal });
  }

  report('configuring');
  const environment = { ...IDENTITY, ARCH: kernelArch, CROSS_COMPILE: crossPrefix(target), HOME: workshop };
  const wanted = join(workshop, '.boxlite-config');
  writeFileSync(wanted, config);
  const configure = { cwd: workshop, signal, environment: { ...environment, KCONFIG_ALLCONFIG: wanted } };
  await run('make', ['-s', 'allnoconfig'], configure);
  const finished = readFileSync(join(workshop, '.config'), 'utf8');
  const lost = lostOptions(config, finished);
  if (lost.length > 0)
    throw new Error(`the kernel's configuration does not keep what the fragments say:\n${lost.join('\n')}`);

  let files = 0;
  report('compiling');
  await run('make', [`-j${jobs ?? availableParallelism()}`, make], {
    cwd: workshop,
    signal,
    environment,
    onLine(line) {
      if (!/^ {2}(CC|AS|LD|AR|HOSTCC) /.test(line)) return;
      files += 1;
      if (files % 100 === 0) report(`compiling: ${files} files`);
    },
  });

  report('finishing');
  const kernel = join(out, file);
  if (file === 'vmlinux') {
    await run(`${crossPrefix(target)}strip`, ['--strip-all', '-o', kernel, join(workshop, product)], {
      cwd: out,
      signal,
    });
  } else copyFileSync(join(workshop, product), kernel);
  copyFileSync(join(workshop, '.config'), join(out, 'config'));
  writeFileSync(join(out, 'COPYING'), TERMS.map((name) => readFileSync(join(workshop, name), 'utf8')).join('\n\n'));
  const release = readFileSync(join(workshop, 'include/config/kernel.release'), 'utf8').trim();
  const manifest = {
    format: 1,
    name: 'boxlite',
    architecture,
    file,
    sha256: await sha256OfFile(kernel, signal),
    size: statSync(kernel).size,
    version: release.split('-', 1)[0],
    release,
    maxVcpus: MAX_VCPUS,
    inputs: key,
    sourcePackage: SOURCE_PACKAGE,
    sourceVersion: inputs.sourceVersion,
    sourceSha256: inputs.sourceSha256,
    configSha256: await sha256OfFile(join(out, 'config'), signal),
    patchesSha256: inputs.patchesSha256,
    compiler: inputs.compiler,
    linker: inputs.linker,
    license: 'GPL-2.0-only',
  };
  writeFileSync(join(out, 'kernel.json'), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o644 });
  return manifest;
}
