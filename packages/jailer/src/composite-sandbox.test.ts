import type { JailCommand, Sandbox, SandboxContext } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createCompositeSandbox } from './composite-sandbox.js';
import { createNoopSandbox } from './noop-sandbox.js';

const context: SandboxContext = { id: 'b', paths: [], resourceLimits: {}, networkEnabled: false };
const command: JailCommand = { binary: '/bin/x', args: ['1'], env: { A: 'b' } };

/** A wrapper like env(1): prefixes the command with itself, and keeps a record of its calls. */
function wrapper(
  name: string,
  parts: Partial<Sandbox> & { fd?: number; fork?: boolean } = {},
  calls: string[] = [],
): Sandbox {
  const { fd, fork, ...rest } = parts;
  return {
    name,
    isAvailable: async () => ({ available: true }),
    setup: async () => {
      calls.push(`setup ${name}`);
      return { degradations: [`${name} degraded`] };
    },
    apply: (_context, inner) => ({
      binary: `/bin/${name}`,
      args: [inner.binary, ...inner.args],
      env: inner.env,
      pidReport: fork ? { kind: 'bubblewrap', infoFd: 3, blockFd: 4 } : { kind: 'self' },
      ...(fd === undefined ? {} : { dataFds: [{ fd, data: new Uint8Array([fd]) }] }),
    }),
    teardown: async () => {
      calls.push(`teardown ${name}`);
    },
    ...rest,
  };
}

