import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type AgentClient, createAgentClient } from '@boxlite/guest-agent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bootCapturable,
  type CapturableAgent,
  type Capture,
  continueAgent,
} from '../../../test/support/continue-agent.js';
import { patience } from '../../../test/support/patience.js';
import { finish } from './support/box.js';
import { makeBusyboxDisk, makeGuestRootfs } from './support/disks.js';
import { guestMachine } from './support/guest-machine.js';
import { buildNative } from './support/native-build.js';
import { readUntil } from './support/read-until.js';

const PROBE = fileURLToPath(new URL('../../../test/support/randomness-probe.c', import.meta.url));
/** Machines that continue from one capture; `BOXLITE_TEST_FORKS` for another number. */
const FORKS = Number(process.env.BOXLITE_TEST_FORKS ?? (process.env.BOXLITE_TEST_FULL ? 200 : 40));
const SIDE_BY_SIDE = 2;
const FORK_TIMEOUT_MS = patience(10_000);
const HOST = { hostname: 'fork' };

let directory: string;
let options: { readonly rootfs: string; readonly disk: string };

beforeAll(async () => {
  await buildNative(...guestMachine.make);
  directory = await mkdtemp(join(tmpdir(), 'boxlite-forks-'));
  options = { rootfs: join(directory, 'rootfs.ext4'), disk: join(directory, 'disk.ext4') };
  await makeGuestRootfs(join(directory, 'rootfs'), options.rootfs, { 'boxlite-guest': guestMachine.agent() });
  await makeBusyboxDisk(join(directory, 'disk'), options.disk, {
    decorate: async (root) => {
      const flags = ['-static', '-D_GNU_SOURCE', '-O1', '-Wall', '-Wextra', '-Werror'];
      await promisify(execFile)('musl-gcc', [...flags, '-o', `${root}/bin/randomness-probe`, PROBE]);
    },
  });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

type Drawn = Readonly<Record<string, string>>;

/** name=value lines. */
function parse(text: string, prefix = ''): Drawn {
  const lines = text.trim().split('\n');
  return Object.fromEntries(lines.map((line) => [prefix + line.split('=')[0], line.slice(line.indexOf('=') + 1)]));
}

async function output(client: AgentClient, ...argv: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await finish(await client.exec({ argv }));
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout;
}

/** What every machine that continues from the capture has drawn, by name. */
async function drawnByForks(capture: Capture, draw: (client: AgentClient) => Promise<Drawn>) {
  const drawn = new Map<string, string[]>();
  let begun = 0;
  const one = async () => {
    while (begun++ < FORKS) {
      await using machine = await continueAgent(capture);
      const all = await draw(createAgentClient(machine.channel()));
      for (const [name, value] of Object.entries(all)) drawn.set(name, [...(drawn.get(name) ?? []), value]);
    }
  };
  // None is left running when another has failed.
  const ended = await Promise.allSettled(Array.from({ length: SIDE_BY_SIDE }, one));
  for (const result of ended) if (result.status === 'rejected') throw result.reason;
  return drawn;
}

function expectNoTwoEqual(drawn: ReadonlyMap<string, readonly string[]>, names: readonly string[]): void {
  expect([...drawn.keys()]).toEqual(names);
  for (const [name, values] of drawn) {
    expect({ name, values: values.length, different: new Set(values).size }).toEqual({
      name,
      values: FORKS,
      different: FORKS,
    });
  }
}

async function bootIn(name: string): Promise<CapturableAgent> {
  await mkdir(join(directory, name));
  return bootCapturable(options, join(directory, name));
}

describe(`${FORKS} machines that continue from one capture`, { timeout: FORKS * FORK_TIMEOUT_MS }, () => {
  it('draw no equal random bytes, UUIDs, boot ids, address layouts or TCP sequence numbers when it was taken before init', async () => {
    const template = await bootIn('template');
    await createAgentClient(template.channel()).ping();
    const drawn = await drawnByForks(await template.capture(), async (client) => {
      const { bootId } = await client.init(HOST);
      const probed = parse(await output(client, 'randomness-probe'));
      expect(probed['boot id']).toBe(bootId);
      return probed;
    });
    expectNoTwoEqual(drawn, ['random', 'uuid', 'boot id', 'AT_RANDOM', 'stack', 'mmap', 'TCP sequence', 'TCP key']);
  });

  it('draw none either, also in processes that ran before, when it was taken of a running container', async () => {
    const running = await bootIn('running');
    const parent = createAgentClient(running.channel());
    await parent.init(HOST);
    const process = await parent.exec({ argv: ['randomness-probe', '/tmp/drawn'] });
    (await readUntil(process.stdout, 'waiting')).rest();
    // Whatever a kernel draws at the first connection it has now.
    await output(parent, 'randomness-probe');
    await parent.quiesce({ sync: true });
    const drawn = await drawnByForks(await running.capture(), async (client) => {
      expect(await client.hello).toMatchObject({ initialized: true, quiesced: true });
      await client.renew();
      const earlier = await output(client, 'sh', '-c', 'until [ -e /tmp/drawn ]; do :; done; cat /tmp/drawn');
      return { ...parse(earlier, 'earlier '), ...parse(await output(client, 'randomness-probe')) };
    });
    // Of libkrunfw's kernel, where all have one; BoxLite's own: test/kernel/renewed-keys.test.ts.
    for (const name of ['TCP key', 'earlier TCP key']) drawn.delete(name);
    const names = ['random', 'uuid', 'boot id', 'AT_RANDOM', 'stack', 'mmap', 'TCP sequence'];
    expectNoTwoEqual(
      drawn,
      ['random', 'uuid', 'boot id', 'TCP sequence'].map((name) => `earlier ${name}`).concat(names),
    );
  });
});
