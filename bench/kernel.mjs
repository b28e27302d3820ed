// BoxLite's guest kernel against libkrunfw's on the VMM of this machine: time to the agent's hello, a whole cold start, and memory of an idle box.
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { alternate } from './lib/alternate.mjs';
import { startBareKrun } from './lib/bare-krun.mjs';
import { startBareQemu } from './lib/bare-qemu.mjs';
import { builtPackage } from './lib/packages.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { difference, ratio, summarize } from './lib/statistics.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';
import { findLibkrun } from './peers/lib/find-libkrun.mjs';
import { BARE_PROGRAM } from './peers/lib/peers-cache.mjs';

export const defaultRuns = 20;

/** Most of libkrunfw's time that ours may take, by VMM. */
const HELLO_TARGET = { qemu: 0.6, libkrun: 0.7 };
const COLD_TARGET = { qemu: 0.75 };
/** At least so much less. */
const MEMORY_TARGET_MIB = -12;

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ boxlite, homeDir, parts, remove }) => {
      const kernels = await findKernels(homeDir);
      if (kernels === undefined) return report([]);
      const vmm = await chosenVmm(boxlite, remove);
      const bare = bareMachine(vmm);
      const variants = Object.entries(kernels).flatMap(([name, kernel]) => [
        ...(bare === undefined
          ? []
          : [[`bare, ${name}`, () => startBare(bare, name, kernel.path, join(directory, 'bare'), parts)]]),
        [`box, ${name}`, () => startBox(name, kernel.choice, boxlite, homeDir, remove)],
      ]);
      const samples = await alternate(Object.fromEntries(variants), { runs, warmUp: 1, progress });
      const compare = (relation, figure) =>
        relation(summarize(samples[`${figure}, ours`]), summarize(samples[`${figure}, libkrunfw`]));
      const hello = bare === undefined ? IN_A_BOX : BARE;
      return report(
        Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: unitOf(name) })),
        [
          {
            name: `${vmm}: ${hello}, ours / libkrunfw's`,
            unit: '',
            ...compare(ratio, hello),
            ...target(HELLO_TARGET[vmm]),
          },
          {
            name: `${vmm}: cold start, ours / libkrunfw's`,
            unit: '',
            ...compare(ratio, COLD),
            ...target(COLD_TARGET[vmm]),
          },
          {
            name: `${vmm}: idle VMM, ours - libkrunfw's`,
            unit: 'MiB',
            ...compare(difference, RESIDENT),
            target: MEMORY_TARGET_MIB,
          },
        ],
      );
    }),
  );
}

const BARE = 'bare, spawn to hello';
const IN_A_BOX = 'box, spawn to hello';
const COLD = 'create + start + first exec';
const RESIDENT = 'resident memory of the idle VMM';
const unitOf = (figure) => (figure.startsWith(RESIDENT) ? 'MiB' : 'ms');
const target = (most) => (most === undefined ? {} : { target: most });

/** The files for bare machines, and what boxes are told; undefined where ours is not built. `BOXLITE_KERNEL` may name another build of ours by its path. */
async function findKernels(home) {
  const { createBoxliteKernelSource, createFileKernelSource, createLibkrunfwKernelSource } =
    await builtPackage('guest-kernel');
  const file = process.env.BOXLITE_KERNEL ?? '';
  const source = isAbsolute(file)
    ? createFileKernelSource({ home, kernelPath: file })
    : createBoxliteKernelSource({ home });
  const ours = await source.kernel().catch((thrown) => {
    if (thrown.code !== 'kernel_unavailable') throw thrown;
    process.stderr.write(`kernel: left out, ${thrown.message}\n`);
    return undefined;
  });
  if (ours === undefined) return undefined;
  const theirs = await createLibkrunfwKernelSource({ home }).kernel();
  return {
    ours: { path: ours.path, choice: isAbsolute(file) ? file : 'boxlite' },
    libkrunfw: { path: theirs.path, choice: 'libkrunfw' },
  };
}

async function chosenVmm(boxlite, remove) {
  const box = await boxlite.create({ memoryMib: MEMORY_MIB });
  await box.start();
  const { vmm } = await box.info();
  await remove(box);
  return vmm;
}

async function startBox(name, kernel, boxlite, homeDir, remove) {
  const { parsePidRecord } = await builtPackage('supervisor');
  const begun = performance.now();
  // No template: what is measured is the boot.
  const box = await boxlite.create({ memoryMib: MEMORY_MIB, kernel, template: false });
  await box.start();
  const { exitCode } = await box.run('true');
  const finished = performance.now();
  if (exitCode !== 0) throw new Error(`true ended with status ${exitCode}`);
  const stage = (wanted) => box.startTimings.find((timing) => timing.name === wanted).durationMs;
  const record = parsePidRecord(readFileSync(join(homeDir, 'boxes', box.id, 'shim.pid'), 'utf8'));
  const resident = residentMib(record.vmm.pid);
  await remove(box);
  return {
    [`${IN_A_BOX}, ${name}`]: stage('vmm-spawn') + stage('guest-connect'),
    [`${COLD}, ${name}`]: finished - begun,
    [`${RESIDENT}, ${name}`]: resident,
  };
}

function residentMib(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

/** Starts the VMM with nothing around it; undefined where the program for that is not built (`node bench/peers/install.mjs`). */
function bareMachine(vmm) {
  if (vmm === 'qemu') return startBareQemu;
  if (vmm !== 'libkrun' || !existsSync(BARE_PROGRAM)) return undefined;
  return (machine) => startBareKrun({ ...machine, program: BARE_PROGRAM, library: findLibkrun() });
}

async function startBare(bare, name, kernel, directory, { rootfsDisk, prepareMachine }) {
  const machine = await prepareMachine(directory);
  const vmm = await bare({ ...machine, kernel, rootfsDisk, memoryMib: MEMORY_MIB });
  const connected = performance.now();
  try {
    const { at } = await vmm.firstByte;
    return {
      [`${BARE}, ${name}`]: at - vmm.spawnedAt,
      // QEMU dials the agent's socket before its guest runs: no kernel can be faster than that.
      ...(bare === startBareQemu
        ? { [`bare, before the guest runs (the floor), ${name}`]: connected - vmm.spawnedAt }
        : {}),
    };
  } finally {
    await vmm.end();
    await rm(directory, { recursive: true });
  }
}
