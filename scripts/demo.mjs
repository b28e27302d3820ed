#!/usr/bin/env node
// `npm run demo`: sets everything up, then runs the main job with the best VMM this machine has, stage by stage.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setUp } from './setup.mjs';

const say = (line) => console.log(line);
const KERNELS = {
  boxlite: "BoxLite's own",
  libkrunfw: "libkrunfw's (`npm run build:kernel` makes BoxLite's own, which starts faster)",
};
const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(3)} s`.padStart(10);

if (!setUp({ groups: ['build', 'run'], say })) process.exit(1);

// Imported after the set-up has built it.
const { Boxlite, STARTER_IMAGE, collect } = await import('@boxlite/sdk');
const homeDir = process.env.BOXLITE_HOME || mkdtempSync(join(tmpdir(), 'boxlite-demo-'));
const begin = performance.now();
const boxlite = await Boxlite.open({ homeDir });
try {
  say(`\nThe main job: a command in a micro-VM of its own, from the OCI image ${STARTER_IMAGE.split('/').at(-1)}`);
  const box = await boxlite.create({ memoryMib: 256 });
  await box.start();
  for (const { name, startMs, durationMs } of box.startTimings) {
    say(`  ${name.padEnd(18)} ${seconds(durationMs)}   (from ${seconds(startMs).trim()})`);
  }
  const execBegin = performance.now();
  const execution = await box.exec('uname', ['-a'], { stdin: false });
  const { stdout, exitCode } = await collect(execution);
  say(`  ${'exec'.padEnd(18)} ${seconds(performance.now() - execBegin)}`);
  const { vmm, kernel } = await box.info();
  say(`  VMM: ${vmm}`);
  say(`  kernel: ${KERNELS[kernel.source] ?? kernel.source}, Linux ${kernel.version}`);
  say(`  guest: ${Buffer.from(stdout).toString().trimEnd()}`);
  say(`  exit status: ${exitCode}`);
  const stopBegin = performance.now();
  await box.stop();
  say(`  ${'stop'.padEnd(18)} ${seconds(performance.now() - stopBegin)}`);
  const { status } = await box.info();
  say(`  the box is still there: ${box.id}, ${status}`);
  await boxlite.remove(box.id);
  process.exitCode = exitCode;
} finally {
  await boxlite.shutdown();
  if (!process.env.BOXLITE_HOME) rmSync(homeDir, { recursive: true, force: true });
}
say(`  total: ${seconds(performance.now() - begin).trim()}`);
