// How long a command takes to run under each participant, in one process that has confined commands before: `start-times.mjs <probe> <runs>`.
import { mkdtempSync, rmSync } from 'node:fs';
import { alternate } from '../../lib/alternate.mjs';
import { builtPackage } from '../../lib/packages.mjs';
import { PARTICIPANTS } from './participants.mjs';

const [probe, runs] = process.argv.slice(2);
const { SYSTEM_PATHS } = await builtPackage('jailer-landlock');
const directory = mkdtempSync('/var/tmp/boxlite-jail-times-');
process.chdir(directory);
const grants = { readable: [...SYSTEM_PATHS, probe], writable: [directory] };
const opened = [];
const variants = {};
for (const [name, open] of Object.entries(PARTICIPANTS)) {
  const participant = await open(grants);
  opened.push(participant);
  variants[name] = async () => ({ [name]: await timeOnce(participant) });
}
const samples = await alternate(variants, { runs: Number(runs), warmUp: 2 });
for (const participant of opened) await participant.close?.();
rmSync(directory, { recursive: true, force: true });
process.stdout.write(JSON.stringify(samples));

/** Until the program itself runs, by the clock of the machine. */
async function timeOnce({ run }) {
  const begun = process.hrtime.bigint();
  const output = await run([probe]);
  const ran = /^running ([\d.]+)$/m.exec(output)?.[1];
  if (ran === undefined) throw new Error(`the probe did not run: ${output.slice(0, 1000)}`);
  return Number(ran) / 1e6 - Number(begun) / 1e6;
}
