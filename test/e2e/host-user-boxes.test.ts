import { lstatSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNothingLeft } from '../support/leftovers.js';
import { runCli } from '../support/run-cli.js';
import { removeHome } from '../support/temporary-home.js';

/** `HOST_IDS` of the SDK. */
const [FIRST, LAST] = [2_010_000_000, 2_109_999_999];

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'boxlite-host-user-'));
});
afterAll(() => expectNothingLeft(home).finally(() => removeHome(home)));

async function boxlite(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await runCli(args, { home });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.toString();
}

/** What the host sees of the VMM of a running box. */
async function vmmOf(name: string) {
  const [{ pid, directory, jail }] = JSON.parse(await boxlite('inspect', name));
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const ids = (field: string) =>
    new RegExp(`^${field}:\\t(.*)$`, 'm').exec(status)?.[1]?.trim().split(/\s+/).filter(Boolean).map(Number) ?? [];
  const privileges = jail.layers.find((layer: { name: string }) => layer.name === 'privileges');
  return { uids: ids('Uid'), gids: ids('Gid'), groups: ids('Groups'), status, directory, privileges };
}

/** A device that only root may use keeps the VMM root; there is no such device where KVM is not used. */
const kvm = statSync('/dev/kvm', { throwIfNoEntry: false });

describe.skipIf(process.geteuid?.() !== 0)('Boxes that root starts (needs root)', () => {
  it('have a VMM that is a host user of its own each, the same at every start, whose files stay root’s', async () => {
    await boxlite('run', '-d', '--name', 'one', '--', 'sleep', '4321');
    const first = await vmmOf('one');
    const [uid = 0] = first.uids;
    expect(uid).toBeGreaterThanOrEqual(FIRST);
    expect(uid).toBeLessThanOrEqual(LAST);
    expect([first.uids, first.gids]).toEqual([Array(4).fill(uid), Array(4).fill(uid)]);
    expect(first.groups.filter((group) => group !== kvm?.gid)).toEqual([]);
    expect(first.status.match(/^Cap\w+:\t0000000000000000$/gm)).toHaveLength(5);
    expect(first.privileges).toMatchObject({ state: 'active', detail: expect.stringContaining(`host user ${uid} `) });

    await boxlite('run', '-d', '--name', 'two', '--', 'sleep', '4321');
    expect((await vmmOf('two')).uids[0]).not.toBe(uid);

    await boxlite('exec', 'one', 'sh', '-c', 'echo kept > /root/file');
    await boxlite('stop', 'one');
    expect(await boxlite('exec', 'one', 'cat', '/root/file')).toBe('kept\n');
    expect((await vmmOf('one')).uids[0]).toBe(uid);

    const owners = readdirSync(first.directory, { recursive: true }).map(
      (name) => lstatSync(join(first.directory, String(name))).uid,
    );
    expect([...new Set(owners)]).toEqual([0]);
    await boxlite('rm', '-f', 'one', 'two');
  });
});
