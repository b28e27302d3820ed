import type { BoxInfo } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

const BOXES = ['default', 'landlock', 'bwrap', 'refused'];
let home: TemporaryHome;
beforeAll(async () => {
  home = await temporaryHome();
});
afterAll(async () => {
  await cli('rm', '-f', ...BOXES);
  await home.end();
});

const cli = (...args: string[]) => runCli(args, { home: home.home });

/** Runs a box to its end, and tells what it printed and its layers, of the sandbox alone. */
async function layersOf(name: string, ...flags: string[]) {
  const { status, stdout, stderr } = await cli('run', '--name', name, ...flags, '--', 'echo', 'ran');
  expect({ status, stdout: stdout.toString() }, stderr).toEqual({ status: 0, stdout: 'ran\n' });
  const [info] = JSON.parse((await cli('inspect', name)).stdout.toString()) as BoxInfo[];
  const layers = (info?.jail?.layers ?? []).filter((layer) => ['namespaces', 'view', 'landlock'].includes(layer.name));
  return { sandbox: info?.jail?.sandbox, layers: Object.fromEntries(layers.map((layer) => [layer.name, layer.state])) };
}

/** An older kernel's Landlock is not whole. */
const HELD = expect.stringMatching(/^(active|partial)$/);

describe('a box runs', () => {
  it('in bubblewrap with Landlock inside it where nobody chose', async () => {
    expect(await layersOf('default')).toEqual({
      sandbox: 'bwrap+landlock',
      layers: { namespaces: 'active', view: 'active', landlock: HELD },
    });
  });

  it('in Landlock alone where that was chosen, without namespaces and without a view', async () => {
    expect(await layersOf('landlock', '--sandbox', 'landlock')).toEqual({
      sandbox: 'landlock',
      layers: { namespaces: 'inactive', view: 'inactive', landlock: HELD },
    });
  });

  it('in bubblewrap alone where that was chosen', async () => {
    expect(await layersOf('bwrap', '--sandbox', 'bwrap')).toEqual({
      sandbox: 'bwrap',
      layers: { namespaces: 'active', view: 'active', landlock: 'inactive' },
    });
  });

  it('not in a sandbox that does not exist', async () => {
    const { status, stderr } = await cli('run', '--name', 'refused', '--sandbox', 'bwrap+nothing', '--', 'true');
    expect(status).not.toBe(0);
    expect(stderr).toContain('"nothing"');
  });
});
