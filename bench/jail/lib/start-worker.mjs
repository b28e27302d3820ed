// The process of one user that starts boxes for bench/jail. It is told over its channel what to do, one thing after another, and answers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Boxlite, defaultRegistry } from '@boxlite/sdk';
import { builtPackage } from '../../lib/packages.mjs';
import { withScratch } from '../../lib/scratch.mjs';
import { MEMORY_MIB } from '../../lib/warm-home.mjs';
import { timedVmms } from './timed-start.mjs';

const [probe] = process.argv.slice(2);
let figures;
let callsToTime = 0;
let running;

await withScratch(async (directory) => {
  const homeDir = join(directory, 'home');
  const registry = defaultRegistry({ homeDir });
  const measured = (times) => (figures = times);
  for (const plugin of await timedVmms(probe, { calls: () => callsToTime, measured })) registry.register(plugin);
  const boxlite = await Boxlite.open({ homeDir, registry });
  const tasks = { time: timeStart, run: runBox, end: endBox };
  try {
    await answerAll(({ task, ...request }) => tasks[task](boxlite, request));
  } finally {
    await boxlite.shutdown({ graceMs: 0 });
  }
});

/** Until the channel closes. */
function answerAll(answer) {
  return new Promise((resolve) => {
    process.on('message', async (request) => {
      const reply = await answer(request).catch((error) => ({ error: error.stack }));
      if (process.connected) process.send(reply);
    });
    process.once('disconnect', resolve);
    process.send({});
  });
}

/** Starts a box of one of the VMMs that only measure. Milliseconds, and nanoseconds of calls. */
async function timeStart(boxlite, { options, calls = 0 }) {
  const box = await boxlite.create({ memoryMib: MEMORY_MIB, ...options });
  callsToTime = calls;
  figures = undefined;
  let begun;
  try {
    await box.start({
      onStage(name, timing) {
        if (name === 'vmm-spawn' && timing === undefined) begun = performance.now();
      },
    });
  } catch (error) {
    if (figures === undefined) throw error; // Not because it was measured.
  }
  await boxlite.remove(box.id, { force: true });
  const { handed, prepared, wrapped, running: ran, ...perCall } = figures;
  const parts = { prepare: prepared - handed, wrap: wrapped - prepared, spawn: ran - wrapped };
  return { total: ran - begun, rules: handed - begun, ...(wrapped === undefined ? {} : parts), ...perCall };
}

/** Starts a box for good, until `end`. @returns the pids of its supervisor and VMM, which know nothing of this process */
async function runBox(boxlite, { options }) {
  running = await boxlite.create({ memoryMib: MEMORY_MIB, ...options });
  await running.run('true');
  const { parsePidRecord } = await builtPackage('supervisor');
  const record = parsePidRecord(readFileSync(join(boxlite.homeDir, 'boxes', running.id, 'shim.pid'), 'utf8'));
  return { supervisor: record.supervisor.pid, vmm: record.vmm.pid };
}

async function endBox(boxlite) {
  await boxlite.remove(running.id, { force: true });
  return {};
}
