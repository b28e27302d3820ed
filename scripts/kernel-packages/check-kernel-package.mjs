import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lostOptions, mergeFragments } from '../../packages/guest-kernel/kernel/build/config.mjs';
import { fragmentNames, TARGETS } from '../../packages/guest-kernel/kernel/build/target.mjs';

/** Type and owner of the ELF note with the 32-bit entry point (Xen's public/elfnote.h, XEN_ELFNOTE_PHYS32_ENTRY). */
const PVH_NOTE = Buffer.from('040000000800000012000000' + Buffer.from('Xen\0').toString('hex'), 'hex');
const PVH_NOTE_4 = Buffer.from('040000000400000012000000' + Buffer.from('Xen\0').toString('hex'), 'hex');
/** "ARM\x64" at byte 56 (Documentation/arm64/booting.rst of the kernel). */
const ARM64_MAGIC = { offset: 56, bytes: Buffer.from('ARM\x64', 'latin1') };
const ELF_MACHINE_X86_64 = 62;

/**
 * What is wrong with a kernel package.
 * @param {string} target such as `linux-x64`
 * @param {string} directory the package: in a checkout, or unpacked from a tarball
 * @returns {string[]} one sentence for each problem; none: it may be published
 */
export function kernelPackageProblems(target, directory) {
  const { file } = TARGETS[target];
  const needed = ['package.json', 'README.md', file, 'config', 'COPYING', 'kernel.json', 'source/build-kernel.mjs'];
  const missing = needed.filter((name) => !existsSync(join(directory, name)));
  const problems = missing.map((name) => `${name} is missing`);
  if (missing.length === 0) {
    problems.push(
      ...packageProblems(target, directory),
      ...manifestProblems(target, directory),
      ...sourceProblems(target, directory),
    );
  }
  return problems.map((problem) => `kernel-${target}: ${problem}`);
}

function packageProblems(target, directory) {
  const manifest = readJson(directory, 'package.json');
  const wanted = {
    name: `@boxlite/kernel-${target}`,
    license: 'GPL-2.0-only',
    // The kernel is for guests: on any operating system, but of the host's architecture.
    os: undefined,
    cpu: [target.split('-')[1]],
    files: [TARGETS[target].file, 'config', 'kernel.json', 'COPYING', 'source', 'README.md'],
    dependencies: undefined,
  };
  const problems = Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(manifest[key]) !== JSON.stringify(value))
    .map(([key, value]) => `package.json: ${key} is ${JSON.stringify(manifest[key])}, not ${JSON.stringify(value)}`);
  for (const script of ['preinstall', 'install', 'postinstall']) {
    if (manifest.scripts?.[script] !== undefined) problems.push(`package.json has the install script ${script}`);
  }
  return problems;
}

function manifestProblems(target, directory) {
  const manifest = readJson(directory, 'kernel.json');
  const kernel = readFileSync(join(directory, TARGETS[target].file));
  const wanted = {
    format: 1,
    architecture: TARGETS[target].architecture,
    file: TARGETS[target].file,
    size: kernel.length,
    sha256: sha256(kernel),
    configSha256: sha256(readFileSync(join(directory, 'config'))),
    license: 'GPL-2.0-only',
  };
  const problems = Object.entries(wanted)
    .filter(([key, value]) => manifest[key] !== value)
    .map(([key, value]) => `kernel.json: ${key} is ${JSON.stringify(manifest[key])}, not ${JSON.stringify(value)}`);
  for (const key of ['sourceSha256', 'patchesSha256', 'inputs']) {
    if (!/^[0-9a-f]{64}$/.test(manifest[key] ?? '')) problems.push(`kernel.json: ${key} is no SHA-256`);
  }
  if (!kernel.includes(`Linux version ${manifest.release} `)) {
    problems.push(`${TARGETS[target].file} is not of release ${manifest.release}`);
  }
  return [...problems, ...imageProblems(target, kernel)];
}

function imageProblems(target, kernel) {
  const { file } = TARGETS[target];
  if (file === 'Image') {
    const { offset, bytes } = ARM64_MAGIC;
    return kernel.subarray(offset, offset + bytes.length).equals(bytes) ? [] : [`${file} is no arm64 kernel`];
  }
  const isElf = kernel.subarray(0, 4).equals(Buffer.from('\x7fELF', 'latin1'));
  if (!isElf || kernel.readUInt16LE(18) !== ELF_MACHINE_X86_64) return [`${file} is no ELF for x86-64`];
  return kernel.includes(PVH_NOTE) || kernel.includes(PVH_NOTE_4) ? [] : [`${file} has no PVH entry`];
}

/** The kernel is what the checkout says, and whoever receives it can build it again. */
function sourceProblems(target, directory) {
  const source = join(directory, 'source');
  const fragments = fragmentNames(target).map((name) => ({
    name,
    text: readIfThere(join(source, 'config', name)),
  }));
  const problems = fragments.filter(({ text }) => text === undefined).map(({ name }) => `source lacks ${name}`);
  if (problems.length > 0) return problems;
  problems.push(...lostOptions(mergeFragments(fragments), readFileSync(join(directory, 'config'), 'utf8')));
  const patches = readdirSync(join(source, 'patches')).filter((name) => name.endsWith('.patch'));
  const texts = patches.sort().map((name) => `${name}\0${readFileSync(join(source, 'patches', name), 'utf8')}\0`);
  if (sha256(texts.join('')) !== readJson(directory, 'kernel.json').patchesSha256) {
    problems.push('source/patches are not those the kernel was built with');
  }
  const terms = readFileSync(join(directory, 'COPYING'), 'utf8');
  if (!terms.includes('GNU GENERAL PUBLIC LICENSE')) problems.push('COPYING does not hold the GPL');
  const readme = readFileSync(join(directory, 'README.md'), 'utf8');
  for (const words of ['complete source', 'three years', 'sourceVersion', 'source/build-kernel.mjs']) {
    if (!readme.includes(words)) problems.push(`README.md does not say "${words}"`);
  }
  return problems;
}

const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const readIfThere = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);
const readJson = (directory, name) => JSON.parse(readFileSync(join(directory, name), 'utf8'));
