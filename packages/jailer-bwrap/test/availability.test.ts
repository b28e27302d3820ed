import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginRegistry, type SandboxContext } from '@boxlite/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bwrapSandboxPlugin, createBwrapSandbox, diagnoseUserNamespaces, findBwrap } from '../src/index.js';

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'boxlite-bwrap-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

/** A program in place of bubblewrap. */
async function fake(name: string, script: string): Promise<string> {
  const path = join(work, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

const context: SandboxContext = { id: 'b', paths: [], resourceLimits: {}, networkEnabled: false };

describe('the bubblewrap sandbox is available', () => {
  it('where bwrap builds a view', async () => {
    expect(await createBwrapSandbox().isAvailable()).toEqual({ available: true });
  });

  it('not without bwrap, and says how to get it', async () => {
    const answer = await createBwrapSandbox({ searchPath: work }).isAvailable();
    expect(answer).toMatchObject({ available: false, reason: expect.stringContaining('not installed') });
    expect(answer.remedy).toContain('apt install bubblewrap');
  });

  it('not with a path that cannot be executed', async () => {
    const answer = await createBwrapSandbox({ bwrapPath: join(work, 'none') }).isAvailable();
    expect(answer).toMatchObject({ available: false, reason: expect.stringContaining('cannot be executed') });
  });

  it('not where the view cannot be built, with what bwrap said', async () => {
    const broken = await fake('broken', 'echo "bwrap: No permissions to create new namespace" >&2; exit 1');
    const answer = await createBwrapSandbox({ bwrapPath: broken }).isAvailable();
    expect(answer).toMatchObject({ available: false, reason: expect.stringContaining('No permissions') });
    expect(answer.remedy).toBeTruthy();
  });

  it('with a degradation where bwrap is too old to forbid further user namespaces', async () => {
    const old = await fake('old', 'for a; do [ "$a" = --disable-userns ] && exit 1; done; exit 0');
    const sandbox = createBwrapSandbox({ bwrapPath: old });
    expect(await sandbox.isAvailable()).toEqual({ available: true });
    expect((await sandbox.setup(context)).degradations.join()).toContain('user namespaces');
    const { dataFds } = sandbox.apply(context, { binary: '/x', args: [], env: {} });
    expect(Buffer.from(dataFds?.[0]?.data ?? []).toString()).not.toContain('--disable-userns');
  });

  it('and a failed look is not remembered: a remedy works without a restart', async () => {
    const later = join(work, 'later');
    const sandbox = createBwrapSandbox({ bwrapPath: later });
    expect((await sandbox.isAvailable()).available).toBe(false);
    await fake('later', 'exit 0');
    expect((await sandbox.isAvailable()).available).toBe(true);
  });
});

describe('why user namespaces do not work', () => {
  it.each([
    ['/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1\n', 'AppArmor', 'profile'],
    ['/proc/sys/kernel/unprivileged_userns_clone', '0\n', 'switched off', 'unprivileged_userns_clone=1'],
    ['/proc/sys/user/max_user_namespaces', '0\n', 'max_user_namespaces=0', 'sysctl user.max_user_namespaces'],
  ])('%s', async (file, text, reason, remedy) => {
    const diagnosis = await diagnoseUserNamespaces('bwrap: nope', async (asked) => (asked === file ? text : '5\n'));
    expect(diagnosis.reason).toContain(reason);
    expect(diagnosis.remedy).toContain(remedy);
  });

  it('nothing known: what bubblewrap said last', async () => {
    const diagnosis = await diagnoseUserNamespaces('first\nbwrap: last words\n', async () => undefined);
    expect(diagnosis.reason).toContain('bwrap: last words');
  });
});

describe('the bubblewrap sandbox refuses', () => {
  it.each<[string, Partial<SandboxContext>]>([
    ['sandboxProfile', { sandboxProfile: '/x.sb' }],
    ['symlinks', { symlinks: [{ path: '/run/link', target: '/x' }] }],
    ['paths', { paths: [{ path: '/', writable: false }] }],
    ['paths', { paths: [{ path: '/proc/1', writable: false }] }],
  ])('a context it cannot honour: %s', async (field, parts) => {
    await expect(createBwrapSandbox().setup({ ...context, ...parts })).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      details: { field },
    });
  });

  it('a NUL, which would become further options of bubblewrap', () => {
    const sandbox = createBwrapSandbox();
    const command = { binary: '/x', args: [], env: { A: 'x\0--bind\0/\0/' } };
    expect(() => sandbox.apply(context, command)).toThrowError(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('options that make no sense', () => {
    const refused = expect.objectContaining({ code: 'invalid_argument' });
    expect(() => createBwrapSandbox({ bwrapPath: 'bwrap' })).toThrowError(refused);
    expect(() => createBwrapSandbox({ tmpSizeBytes: 0 })).toThrowError(refused);
  });
});

describe('finding bwrap', () => {
  it('passes over relative entries of the search path and what cannot be executed', async () => {
    await fake('bwrap', 'exit 0');
    expect(await findBwrap(`.:relative::${work}`)).toBe(join(work, 'bwrap'));
    await chmod(join(work, 'bwrap'), 0o644);
    expect(await findBwrap(work)).toBeUndefined();
  });
});

describe('the bubblewrap plugin', () => {
  it('registers, probes and gives the sandbox it tried', async () => {
    const registry = new PluginRegistry();
    const plugin = bwrapSandboxPlugin();
    registry.register(plugin);
    expect(await plugin.probe()).toEqual({ available: true });
    expect(plugin.create(undefined).name).toBe('bwrap');
    const absent = await bwrapSandboxPlugin({ searchPath: '/nowhere' }).probe();
    expect(absent).toMatchObject({ available: false, reason: expect.any(String), remedy: expect.any(String) });
  });
});
