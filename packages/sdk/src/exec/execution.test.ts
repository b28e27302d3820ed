import { BoxliteError } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { collect, type ExecStatus, type Execution } from './execution.js';

interface Script {
  readonly stdout?: readonly string[];
  readonly stderr?: readonly string[];
  readonly status?: Promise<ExecStatus>;
  readonly write?: (bytes: Uint8Array) => Promise<void>;
}

function scripted({ stdout = [], stderr = [], status, write }: Script) {
  const seen = { killed: 0, ended: 0 };
  const encode = async function* (texts: readonly string[]) {
    for (const text of texts) yield new TextEncoder().encode(text);
  };
  const execution: Execution = {
    id: 'x',
    stdin: {
      write: write ?? (async () => undefined),
      end: async () => {
        seen.ended += 1;
      },
    },
    stdout: encode(stdout),
    stderr: encode(stderr),
    wait: () => status ?? Promise.resolve({ exitCode: 0, timedOut: false }),
    signal: async () => undefined,
    kill: async () => {
      seen.killed += 1;
    },
    resize: async () => undefined,
    detach: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  return { execution, seen };
}

describe('collecting a command', () => {
  it('keeps stdout and stderr apart and in order', async () => {
    const { execution, seen } = scripted({ stdout: ['a', 'b'], stderr: ['x', 'y'] });
    const result = await collect(execution);
    expect(Buffer.from(result.stdout).toString()).toBe('ab');
    expect(Buffer.from(result.stderr).toString()).toBe('xy');
    expect(result.exitCode).toBe(0);
    expect(seen.ended).toBe(1);
  });

  it('does not hang on input that the command never reads', async () => {
    const { execution } = scripted({ write: () => new Promise(() => undefined) });
    expect((await collect(execution, { input: 'ignored' })).exitCode).toBe(0);
  });

  it('takes a command that closes its stdin early as it is', async () => {
    const closed = async () => {
      throw new BoxliteError('stopped', 'the command has closed its stdin');
    };
    const { execution, seen } = scripted({ write: closed, stdout: ['out'] });
    expect((await collect(execution, { input: 'too much' })).exitCode).toBe(0);
    expect(seen.killed).toBe(0);
  });

  it('kills the command when it is aborted', async () => {
    const { execution, seen } = scripted({ status: new Promise(() => undefined) });
    const abort = new AbortController();
    const collecting = collect(execution, { signal: abort.signal });
    abort.abort();
    await expect(collecting).rejects.toMatchObject({ code: 'aborted' });
    expect(seen.killed).toBe(1);
    await expect(collect(execution, { signal: abort.signal })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('kills a command that writes more than was asked for, and says which option to raise', async () => {
    const { execution, seen } = scripted({ stdout: ['12345'] });
    await expect(collect(execution, { maxOutputBytes: 4 })).rejects.toMatchObject({
      code: 'resource_exhausted',
      details: { field: 'maxOutputBytes' },
    });
    expect(seen.killed).toBe(1);
  });
});
