import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Boxlite, type BoxOptions, SimpleBox } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureOf } from '../support/failure-of.js';
import { leftoversOf } from '../support/leftovers.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

let home: TemporaryHome;
let boxlite: Boxlite;

beforeAll(async () => {
  home = await temporaryHome();
  boxlite = await Boxlite.open({ homeDir: home.home });
});

afterAll(async () => {
  await boxlite.shutdown();
  await home.end();
});

describe('an option of a box', () => {
  it.each([
    ['cpus', { cpus: 0 }],
    ['cpus', { cpus: 1.5 }],
    ['cpus', { cpus: '2' }],
    ['memoryMib', { memoryMib: -1 }],
    ['memoryMib', { memoryMib: Number.NaN }],
    ['diskSizeGb', { diskSizeGb: 0 }],
    ['image', { image: '' }],
    ['image', { image: 'a\0b' }],
    ['name', { name: '../etc' }],
    ['name', { name: 'x'.repeat(129) }],
    ['env.A=B', { env: { 'A=B': 'x' } }],
    ['env.A', { env: { A: 'x\0y' } }],
    ['env.A', { env: { A: 1 } }],
    ['workingDir', { workingDir: 'relative' }],
    ['user', { user: 'a\0' }],
    ['hostname', { hostname: 'under_score' }],
    ['entrypoint', { entrypoint: 'sh' }],
    ['cmd.1', { cmd: ['sh', 7] }],
    ['detach', { detach: 'yes' }],
    ['autoRemove', { detach: true, autoRemove: true }],
    ['vmm', { vmm: '' }],
    ['volumes.0.hostPath', { volumes: [{ hostPath: '', guestPath: '/x' }] }],
    ['volumes.0.guestPath', { volumes: [{ hostPath: '/a', guestPath: '/' }] }],
    ['volumes.0.guestPath', { volumes: [{ hostPath: '/a', guestPath: '/x/../y' }] }],
    ['volumes.0.guestPath', { volumes: [{ hostPath: '/a', guestPath: '/proc/x' }] }],
    [
      'volumes.1.guestPath',
      {
        volumes: [
          { hostPath: '/a', guestPath: '/x' },
          { hostPath: '/b', guestPath: '/x' },
        ],
      },
    ],
    [
      'volumes.1.guestPath',
      {
        volumes: [
          { hostPath: '/a', guestPath: '/x' },
          { hostPath: '/b', guestPath: 'x' },
        ],
      },
    ],
    ['volumes.0.mode', { volumes: [{ hostPath: '/a', guestPath: '/x', mode: 'ro' }] }],
    ['security.maxOpenFiles', { security: { maxOpenFiles: -1 } }],
    ['security.jail', { security: { jail: false } }],
    ['security.jailer', { security: { jailer: 'maybe' } }],
    ['security.jailer', { security: { jailer: 'required', jailerEnabled: false } }],
    ['security.seccomp', { security: { seccomp: 'diagnose', seccompEnabled: false } }],
    ['security.cpuQuota', { security: { cpuQuota: 0 } }],
    ['security.ioWeight', { security: { ioWeight: 10_001 } }],
    ['security.allowUnconfined', { security: { allowUnconfined: true } }],
    ['memory', { memory: 512 }],
    ['', null],
  ])('that is wrong is refused by its path: %s', async (field, options) => {
    const thrown = await failureOf(boxlite.create(options as BoxOptions));
    expect(thrown).toMatchObject({ code: 'invalid_argument', details: { field } });
    expect(await boxlite.list()).toEqual([]);
    expect(await readdir(join(home.home, 'boxes'))).toEqual([]);
  });

  it('is also checked when a SimpleBox is made, before anything exists', () => {
    expect(() => new SimpleBox({ cpus: 0 })).toThrow(
      expect.objectContaining({ code: 'invalid_argument', details: { field: 'cpus' } }),
    );
  });

  it('with the name of another box is refused, and the other one is untouched', async () => {
    const first = await boxlite.create({ name: 'taken' });
    expect(await failureOf(boxlite.create({ name: 'taken' }))).toMatchObject({
      code: 'already_exists',
      details: { field: 'name' },
    });
    expect((await boxlite.list()).map(({ id }) => id)).toEqual([first.id]);
    await boxlite.remove(first.id);
  });

  it('naming no known VMM is refused with those there are', async () => {
    await startFails({ vmm: 'nope' }, { code: 'plugin_unknown', hint: /qemu/, details: { field: 'vmm' } });
  });

  it('of memory too small to boot is refused before anything is spawned', async () => {
    await startFails({ memoryMib: 8 }, { code: 'resource_exhausted', details: { field: 'memoryMib' } });
  });

  it('of more CPUs than the machine can have is refused before anything is spawned', async () => {
    await startFails({ cpus: 255 }, { code: 'unsupported', details: { field: 'cpus' } });
  });
});

describe('a volume', () => {
  const volume = (hostPath: string): BoxOptions => ({ volumes: [{ hostPath, guestPath: '/data' }] });
  const refusal = (path: string) => ({
    code: 'config_error',
    message: new RegExp(`volume ${JSON.stringify(path)}`),
    details: { field: 'volumes.0.hostPath', path },
  });

  it('that does not exist is a configuration error naming the path', async () => {
    await startFails(volume('/no/such/directory'), refusal('/no/such/directory'));
  });

  it('that is neither a directory nor a plain file is a configuration error naming the path', async () => {
    const path = join(home.home, 'a-fifo');
    execFileSync('mkfifo', [path]);
    await startFails(volume(path), refusal(path));
  });

  it.each([
    ['/', () => '/'],
    ["the user's home", () => homedir()],
    ['the BoxLite home', () => home.home],
    ['a directory of the BoxLite home', () => join(home.home, 'db')],
    ['a parent of the BoxLite home', () => join(home.home, '..')],
  ])('that is %s is refused', async (_what, path) => {
    await startFails(volume(path()), { code: 'config_error', details: { field: 'volumes.0.hostPath' } });
  });
});

/** Starts a box that must fail, and checks that only its record and its directory are left, until it is removed. */
async function startFails(options: BoxOptions, expected: object): Promise<void> {
  const box = await boxlite.create(options);
  const thrown = await failureOf(box.start());
  expect({ code: thrown.code, message: thrown.message, hint: thrown.hint, details: thrown.details }).toMatchObject(
    asMatchers(expected),
  );
  expect(await box.info()).toMatchObject({ status: 'failed', pid: null, errorReason: thrown.message });
  expect(leftoversOf(home.home).processes).toEqual([]);
  await boxlite.remove(box.id);
  expect(await readdir(join(home.home, 'boxes'))).toEqual([]);
  expect(leftoversOf(home.home)).toEqual({ processes: [], links: [] });
}

function asMatchers(expected: object): object {
  const matched = Object.entries(expected).map(([name, value]) => [
    name,
    value instanceof RegExp ? expect.stringMatching(value) : value,
  ]);
  return Object.fromEntries(matched);
}
