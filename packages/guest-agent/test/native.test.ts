import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as core from '@boxlite/core';
import { agentBinaryPath, readAgentBinary } from '@boxlite/guest-agent';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildNative, builtProgram } from './support/native-build.js';

const run = promisify(execFile);
const packageFile = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
/** The long form (`npm run test:full`) runs fifty times as many rounds. */
const ROUNDS = process.env.BOXLITE_TEST_FULL ? 50 : 1;

beforeAll(() => buildNative('all', 'fuzz'));

describe('the built agent', () => {
  it('is a static program for this architecture that needs nothing of the guest', async () => {
    expect(agentBinaryPath()).toBe(builtProgram('boxlite-guest'));
    const binary = Buffer.from(await readAgentBinary());
    expect(binary.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    const { stdout } = await run('readelf', ['-lh', agentBinaryPath()]);
    expect(stdout).not.toContain('INTERP');
    expect(stdout).not.toContain('DYNAMIC');
  });

  it('is small: below 160 KiB', async () => {
    expect((await stat(agentBinaryPath())).size).toBeLessThan(160 * 1024);
  });

  it('refuses to run as anything but the init of a machine', async () => {
    await expect(run(agentBinaryPath())).rejects.toMatchObject({ code: 64 });
  });
});

describe('the two ends of the wire', () => {
  it('agree on frames: the C header has the numbers of core', async () => {
    const header = await readFile(packageFile('native/src/frame.h'), 'utf8');
    const defined = Object.fromEntries(
      [...header.matchAll(/(?:#define )?(\w+)(?: = | )(\d+)u?,?\b/g)].map((match) => [match[1], Number(match[2])]),
    );
    const channels = Object.entries(core.Channel).map(([name, value]) => [`CHANNEL_${name}`, value]);
    const types = Object.entries(core.FrameType)
      .filter(([, value]) => value < 32)
      .map(([name, value]) => [`FRAME_${name}`, value]);
    expect(defined).toMatchObject({
      ...Object.fromEntries([...channels, ...types]),
      FRAME_FLAG_END: core.FrameFlag.END,
      FRAME_HEADER_BYTES: core.FRAME_HEADER_BYTES,
      MAX_FRAME_PAYLOAD: core.MAX_FRAME_PAYLOAD,
      INITIAL_CREDIT_BYTES: core.INITIAL_CREDIT_BYTES,
      FRAME_FLAG_WINDOWED: core.FrameFlag.WINDOWED,
    });
    const window = await readFile(packageFile('native/src/link-window.h'), 'utf8');
    expect(window).toContain(`#define LINK_WINDOW_BYTES ${core.LINK_WINDOW_BYTES}u`);
    expect(window).toContain(`#define LINK_ACK_BYTES ${core.LINK_ACK_BYTES}u`);
  });

  it('are made from the same schema: the committed TypeScript is what the generator makes of it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'boxlite-gen-'));
    try {
      await run('make', ['-s', '-C', packageFile('native'), 'typescript', `GEN=${directory}`]);
      expect(await readFile(join(directory, 'agent_pb.ts'), 'utf8')).toBe(
        await readFile(packageFile('src/gen/agent_pb.ts'), 'utf8'),
      );
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe('hostile input to the parsers of the agent, under ASan and UBSan', () => {
  it.each([
    ['fuzz-request', 100_000],
    ['fuzz-user', 4000],
    ['fuzz-ext4-growth', 100_000],
  ])(
    'does no harm: %s',
    async (program, count) => {
      // On a failure the command in the message runs the same input again.
      const { stdout } = await run(builtProgram(program), ['1', String(count * ROUNDS)]);
      expect(stdout).toMatch(/^\d+ of \d+ /);
    },
    600_000,
  );
});
