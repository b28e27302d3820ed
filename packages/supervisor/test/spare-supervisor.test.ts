import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SupervisedVm } from '@boxlite/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchSupervisor } from '../src/launch-supervisor.js';
import { SpareSupervisor } from '../src/spare-supervisor.js';
import { spawnSupervisor } from '../src/spawn-supervisor.js';
import { supervisorBinary } from './support/native-build.js';
import { gone } from './support/processes.js';
import { withBox } from './support/with-box.js';

const fixture = withBox();
let spares: SpareSupervisor;
let spawned: number[];
let exits: Promise<string>[];

beforeEach(() => {
  spawned = [];
  exits = [];
  spares = new SpareSupervisor(
    () => supervisorBinary,
    0,
    (binary, isTied) => {
      const made = spawnSupervisor(binary, isTied);
      spawned.push(made.child.pid ?? 0);
      exits.push(made.exited);
      return made;
    },
  );
});
afterEach(async () => {
  spares.end();
  for (const pid of spawned) await gone(pid);
});

const launch = (changes = {}): Promise<SupervisedVm> =>
  launchSupervisor(supervisorBinary, fixture.box.request(fixture.box.agent, changes), undefined, spares);

async function runOnce(changes = {}): Promise<number> {
  const vm = await launch(changes);
  await vm.kill();
  await vm.close();
  await gone(vm.welcome.supervisor.pid);
  spares.busy();
  return vm.welcome.supervisor.pid;
}

function launchedTwice(): void {
  spares.launched();
  spares.launched();
  spares.busy();
}

const spareMade = () => expect.poll(() => spawned.length, { timeout: 20_000 });

describe('the spare supervisor', () => {
  it('is made after the second launch, not the first: a program that starts one box pays for none', async () => {
    const launched = [await runOnce(), await runOnce()];
    await spareMade().toBe(1);
    expect(launched).not.toContain(spawned[0]);
  });

  it.each([false, true])(
    'is what the next box is started by, and then there is another (detached: %s)',
    async (detached) => {
      launchedTwice();
      await spareMade().toBe(1);
      const vm = await launch({ detached });
      expect(vm.welcome.supervisor.pid).toBe(spawned[0]);
      expect(await vm.stop(5000)).toEqual({ kind: 'Clean', reason: 'shutdown' });
      await vm.close();
      spares.busy();
      await spareMade().toBe(2);
      expect(await runOnce({ detached })).toBe(spawned[1]);
    },
  );

  it('is passed over once it has been killed', async () => {
    launchedTwice();
    await spareMade().toBe(1);
    const killed = spawned[0] as number;
    process.kill(killed, 'SIGKILL');
    await gone(killed);
    // Node has been told, too.
    await exits[0];
    expect(await runOnce()).not.toBe(killed);
  });

  it('ends when it is not wanted any more, and no other is made', async () => {
    launchedTwice();
    await spareMade().toBe(1);
    spares.end();
    await gone(spawned[0] as number);
    await runOnce();
    expect(spawned).toHaveLength(1);
  });
});

describe('a process with a spare supervisor', () => {
  it('leaves nothing behind when it is killed', async () => {
    const { child, spare } = await holder('setInterval(() => undefined, 1000);');
    child.kill('SIGKILL');
    await once(child, 'close');
    await gone(spare);
  });

  it('ends when it has nothing else to do, and the spare with it', async () => {
    const { child, spare } = await holder("process.stdin.once('data', () => process.stdin.destroy());");
    child.stdin?.write('go on');
    expect(await once(child, 'close')).toEqual([0, null]);
    await gone(spare);
  });
});

/** A process of its own that keeps a spare, and the spare. @param rest what else it does */
async function holder(rest: string): Promise<{ readonly child: ChildProcess; readonly spare: number }> {
  const module = join(fixture.box.dir, 'spare.mjs');
  // esbuild comes with tsup and is no dependency of its own.
  const { buildSync } = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild') as {
    buildSync(options: object): unknown;
  };
  const source = fileURLToPath(new URL('../src/spare-supervisor.ts', import.meta.url));
  buildSync({ entryPoints: [source], bundle: true, platform: 'node', format: 'esm', outfile: module });
  const program = join(fixture.box.dir, 'holder.mjs');
  writeFileSync(
    program,
    `import { readFileSync } from 'node:fs';
     import { SpareSupervisor } from './spare.mjs';
     const spares = new SpareSupervisor(() => ${JSON.stringify(supervisorBinary)}, 0);
     for (const use of ['launched', 'launched', 'busy']) spares[use]();
     const timer = setInterval(() => {
       if (!readFileSync('/proc/self/task/' + process.pid + '/children', 'utf8').trim()) return;
       clearInterval(timer);
       console.log('ready');
     }, 2);
     ${rest}`,
  );
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  for await (const line of child.stdout as AsyncIterable<Buffer>) if (String(line).includes('ready')) break;
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
  const [spare] = children.map(Number);
  if (spare === undefined || spare === 0) throw new Error('there is no spare');
  return { child, spare };
}
