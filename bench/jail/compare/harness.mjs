// Tries every attempt under every participant, as the user it is started as. Bundled with the escape tests' own world, witnesses and judge.
//   node harness.mjs <file of the job, JSON>
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { judge } from '../../../test/escape/harness/judge.ts';
import { watchOutside } from '../../../test/escape/harness/outside.ts';
import { makeWorld } from '../../../test/escape/harness/world.ts';

const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const TIMEOUT_MS = 120_000;
const OUTPUT_BYTES = 2 ** 24;

const outcomes = [];
for (const participant of job.layers) {
  const begun = performance.now();
  outcomes.push(...(await tryUnder(participant)));
  process.stderr.write(`${participant}: ${Math.round(performance.now() - begun)} ms\n`);
}
process.stdout.write(JSON.stringify({ user: process.getuid(), outcomes }));

async function tryUnder(participant) {
  const world = await makeWorld(job);
  const { outside, leaks, close } = await watchOutside(world, job, 'harness');
  try {
    const parameters = [...world.parameters].map(([key, value]) => `${key}=${value}`);
    const names = job.attempts.map(({ name }) => name);
    const request = {
      command: [world.program, '--fork', ...names, ...parameters],
      grants: {
        readable: [...job.systemPaths, world.program, world.readOnlyVolume, job.setUserIdProgram],
        writable: [world.writableVolume],
      },
    };
    const text = await runLeaking(participant, request, world, leaks);
    const ended = { text, logBytes: 0, ended: 'status 0' };
    const judged = [];
    for (const name of names) {
      const said = new RegExp(`^@ ${name} `, 'm').test(text);
      judged.push(
        said
          ? await judge(participant, name, ended, outside)
          : { layers: participant, attempt: name, verdict: 'impossible', detail: 'no verdict' },
      );
    }
    if (judged.every(({ detail }) => detail === 'no verdict')) throw new Error(`${participant}: ${text.slice(-2000)}`);
    return judged;
  } finally {
    await close();
    await world.remove();
  }
}

/** The program that confines has been started with descriptors open, as any program may be. */
async function runLeaking(participant, request, world, { file, directory, pipe, terminal }) {
  const requestFile = join(world.root, 'request.json');
  writeFileSync(requestFile, JSON.stringify(request), { mode: 0o600 });
  const opens = ['20<>"$0"', '21<"$1"', '22<>"$2"', ...(terminal === '-' ? [] : ['23<>"$3"'])].join(' ');
  const script = `exec ${opens}; shift 3; exec "$@"`;
  const program = [process.execPath, job.confineOnce, participant, requestFile];
  const { stdout } = await promisify(execFile)('bash', ['-c', script, file, directory, pipe, terminal, ...program], {
    cwd: world.writableVolume,
    timeout: TIMEOUT_MS,
    maxBuffer: OUTPUT_BYTES,
    encoding: 'latin1',
  });
  return stdout;
}