describe('a composite sandbox', () => {
  it('puts the first member outermost, joins names, and keeps what every member asked of the supervisor', () => {
    const sandbox = createCompositeSandbox([wrapper('outer', { fd: 7, fork: true }), wrapper('inner', { fd: 8 })]);
    expect(sandbox.name).toBe('outer+inner');
    expect(sandbox.apply(context, command)).toEqual({
      binary: '/bin/outer',
      args: ['/bin/inner', '/bin/x', '1'],
      env: { A: 'b' },
      pidReport: { kind: 'bubblewrap', infoFd: 3, blockFd: 4 },
      dataFds: [
        { fd: 7, data: new Uint8Array([7]) },
        { fd: 8, data: new Uint8Array([8]) },
      ],
    });
  });

  it('is unavailable as soon as one member is, with its name, reason and remedy', async () => {
    const missing = wrapper('b', {
      isAvailable: async () => ({ available: false, reason: 'gone', remedy: 'fetch it' }),
    });
    const answer = await createCompositeSandbox([wrapper('a'), missing]).isAvailable();
    expect(answer).toEqual({ available: false, reason: 'b: gone', remedy: 'fetch it' });
  });

  it('sets members up in order, tears them down in reverse, and collects degradations', async () => {
    const calls: string[] = [];
    const sandbox = createCompositeSandbox([wrapper('a', {}, calls), wrapper('b', {}, calls)]);
    expect((await sandbox.setup(context)).degradations).toEqual(['a degraded', 'b degraded']);
    await sandbox.teardown?.(context);
    expect(calls).toEqual(['setup a', 'setup b', 'teardown b', 'teardown a']);
  });

  it('undoes the members before one whose setup refuses', async () => {
    const calls: string[] = [];
    const refusing = wrapper('b', { setup: () => Promise.reject(new Error('no')) }, calls);
    await expect(createCompositeSandbox([wrapper('a', {}, calls), refusing]).setup(context)).rejects.toThrow('no');
    expect(calls).toEqual(['setup a', 'teardown a']);
  });

  it('refuses members that would get into each other’s way', async () => {
    const both = [wrapper('a', { fork: true }), wrapper('b', { fork: true })];
    const same = [wrapper('a', { fd: 9 }), wrapper('b', { fd: 9 })];
    for (const members of [both, same]) {
      await expect(createCompositeSandbox(members).setup(context)).rejects.toMatchObject({
        code: 'sandbox_unavailable',
      });
    }
  });

  it('tells a member inside a view nothing of what the view does, and has the view show the programs of those inside', async () => {
    const seen: Record<string, SandboxContext[]> = { view: [], inner: [] };
    const watching = (name: string, parts: Partial<Sandbox>): Sandbox => {
      const plain = wrapper(name, parts);
      return {
        ...plain,
        setup: (given) => {
          seen[name]?.push(given);
          return plain.setup(given);
        },
        apply: (given, inner) => {
          seen[name]?.push(given);
          return plain.apply(given, inner);
        },
      };
    };
    const full: SandboxContext = {
      ...context,
      paths: [
        { path: '/a', writable: true },
        { path: '/z', writable: false },
      ],
      maskedPaths: ['/a/b/'],
      symlinks: [{ path: '/tmp/l', target: '/a' }],
      runAs: { uid: 1, gid: 2 },
      temporaryDirectory: '/a',
      userNamespace: { fd: 9 },
      viewTree: { fd: 9 },
    };
    const members = [
      watching('view', { buildsView: true, joinsUserNamespace: true, takesViewTree: true }),
      watching('inner', { programs: ['/helper'] }),
    ];
    const sandbox = createCompositeSandbox(members);
    await sandbox.setup(full);
    sandbox.apply(full, command);
    for (const { paths, ...rest } of seen.view ?? []) {
      const { paths: _paths, ...given } = full;
      expect(rest).toEqual(given);
      expect(paths.map(({ path }) => path).filter((path) => path !== '/helper')).toEqual(['/a', '/z']);
    }
    expect(seen.view?.at(-1)?.paths[1]).toEqual({ path: '/helper', writable: false });
    expect(seen.inner?.at(-1)).toEqual({ ...context, paths: full.paths, insideView: true });
    expect(sandbox).toMatchObject({
      buildsView: true,
      joinsUserNamespace: true,
      takesViewTree: true,
      programs: ['/helper'],
    });
    expect(sandbox.givesHostIds).toBeUndefined();
  });

  it('gives a member that is not inside a view everything', async () => {
    const seen: SandboxContext[] = [];
    const inner = wrapper('inner', {
      givesHostIds: true,
      setup: async (given) => {
        seen.push(given);
        return { degradations: [] };
      },
    });
    const full: SandboxContext = { ...context, maskedPaths: ['/a/'] };
    await createCompositeSandbox([wrapper('outer'), inner]).setup(full);
    expect(seen).toEqual([full]);
  });

  it('collects the layers of its members', async () => {
    const layer = (name: 'view' | 'landlock') => ({ name, state: 'active', detail: name }) as const;
    const members = (['view', 'landlock'] as const).map((name) =>
      wrapper(name, { setup: async () => ({ degradations: [], layers: [layer(name)] }) }),
    );
    expect((await createCompositeSandbox(members).setup(context)).layers).toEqual([layer('view'), layer('landlock')]);
  });

  describe('with members it may do without', () => {
    const gone = { isAvailable: async () => ({ available: false, reason: 'no such module', remedy: 'build it' }) };

    it('leaves out what is not there, and tells so', async () => {
      const sandbox = createCompositeSandbox([wrapper('outer'), wrapper('landlock', gone)], { optional: ['landlock'] });
      expect(await sandbox.isAvailable()).toEqual({ available: true });
      const { degradations, layers } = await sandbox.setup(context);
      expect(degradations).toEqual(['not confined by landlock: no such module; build it', 'outer degraded']);
      expect(layers).toEqual([{ name: 'landlock', state: 'inactive', detail: 'no such module' }]);
      expect(sandbox.apply(context, command)).toMatchObject({ binary: '/bin/outer', args: ['/bin/x', '1'] });
    });

    it('needs the others, and does not confine less where one of them is missing', async () => {
      const sandbox = createCompositeSandbox([wrapper('outer', gone), wrapper('landlock', gone)], {
        optional: ['landlock'],
      });
      expect(await sandbox.isAvailable()).toEqual({
        available: false,
        reason: 'outer: no such module',
        remedy: 'build it',
      });
      await expect(sandbox.setup(context)).rejects.toMatchObject({ code: 'sandbox_unavailable', hint: 'build it' });
      expect(sandbox.apply(context, command)).toMatchObject({
        binary: '/bin/outer',
        args: ['/bin/landlock', '/bin/x', '1'],
      });
    });

    it('of which all are: takes what there is, one at least', async () => {
      const one = createCompositeSandbox(
        [wrapper('a', { ...gone, buildsView: true }), wrapper('b', { givesHostIds: true })],
        {
          optional: 'all',
        },
      );
      expect(await one.isAvailable()).toEqual({ available: true });
      expect(one.apply(context, command).binary).toBe('/bin/b');
      expect([one.buildsView, one.givesHostIds]).toEqual([undefined, true]);
      const none = createCompositeSandbox([wrapper('a', gone), wrapper('b', gone)], { optional: 'all' });
      expect((await none.isAvailable()).available).toBe(false);
    });

    it('takes a member up again once it is there', async () => {
      let isThere = false;
      const later = wrapper('landlock', { isAvailable: async () => ({ available: isThere, reason: 'not yet' }) });
      const sandbox = createCompositeSandbox([wrapper('outer'), later], { optional: ['landlock'] });
      await sandbox.setup(context);
      expect(sandbox.apply(context, command).args[0]).toBe('/bin/x');
      isThere = true;
      await sandbox.setup(context);
      expect(sandbox.apply(context, command).args[0]).toBe('/bin/landlock');
    });
  });

  it('of nothing is refused', () => {
    expect(() => createCompositeSandbox([])).toThrowError(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('the noop sandbox', () => {
  it('leaves a command as it is', () => {
    expect(createNoopSandbox().apply(context, command)).toEqual({ ...command, pidReport: { kind: 'self' } });
  });
});
