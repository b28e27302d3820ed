import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectUserNamespaceFacts } from '../src/doctor/user-namespace-facts.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'boxlite-doctor-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function record(files: Readonly<Record<string, string>>, mode = 0o644): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text, { mode });
  }
}

describe('collectUserNamespaceFacts', () => {
  it('reads the settings of a host that has them all, and of one that has none', async () => {
    const host = { root, searchPath: '', uid: 1000 };
    expect(await collectUserNamespaceFacts(host)).toEqual({
      uid: 1000,
      maxUserNamespaces: undefined,
      unprivilegedUsernsClone: undefined,
      apparmorRestriction: undefined,
      apparmorEnabled: false,
      apparmorProfile: undefined,
      attempt: undefined,
    });
    await record({
      '/proc/sys/user/max_user_namespaces': '31000\n',
      '/proc/sys/kernel/unprivileged_userns_clone': '0\n',
      '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1\n',
      '/sys/module/apparmor/parameters/enabled': 'Y\n',
      '/proc/self/attr/apparmor/current': 'unconfined\n',
    });
    expect(await collectUserNamespaceFacts(host)).toMatchObject({
      maxUserNamespaces: 31_000,
      unprivilegedUsernsClone: 0,
      apparmorRestriction: 1,
      apparmorEnabled: true,
      apparmorProfile: undefined,
    });
  });

  it('really makes one with the programs of this machine', async () => {
    const { attempt } = await collectUserNamespaceFacts({ searchPath: process.env.PATH ?? '', uid: 0 });
    expect(attempt).toMatchObject({ program: expect.stringMatching(/\/unshare$/), worked: true });
  });

  it('asks bubblewrap when unshare is refused, because a profile may let it alone, and keeps what it said', async () => {
    await record({ '/bin/unshare': '#!/bin/sh\necho unshare: denied >&2; exit 1\n' }, 0o755);
    const host = { root, searchPath: `relative:${join(root, 'bin')}`, uid: 1000 };
    expect((await collectUserNamespaceFacts(host)).attempt).toEqual({
      program: join(root, 'bin/unshare'),
      worked: false,
      said: 'unshare: denied',
    });
    await record({ '/bin/bwrap': '#!/bin/sh\nexit 0\n' }, 0o755);
    expect((await collectUserNamespaceFacts(host)).attempt).toMatchObject({
      program: join(root, 'bin/bwrap'),
      worked: true,
    });
  });
});
