import { mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfinedCommand, Sandbox, SandboxContext } from '@boxlite/core';
import { runConfined, SYSTEM_PATHS, spawnConfined } from '@boxlite/core/spawn';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let work: string;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'boxlite-spawn-test-'));
});
afterAll(() => rm(work, { recursive: true, force: true }));

const shell = (script: string, parts: Partial<ConfinedCommand> = {}): ConfinedCommand => ({
  binary: '/bin/sh',
  args: ['-c', script],
  env: {},
  pidReport: { kind: 'self' },
  ...parts,
});

/** A sandbox that confines nothing and keeps what it is asked. */
function open(parts: Partial<Sandbox> = {}) {
  const contexts: SandboxContext[] = [];
  const calls: string[] = [];
  const sandbox: Sandbox = {
    name: 'open',
    isAvailable: async () => ({ available: true }),
    setup: async (context) => {
      calls.push('setup');
      contexts.push(context);
      return { degradations: ['nothing is held'], layers: [{ name: 'view', state: 'inactive', detail: 'none' }] };
    },
    apply: (_context, command) => ({ ...command, pidReport: { kind: 'self' } }),
    teardown: async () => {
      calls.push('teardown');
    },
    ...parts,
  };
  return { sandbox, contexts, calls };
}

async function read(stream: AsyncIterable<unknown> | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

describe('spawnConfined', () => {
  it('gives data on its descriptors and the streams, and the command inherits nothing else', async () => {
    const child = await spawnConfined(
      shell('cat <&9; cat; exec 9<&-; for f in /proc/$$/fd/*; do readlink "$f"; done; true', {
        dataFds: [{ fd: 9, data: new TextEncoder().encode('data ') }],
      }),
    );
    child.stdin?.end('input ');
    const [texts, ...open] = (await read(child.stdout)).trim().split('\n');
    expect(texts).toMatch(/^data input pipe|^data input socket/);
    // The three streams; where this process itself inherited something, the command finds nothing there.
    expect(open.filter((target) => target !== '/dev/null')).toHaveLength(2);
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });

  it('leaves no file of the data behind, also where it cannot be started', async () => {
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith('boxlite-confined-'));
    const dataFds = [{ fd: 5, data: new Uint8Array(3) }];
    await (await spawnConfined(shell('true', { dataFds }))).exit;
    await expect(spawnConfined(shell('', { binary: '/not/there', dataFds }))).rejects.toMatchObject({
      code: 'command_not_found',
      hint: expect.any(String),
    });
    expect((await readdir(tmpdir())).filter((name) => name.startsWith('boxlite-confined-'))).toEqual(before);
    const open = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(String)),
    );
    expect(open.filter((target) => target.includes('boxlite-confined-'))).toEqual([]);
  });

  it('takes the report of bubblewrap and lets the command go only then', async () => {
    const script = 'echo "{\\"child-pid\\": $$, \\"x\\": 1}" >&3; exec 3>&-; read -r _ <&4; echo released';
    const child = await spawnConfined(shell(script, { pidReport: { kind: 'bubblewrap', infoFd: 3, blockFd: 4 } }));
    expect(child.pid).toBeGreaterThan(1);
    expect(await read(child.stdout)).toBe('released\n');
  });

  it.each(['', 'no json', '{"child-pid": "1; rm"}', '{"child-pid": 1}'])(
    'knows of no pid where the wrapper failed and reported %j',
    async (report) => {
      const child = await spawnConfined(
        shell(`printf '%s' '${report}' >&3; exit 7`, { pidReport: { kind: 'bubblewrap', infoFd: 3, blockFd: 4 } }),
      );
      expect(child.pid).toBeUndefined();
      expect((await child.exit).code).toBe(7);
    },
  );

  it('ends the command when the signal fires, first politely', async () => {
    const polite = new AbortController();
    const child = await spawnConfined(shell('trap "exit 3" TERM; echo up; while :; do sleep 0.1; done'), {
      signal: polite.signal,
    });
    child.stdout?.once('data', () => polite.abort());
    expect(await child.exit).toEqual({ code: 3, signal: null });
    const deaf = new AbortController();
    const stubborn = await spawnConfined(shell('trap "" TERM; echo up; while :; do sleep 0.1; done'), {
      signal: deaf.signal,
      graceMs: 50,
    });
    stubborn.stdout?.once('data', () => deaf.abort());
    expect(await stubborn.exit).toEqual({ code: null, signal: 'SIGKILL' });
    await expect(spawnConfined(shell('true'), { signal: deaf.signal })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('ends what the command left running, and close() waits for the end', async () => {
    const left = await spawnConfined(shell('sleep 1000 & echo $!'));
    // Ends only once nobody holds the pipe any more.
    const pid = Number(await read(left.stdout));
    // Gone, or a zombie nobody has reaped.
    expect(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '1 (gone) Z')).toMatch(/\) Z/);
    const running = await spawnConfined(shell('sleep 1000'));
    await running.close();
    await running.close();
    expect(running.kill()).toBe(false);
    expect(await running.exit).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('sets limits of the process, and refuses what only a supervisor does', async () => {
    const limited = shell('ulimit -n; ulimit -c', { rlimits: { maxOpenFiles: 77 } });
    const child = await spawnConfined(limited);
    expect(await read(child.stdout)).toBe('77\n0\n');
    await expect(spawnConfined(shell('true', { cgroupDir: '/sys/fs/cgroup/x' }))).rejects.toMatchObject({
      code: 'unsupported',
      details: { field: 'cgroupDir' },
    });
  });
});

describe('runConfined', () => {
  it('resolves to how the command ended, whatever its status, and tells what the sandbox said', async () => {
    const { sandbox, contexts, calls } = open();
    const result = await runConfined(
      sandbox,
      { command: ['sh', '-c', 'cat; echo "$A"; echo err >&2; exit 4'], env: { A: 'b' }, writable: [work] },
      { stdin: 'in ' },
    );
    expect(result).toMatchObject({ code: 4, signal: null, stdout: 'in b\n', stderr: 'err\n' });
    expect(result.degradations).toEqual(['nothing is held']);
    expect(result.layers).toHaveLength(1);
    expect(calls).toEqual(['setup', 'teardown']);
    expect(contexts[0]?.networkEnabled).toBe(false);
    expect(contexts[0]?.paths).toEqual(
      [...SYSTEM_PATHS.map((path) => ({ path, writable: false })), { path: work, writable: true }].sort((a, b) =>
        a.path < b.path ? -1 : 1,
      ),
    );
  });

  it('grants the program’s own file, with what its name is a link to, where nothing above it is granted', async () => {
    const program = join(work, 'program');
    await writeFile(program, '#!/bin/sh\necho here', { mode: 0o755 });
    await symlink(program, join(work, 'link'));
    const { sandbox, contexts } = open();
    const { stdout } = await runConfined(sandbox, { command: [join(work, 'link')], readable: ['/bin'] });
    expect(stdout).toBe('here\n');
    expect(contexts[0]?.paths.map(({ path }) => path)).toEqual(['/bin', join(work, 'link'), program]);
  });

  it('hides what exists alone, directories with a slash', async () => {
    const { sandbox, contexts } = open();
    await writeFile(join(work, 'key'), '');
    const hidden = [work, join(work, 'key'), join(work, 'none')];
    await runConfined(sandbox, { command: ['true'], hidden });
    expect(contexts[0]?.maskedPaths).toEqual([`${work}/`, join(work, 'key')]);
  });

  it('refuses where the sandbox is not available, with its remedy, and for bad requests', async () => {
    const { sandbox, calls } = open({ isAvailable: async () => ({ available: false, reason: 'old', remedy: 'new' }) });
    await expect(runConfined(sandbox, { command: ['true'] })).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      message: expect.stringContaining('old'),
      hint: 'new',
    });
    const ready = open();
    for (const writable of ['relative', '/a/../b', '/a/', '/a\0b']) {
      await expect(runConfined(ready.sandbox, { command: ['true'], writable: [writable] })).rejects.toMatchObject({
        code: 'invalid_argument',
        details: { field: 'writable[0]' },
      });
    }
    for (const name of ['not-there-at-all', './true', work]) {
      await expect(runConfined(ready.sandbox, { command: [name] })).rejects.toMatchObject({
        code: 'command_not_found',
      });
    }
    expect([...calls, ...ready.calls]).toEqual([]);
  });

  it('ends a command that writes without end, and tears the sandbox down', async () => {
    const { sandbox, calls } = open();
    await expect(runConfined(sandbox, { command: ['yes'] }, { maxOutputBytes: 1000 })).rejects.toMatchObject({
      code: 'resource_exhausted',
      details: { field: 'maxOutputBytes' },
    });
    expect(calls).toEqual(['setup', 'teardown']);
  });

  it('rejects when it was aborted', async () => {
    const signal = AbortSignal.timeout(50);
    await expect(runConfined(open().sandbox, { command: ['sleep', '1000'] }, { signal })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});
