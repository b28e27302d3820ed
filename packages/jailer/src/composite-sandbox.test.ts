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

  it('of nothing is refused', () => {
    expect(() => createCompositeSandbox([])).toThrowError(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('the noop sandbox', () => {
  it('leaves a command as it is', () => {
    expect(createNoopSandbox().apply(context, command)).toEqual({ ...command, pidReport: { kind: 'self' } });
  });
});
