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
/** Boxes of the VMMs that only measure, by what they were made with: it is a later start of a box that is measured. */
const boxes = new Map();

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

async function boxOf(boxlite, options) {
  const key = JSON.stringify(options);
  if (!boxes.has(key)) boxes.set(key, await boxlite.create({ memoryMib: MEMORY_MIB, ...options }));
  return boxes.get(key);
}

/** Starts a box of one of the VMMs that only measure. Milliseconds, and nanoseconds of calls. */
async function timeStart(boxlite, { options, calls = 0 }) {
  const box = await boxOf(boxlite, options);
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
