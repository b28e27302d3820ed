// What the host holds in memory for idle detached boxes, beyond the guests' own RAM: for one, and for each of four.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alternate } from './lib/alternate.mjs';
import { startBareQemu } from './lib/bare-qemu.mjs';
import { builtPackage, packageFile } from './lib/packages.mjs';
import { processTree, pssMib, qemuPssMib } from './lib/process-memory.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { summarize } from './lib/statistics.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';

export const defaultRuns = 3;

const TARGET_MIB = 60;
const SEVERAL = 4;

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ homeDir, parts }) => {
      const samples = await alternate(
        {
          one: () => measureBoxes(homeDir, 1, 'one box'),
          several: () => measureBoxes(homeDir, SEVERAL, `each of ${SEVERAL} boxes`),
          bare: () => measureBare(join(directory, 'bare'), parts),
        },
        { runs, progress },
      );
      const beyond = (name) => ({
        unit: 'MiB',
        ...summarize(samples[`${name}: all but guest RAM`]),
        target: TARGET_MIB,
      });
      return report(
        Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: 'MiB' })),
        [
          { name: 'one box, all but guest RAM', ...beyond('one box') },
          { name: `each of ${SEVERAL} boxes, all but guest RAM`, ...beyond(`each of ${SEVERAL} boxes`) },
        ],
      );
    }),
  );
}

/** Boxes are detached and started by the CLI, so that nothing of their making is left when they are measured. */
async function measureBoxes(home, count, label) {
  const cli = (...args) =>
    execFileSync(process.execPath, [packageFile('cli/bin/boxlite.js'), ...args], {
      encoding: 'utf8',
      env: { ...process.env, BOXLITE_HOME: home },
    }).trim();
  const { parsePidRecord } = await builtPackage('supervisor');
  const ids = [];
  try {
    for (let number = 0; number < count; number += 1) {
      const id = cli('create', '--memory', String(MEMORY_MIB));
      ids.push(id);
      cli('start', id);
      cli('exec', id, 'true');
    }
    const records = ids.map((id) => parsePidRecord(readFileSync(join(home, 'boxes', id, 'shim.pid'), 'utf8')));
    return figures(records, label);
  } finally {
    cli('rm', '-f', ...ids);
  }
}

function figures(records, label) {
  const sum = {};
  const add = (name, mib) => {
    sum[name] = (sum[name] ?? 0) + mib;
  };
  for (const { supervisor, vmm } of records) {
    const others = processTree(supervisor.pid).filter(({ pid }) => pid !== vmm.pid);
    for (const { pid, name } of others) add(name, pssMib(pid));
    for (const [purpose, mib] of Object.entries(qemuPssMib(vmm.pid, MEMORY_MIB))) add(`QEMU ${purpose}`, mib);
  }
  const each = Object.entries(sum).map(([name, mib]) => [`${label}: ${name}`, mib / records.length]);
  const beyond = each.filter(([name]) => !name.endsWith('guestRam')).reduce((total, [, mib]) => total + mib, 0);
  return { ...Object.fromEntries(each), [`${label}: all but guest RAM`]: beyond };
}

async function measureBare(path, { kernel, rootfsDisk, prepareMachine }) {
  const machine = await prepareMachine(path);
  const qemu = await startBareQemu({ ...machine, kernel, rootfsDisk, memoryMib: MEMORY_MIB });
  try {
    await qemu.firstByte;
    return { 'bare QEMU at hello, but guest RAM': pssMib(qemu.pid) - qemuPssMib(qemu.pid, MEMORY_MIB).guestRam };
  } finally {
    await qemu.end();
    execFileSync('rm', ['-r', path]);
  }
}
