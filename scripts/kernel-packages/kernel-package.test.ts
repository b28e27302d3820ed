import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { mergeFragments } from '../../packages/guest-kernel/kernel/build/config.mjs';
import { FRAGMENTS, fragmentNames, KERNEL_SOURCES } from '../../packages/guest-kernel/kernel/build/target.mjs';
import { cachedKernel } from '../../packages/guest-kernel/kernel/index.mjs';
import { kernelPackageProblems } from './check-kernel-package.mjs';
import { builtNames, KERNEL_TARGETS, kernelPackageDirectory } from './fill-kernel-package.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'kernel-package-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
const RELEASE = '6.1.192-boxlite';

/** Files that look enough like kernels for a check of headers and hashes. */
const IMAGES: Readonly<Record<string, () => Buffer>> = {
  'linux-x64': () => {
    const elf = Buffer.alloc(256);
    elf.write('\x7fELF', 'latin1');
    elf.writeUInt16LE(62, 18);
    Buffer.from('040000000800000012000000', 'hex').copy(elf, 64);
    elf.write('Xen\0', 76, 'latin1');
    elf.write(`Linux version ${RELEASE} (boxlite@boxlite)`, 100);
    return elf;
  },
  'linux-arm64': () => {
    const image = Buffer.alloc(256);
    image.write('ARM\x64', 56, 'latin1');
    image.write(`Linux version ${RELEASE} (boxlite@boxlite)`, 100);
    return image;
  },
};

function makePackage(target: string): string {
  const directory = join(scratch, target);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  for (const name of ['package.json', 'README.md']) {
    cpSync(join(kernelPackageDirectory(target), name), join(directory, name));
  }
  cpSync(KERNEL_SOURCES, join(directory, 'source'), { recursive: true });
  const file = target === 'linux-x64' ? 'vmlinux' : 'Image';
  const kernel = IMAGES[target]?.() ?? Buffer.alloc(0);
  const config = mergeFragments(
    fragmentNames(target).map((name) => ({ name, text: readFileSync(join(FRAGMENTS, name), 'utf8') })),
  );
  const patches = readdirSync(join(KERNEL_SOURCES, 'patches')).sort();
  const texts = patches.map((name) => `${name}\0${readFileSync(join(KERNEL_SOURCES, 'patches', name), 'utf8')}\0`);
  writeFileSync(join(directory, file), kernel);
  writeFileSync(join(directory, 'config'), config);
  writeFileSync(join(directory, 'COPYING'), 'GNU GENERAL PUBLIC LICENSE\nVersion 2\n');
  const manifest = {
    format: 1,
    architecture: target === 'linux-x64' ? 'x86_64' : 'arm64',
    file,
    sha256: sha256(kernel),
    size: kernel.length,
    release: RELEASE,
    inputs: sha256('inputs'),
    sourceSha256: sha256('source'),
    configSha256: sha256(config),
    patchesSha256: sha256(texts.join('')),
    license: 'GPL-2.0-only',
  };
  writeFileSync(join(directory, 'kernel.json'), JSON.stringify(manifest));
  return directory;
}

describe.each(KERNEL_TARGETS)('a kernel package of %s', (target) => {
  let directory: string;
  const file = target === 'linux-x64' ? 'vmlinux' : 'Image';
  const change = (name: string, edit: (text: string) => string) =>
    writeFileSync(join(directory, name), edit(readFileSync(join(directory, name), 'utf8')));
  const problems = () => kernelPackageProblems(target, directory).join('\n');
  beforeEach(() => {
    directory = makePackage(target);
  });

  it('that is whole may be published', () => expect(problems()).toBe(''));

  it.each(['COPYING', 'kernel.json', 'config', 'README.md', file])('may not without its %s', (name) => {
    rmSync(join(directory, name));
    expect(problems()).toContain(`${name} is missing`);
  });

  it('may not with another kernel than its manifest describes', () => {
    const kernel = readFileSync(join(directory, file));
    kernel.writeUInt8(1, 255);
    writeFileSync(join(directory, file), kernel);
    expect(problems()).toContain('kernel.json: sha256');
  });

  it('may not with a kernel of another kind', () => {
    writeFileSync(join(directory, file), Buffer.alloc(256));
    expect(problems()).toMatch(/is no (ELF for x86-64|arm64 kernel)/);
  });

  it('may not when its configuration or its patches are not those of its source', () => {
    change('config', (text) => text.replace('CONFIG_TUN=y', '# CONFIG_TUN is not set'));
    writeFileSync(join(directory, 'source/patches/9999-more.patch'), '--- a/Makefile\n');
    expect(problems()).toContain('CONFIG_TUN is n, the fragments say y');
    expect(problems()).toContain('source/patches are not those');
  });

  it('may not under other terms, with an install script, or without an offer of its source', () => {
    change('package.json', (text) => text.replace('GPL-2.0-only', 'Apache-2.0').replace('prepack', 'postinstall'));
    change('README.md', (text) => text.replaceAll('three years', 'a while'));
    expect(problems()).toContain('license is "Apache-2.0"');
    expect(problems()).toContain('install script postinstall');
    expect(problems()).toContain('README.md does not say "three years"');
  });
});

const target = `linux-${process.arch}`;
it.runIf(cachedKernel(target) !== undefined)(
  'the tarball of this machine’s kernel package is whole',
  { timeout: 300_000 },
  () => {
    const tools = join(kernelPackageDirectory(target), '../../.cache/tools/node_modules/.bin');
    const before = builtNames(target).filter((name) => existsSync(join(kernelPackageDirectory(target), name)));
    onTestFinished(() => {
      // A kernel left in the checkout would go before the cache's, also when that is newer.
      for (const name of builtNames(target)
        .reverse()
        .filter((name) => !before.includes(name))) {
        rmSync(join(kernelPackageDirectory(target), name), { recursive: true, force: true });
      }
    });
    execFileSync('pnpm', ['pack', '--pack-destination', join(scratch, 'tarballs')], {
      cwd: kernelPackageDirectory(target),
      env: { ...process.env, PATH: `${tools}:${process.env.PATH}` },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [tarball] = readdirSync(join(scratch, 'tarballs'));
    const unpacked = join(scratch, 'unpacked');
    mkdirSync(unpacked);
    execFileSync('tar', ['-xzf', join(scratch, 'tarballs', tarball ?? ''), '--strip-components=1', '-C', unpacked]);
    expect(kernelPackageProblems(target, unpacked)).toEqual([]);
  },
);
