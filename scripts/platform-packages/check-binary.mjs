import { homedir } from 'node:os';
import { readElf } from './elf-file.mjs';
import { ELF_TARGETS, NEWEST_SYMBOL_VERSIONS, ROOT } from './platform-set.mjs';

/** Libraries that every distribution with glibc has; libkrun itself is found and loaded at run time. */
const LIBRARIES = {
  program: ['libc.so.6', 'libdl.so.2', 'libpthread.so.0'],
  preload: ['libc.so.6'],
  addon: ['libc.so.6', 'libm.so.6', 'libdl.so.2', 'libpthread.so.0', 'libstdc++.so.6', 'libgcc_s.so.1'],
};
const LOADERS = Object.values(ELF_TARGETS).map(({ interpreter }) =>
  interpreter.slice(interpreter.lastIndexOf('/') + 1),
);

/** Symbols that stripping must leave: Node-API's entry, and what the shim answers in place of the library (native/shim/console.h, crash.c). */
const EXPORTS = {
  'krun.node': ['napi_register_module_v1', 'node_api_module_get_api_version_v1'],
  'boxlite-memory': [
    ...['open', 'open64', '__open_2', '__open64_2', 'fallocate', 'fallocate64', 'fdt_create'],
    // Capstone's, whose name it has: all of them, since one that is missing would keep QEMU from starting.
    ...['cs_open', 'cs_close', 'cs_option', 'cs_errno', 'cs_strerror', 'cs_version', 'cs_support', 'cs_disasm'],
    ...['cs_disasm_iter', 'cs_malloc', 'cs_free', 'cs_reg_name', 'cs_insn_name', 'cs_group_name'],
  ],
  'boxlite-krun-shim': ['open', 'open64', '_Unwind_RaiseException'],
};
/** A source file named by its absolute path: of the machine that built it, and different on the next. */
const SOURCE_PATH = /\/[\w@.+-]+(?:\/[\w@.+-]+)+\.(?:c|cc|cpp|cxx|h|hh|hpp|S|rs)\b/;

/**
 * What is wrong with one file of a set.
 * @param {string} name file name
 * @param {'static' | 'program' | 'addon' | 'preload'} linkage
 * @param {Buffer} bytes
 * @param {keyof typeof ELF_TARGETS} target
 * @returns {string[]} sentences that follow the file's name; none: it may be published
 */
export function binaryProblems(name, linkage, bytes, target) {
  let elf;
  try {
    elf = readElf(bytes);
  } catch (thrown) {
    return [thrown instanceof RangeError ? 'is a truncated ELF file' : thrown.message];
  }
  const { machine, pageBytes } = ELF_TARGETS[target];
  if (elf.machine !== machine) return [`is for ELF machine ${elf.machine}, ${target} is ${machine}`];
  return [
    ...(elf.loadAlignment >= pageBytes
      ? []
      : [`has segments aligned to ${elf.loadAlignment} bytes, not to ${pageBytes}`]),
    ...(elf.hasExecutableStack ? ['asks for an executable stack'] : []),
    ...(elf.hasSymbolTable ? ['is not stripped'] : []),
    ...(elf.runPaths.length === 0 ? [] : [`has a run path (${elf.runPaths.join(', ')})`]),
    ...(linkage === 'static' ? staticProblems(elf) : dynamicProblems(name, linkage, elf, target)),
    ...pathProblems(bytes.toString('latin1')),
  ];
}

function staticProblems(elf) {
  return [
    ...(elf.interpreter === undefined ? [] : [`is not static: it asks for ${elf.interpreter}`]),
    ...(elf.needed.length === 0 ? [] : [`is not static: it needs ${elf.needed.join(', ')}`]),
  ];
}

function dynamicProblems(name, linkage, elf, target) {
  const problems = [];
  const wantedInterpreter = linkage === 'program' ? ELF_TARGETS[target].interpreter : undefined;
  if (elf.type !== 'shared') problems.push('is not position independent');
  if (elf.interpreter !== wantedInterpreter) {
    problems.push(
      `has the interpreter ${elf.interpreter ?? 'of no program'}, not ${wantedInterpreter ?? 'that of a library'}`,
    );
  }
  const strange = elf.needed.filter((library) => !LIBRARIES[linkage].includes(library) && !LOADERS.includes(library));
  if (strange.length > 0) problems.push(`needs ${strange.join(', ')}, which not every distribution has`);
  if (!elf.needed.includes('libc.so.6')) problems.push('does not need libc.so.6: it was not linked with glibc');
  if (!elf.hasRelro) problems.push('has no read-only relocations');
  const lost = (EXPORTS[name] ?? []).filter((symbol) => !elf.exported.includes(symbol));
  if (lost.length > 0) problems.push(`does not export ${lost.join(', ')}`);
  return [...problems, ...versionProblems(elf.versions)];
}

function versionProblems(versions) {
  return [...new Set(versions)].flatMap((wanted) => {
    const [, library, version] = /^(\w+?)_([\d.]+)$/.exec(wanted) ?? [];
    const newest = NEWEST_SYMBOL_VERSIONS[library];
    if (newest === undefined) return [`needs ${wanted}, a version of which nothing is known`];
    return isNewer(version, newest) ? [`needs ${wanted}, newer than the minimum ${library}_${newest}`] : [];
  });
}

function isNewer(version, than) {
  const numbers = (text) => text.split('.').map(Number);
  const [left, right] = [numbers(version), numbers(than)];
  const at = left.findIndex((number, index) => number !== (right[index] ?? 0));
  return at !== -1 && left[at] > (right[at] ?? 0);
}

function pathProblems(text) {
  const own = [ROOT, homedir()].find((path) => path.length > 1 && text.includes(`${path}/`));
  const source = own ?? SOURCE_PATH.exec(text)?.[0];
  return source === undefined ? [] : [`names a path of the machine that built it (${source})`];
}
