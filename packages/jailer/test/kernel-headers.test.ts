import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { policyConstant, policyConstantNames } from '../src/seccomp/policy/policy-constants.js';
import { type FilterArchitecture, syscallNames, syscallNumber } from '../src/seccomp/syscall-numbers.js';

interface Headers {
  readonly architecture: FilterArchitecture;
  readonly compiler: string;
  readonly calls: string;
}

// linux-libc-dev, which any C compiler of Debian brings, and its sibling for the other architecture.
const HEADERS: readonly Headers[] = [
  { architecture: 'x64', compiler: process.arch === 'x64' ? 'gcc' : 'x86_64-linux-gnu-gcc', calls: 'asm/unistd_64.h' },
  {
    architecture: 'arm64',
    compiler: process.arch === 'arm64' ? 'gcc' : 'aarch64-linux-gnu-gcc',
    calls: 'asm/unistd.h',
  },
];
const there = HEADERS.filter(({ compiler }) => existsSync(`/usr/bin/${compiler}`));

/** Made up of others, or C's own name for something the kernel calls differently. */
const NOT_IN_HEADERS = [
  // glibc's has O_DIRECTORY in it; the kernel's is the one bit (asm-generic/fcntl.h).
  '__O_TMPFILE',
  'CLONE_NEW',
  'PR_CAP_AMBIENT_IS_SET',
  'SOCK_TYPE_MASK',
  'SIGRTMIN',
  'MSG_FASTOPEN',
  'MPOL_PREFERRED_MANY',
];
/** Requests that headers of Linux 6.12 do not have any more; those of 6.1 say what their numbers were. */
const REMOVED = /^KVM_((DE)?ASSIGN_\w+|SET_MEMORY_(ALIAS|REGION))$/;
const INCLUDED = [
  ...[
    'fcntl.h',
    'signal.h',
    'sys/socket.h',
    'sys/mman.h',
    'sys/stat.h',
    'sys/ioctl.h',
    'sys/resource.h',
    'netinet/in.h',
    'netinet/tcp.h',
  ],
  ...[
    'sched.h',
    'termios.h',
    'linux/falloc.h',
    'linux/fs.h',
    'linux/if_tun.h',
    'linux/kvm.h',
    'linux/mempolicy.h',
    'linux/prctl.h',
  ],
  ...['linux/seccomp.h', 'linux/memfd.h'],
];

const preprocess = (compiler: string, text: string): string =>
  execFileSync(compiler, ['-dM', '-E', '-x', 'c', '-'], { input: text, encoding: 'utf8' });

/** Of the compiler: a request whose argument only another architecture has. Newer headers (Linux 6.12) keep those to themselves. */
const INCOMPLETE = /^<stdin>:(\d+):\d+: error: invalid application of .sizeof. to incomplete type/gm;

/**
 * The values of names, as the compiler works them out; names it does not know are left out.
 * @returns also the names that cannot have one on this architecture
 */
function valuesOf(
  headers: Headers,
  names: readonly string[],
  elsewhere: readonly string[] = [],
): { readonly values: ReadonlyMap<string, bigint>; readonly elsewhere: readonly string[] } {
  const { compiler, architecture } = headers;
  const own = architecture === 'x64' ? ['asm/prctl.h'] : [];
  const head = ['#define _GNU_SOURCE', ...[...INCLUDED, ...own].map((name) => `#include <${name}>`)];
  const enums = [
    'SOCK_STREAM',
    'SOCK_DGRAM',
    'SOCK_SEQPACKET',
    'SOCK_NONBLOCK',
    'SOCK_CLOEXEC',
    'MPOL_DEFAULT',
    'MPOL_PREFERRED',
  ];
  const lines = names.flatMap((name) => {
    if (elsewhere.includes(name)) return [];
    const line = `unsigned long long V_${name} = (unsigned long long)(${name});`;
    return enums.includes(name) ? [line] : [`#ifdef ${name}`, line, '#endif'];
  });
  const source = [...head, ...lines];
  const compiled = spawnSync(compiler, ['-S', '-O0', '-w', '-fno-diagnostics-color', '-o', '-', '-x', 'c', '-'], {
    input: source.join('\n'),
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (compiled.status !== 0) {
    const incomplete = [...compiled.stderr.matchAll(INCOMPLETE)].map(([, line]) => source[Number(line) - 1] ?? '');
    const more = incomplete.flatMap((line) => /V_(\w+)/.exec(line)?.[1] ?? []);
    if (more.length === 0 || elsewhere.length > 0) throw new Error(compiled.stderr);
    return valuesOf(headers, names, more);
  }
  const found = compiled.stdout.matchAll(/^V_(\w+):\s+\.(?:quad|xword|zero|dword)\s+(-?\d+)/gm);
  const values = new Map(
    [...found].map(([whole, name = '', value = '0']) => [name, whole.includes('.zero') ? 0n : BigInt(value)]),
  );
  return { values, elsewhere };
}

describe.skipIf(there.length === 0).each(there)('with the kernel\u2019s headers for $architecture', (headers) => {
  it('every call has the number they give it', () => {
    const text = preprocess(headers.compiler, `#include <${headers.calls}>`);
    const raw = new Map(
      [...text.matchAll(/#define (__NR\w+) (\w+)/g)].map(([, name = '', value = '']) => [name, value]),
    );
    const numberOf = (name: string): number | undefined => {
      let value = raw.get(`__NR_${name}`);
      if (value !== undefined && raw.has(value)) value = raw.get(value);
      return value === undefined ? undefined : Number(value);
    };
    let compared = 0;
    for (const name of syscallNames(headers.architecture)) {
      // Headers of an older kernel lack the newest calls.
      if (numberOf(name) === undefined) continue;
      compared++;
      expect(syscallNumber(name, headers.architecture), name).toBe(numberOf(name));
    }
    expect(compared).toBeGreaterThan(300);
    const missing = [...raw.keys()]
      .filter((name) => name.startsWith('__NR_') && /^\d|^__NR3264/.test(raw.get(name) ?? ''))
      .map((name) => name.slice('__NR_'.length))
      .filter((name) => syscallNumber(name, headers.architecture) === undefined);
    expect(missing.filter((name) => !/^(syscalls|arch_specific_syscall)$/.test(name))).toEqual([]);
  });

  it('every constant has the value they give it', () => {
    const names = policyConstantNames(headers.architecture).filter((name) => !NOT_IN_HEADERS.includes(name));
    const { values, elsewhere } = valuesOf(headers, names);
    for (const [name, value] of values) {
      const known = policyConstant(name)?.[headers.architecture] ?? -1n;
      // An ioctl request is an unsigned int; C may have widened it with its sign.
      expect([value, BigInt.asUintN(32, value)], `${name} is 0x${known.toString(16)}`).toContain(known);
    }
    const unknown = names.filter((name) => !values.has(name) && !elsewhere.includes(name));
    expect(unknown.filter((name) => !REMOVED.test(name))).toEqual([]);
    expect(elsewhere.filter((name) => !/^KVM_(PPC|S390|XEN|HYPERV)_/.test(name))).toEqual([]);
  });
});
