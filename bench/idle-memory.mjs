// What the host holds in memory for one idle detached box, beyond the guest's own RAM.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alternate } from './lib/alternate.mjs';
import { startBareQemu } from './lib/bare-qemu.mjs';
import { builtPackage, packageFile } from './lib/packages.mjs';
import { guestRamPssMib, processTree, pssMib } from './lib/process-memory.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { summarize } from './lib/statistics.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';

export const defaultRuns = 3;

const TARGET_MIB = 60;

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ homeDir, parts }) => {
      const samples = await alternate(
        { ours: () => measureBox(homeDir), bare: () => measureBare(join(directory, 'bare'), parts) },
        { runs, progress },
      );
      return report(
        Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: 'MiB' })),
        [
          {
            name: 'everything but guest RAM',
            unit: 'MiB',
            ...summarize(samples['box: everything but guest RAM']),
            target: TARGET_MIB,
          },
        ],
      );
    }),
  );
}

/** The box is detached and started by the CLI, so that nothing of its making is left when it is measured. */
async function measureBox(home) {
  const cli = (...args) =>
    execFileSync(process.execPath, [packageFile('cli/bin/boxlite.js'), ...args], {
      encoding: 'utf8',
      env: { ...process.env, BOXLITE_HOME: home },
    }).trim();
  const id = cli('create', '--memory', String(MEMORY_MIB));
  try {
    cli('start', id);
    cli('exec', id, 'true');
    const { parsePidRecord } = await builtPackage('supervisor');
    const record = parsePidRecord(readFileSync(join(home, 'boxes', id, 'shim.pid'), 'utf8'));
    const processes = processTree(record.supervisor.pid);
    const sizes = processes.map(({ pid, name }) => ({ name, mib: pssMib(pid) }));
    const guestRam = guestRamPssMib(record.vmm.pid, MEMORY_MIB);
    const total = sizes.reduce((sum, { mib }) => sum + mib, 0);
    const figures = Object.fromEntries(sizes.map(({ name, mib }, index) => [`box: ${index + 1} ${name}`, mib]));
    return { ...figures, 'box: guest RAM touched': guestRam, 'box: everything but guest RAM': total - guestRam };
  } finally {
    cli('rm', '-f', id);
  }
}

async function measureBare(path, { kernel, rootfsDisk, prepareMachine }) {
  const machine = await prepareMachine(path);
  const qemu = await startBareQemu({ ...machine, kernel, rootfsDisk, memoryMib: MEMORY_MIB });
  try {
    await qemu.firstByte;
    return { 'bare QEMU at hello, but guest RAM': pssMib(qemu.pid) - guestRamPssMib(qemu.pid, MEMORY_MIB) };
  } finally {
    await qemu.end();
    execFileSync('rm', ['-r', path]);
  }
}
