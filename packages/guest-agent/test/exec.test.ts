import { BoxliteError } from '@boxlite/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Box, bootBox, finish } from './support/box.js';
import { failure } from './support/failure.js';
import { guestMachine } from './support/guest-machine.js';

let box: Box;
beforeAll(async () => {
  box = await bootBox({
    init: { env: { FROM_INIT: '1', BOTH: 'init' } },
    decorate: async (root) => {
      const { mkdir, writeFile } = await import('node:fs/promises');
      await writeFile(`${root}/bin/no-interpreter`, '#!/bin/missing\n', { mode: 0o755 });
      await writeFile(`${root}/bin/no-format`, 'plain text\n', { mode: 0o755 });
      await writeFile(`${root}/bin/no-mode`, '#!/bin/sh\n', { mode: 0o644 });
      await mkdir(`${root}/bin/a-directory`);
    },
  });
});
afterAll(() => box?.[Symbol.asyncDispose]());

describe('the hello of a booted agent', () => {
  it('carries generation, kernel and timings in microseconds, and no boot id: the machine has none before init', async () => {
    const hello = await box.client.hello;
    expect(hello).toMatchObject({ generation: 1, architecture: guestMachine.architecture, initialized: false });
    expect(hello).toMatchObject({ bootId: '', quiesced: false });
    expect(hello.kernelRelease).toMatch(/^\d+\.\d+/);
    expect(hello.capabilities).toEqual(
      expect.arrayContaining(['init', 'exec', 'signal', 'resize', 'ping', 'shutdown']),
    );
    expect(hello.kernelBootUs).toBeGreaterThan(10_000);
    expect(hello.agentStartUs).toBeGreaterThan(0);
    expect(hello.agentStartUs).toBeLessThan(5_000_000);
  });

  it('is answered to a ping as often as one likes', async () => {
    for (let round = 0; round < 20; round++) await box.client.ping();
  });
});

describe('exec', () => {
  it('keeps stdout and stderr apart and reports the exit status', async () => {
    expect(await box.sh('echo out; echo err >&2; exit 7')).toEqual({
      exitCode: 7,
      timedOut: false,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('passes arguments as they are, also empty ones and bytes beyond ASCII', async () => {
    const { stdout } = await box.run([
      'sh',
      '-c',
      'for a; do echo "[$a]"; done',
      'sh',
      '',
      'a b',
      'zürich 東京',
      '$HOME',
    ]);
    expect(stdout).toBe('[]\n[a b]\n[zürich 東京]\n[$HOME]\n');
  });

  it('takes arguments far beyond one frame, up to what Linux takes', async () => {
    const argv = Array.from({ length: 6 }, (_, index) => String(index).repeat(120_000));
    const { stdout } = await box.run(['sh', '-c', 'for a; do echo ${#a}; done', 'sh', ...argv]);
    expect(stdout).toBe('120000\n'.repeat(6));
    const tooLong = await failure(box.run(['true', 'x'.repeat(200_000)]));
    expect(tooLong).toMatchObject({ code: 'invalid_argument', details: { field: 'argv', errno: 7 } });
  });

  it('reports the signal that killed a command', async () => {
    expect(await box.sh('kill -USR1 $$')).toMatchObject({ exitCode: 0, signal: 10 });
  });

  it('delivers a signal to a running command', async () => {
    const execution = await box.client.exec({
      argv: ['sh', '-c', 'trap "echo caught; exit 5" TERM; echo ready; sleep 100 & wait'],
    });
    const [chunk] = await firstChunk(execution.stdout);
    expect(chunk).toBe('ready\n');
    await execution.signal(15);
    expect(await execution.wait()).toEqual({ exitCode: 5, timedOut: false });
    await expect(failure(execution.signal(15))).resolves.toMatchObject({ code: 'not_found' });
  });

  it('gives each command its own process group, which a signal can address', async () => {
    const execution = await box.client.exec({ argv: ['sh', '-c', 'echo $$; sleep 101 & wait'] });
    const [line] = await firstChunk(execution.stdout);
    expect(Number(line)).toBe(execution.pid);
    await execution.signal(9, { group: true });
    expect(await execution.wait()).toMatchObject({ signal: 9 });
    expect((await box.sh('ps | grep -c "[s]leep 101"')).stdout).toBe('0\n');
  });

  it('reads end-of-file from stdin unless it was asked for', async () => {
    expect(await box.run(['cat'])).toMatchObject({ exitCode: 0, stdout: '' });
  });

  it('feeds stdin until it is ended', async () => {
    const execution = await box.client.exec({ argv: ['cat'], stdin: true });
    await execution.stdin.write(Buffer.from('one '));
    await execution.stdin.write(Buffer.from('two'));
    await execution.stdin.end();
    expect(await finish(execution)).toMatchObject({ exitCode: 0, stdout: 'one two' });
  });

  it('says that a command has started before it says that its stdin is closed, also when both have happened already', async () => {
    const brief = Array.from({ length: 100 }, () => box.client.exec({ argv: ['true'], stdin: true }));
    for (const execution of await Promise.all(brief)) expect((await execution.wait()).exitCode).toBe(0);
  });

  it('rejects a write once the command has closed its stdin', async () => {
    const execution = await box.client.exec({ argv: ['sh', '-c', 'exec 0<&-; echo closed; sleep 100'], stdin: true });
    await firstChunk(execution.stdout);
    const endless = async () => {
      for (;;) await execution.stdin.write(Buffer.alloc(65536));
    };
    await expect(failure(endless())).resolves.toMatchObject({ code: 'stopped' });
    await execution.signal(9);
    await execution.wait();
  });

  it('ends a command at its time limit, and one that ignores SIGTERM two seconds later', async () => {
    expect(await box.run(['sleep', '100'], { timeoutMs: 100 })).toMatchObject({ signal: 15, timedOut: true });
    const begun = performance.now();
    const stubborn = await box.sh('trap "" TERM; sleep 100; sleep 100; sleep 100', { timeoutMs: 100 });
    expect(stubborn).toMatchObject({ signal: 9, timedOut: true });
    expect(performance.now() - begun).toBeGreaterThan(2000);
  });

  it('ends within a bounded time although a process left behind holds the output open, and lets that process live', async () => {
    // It waits for what only happens after the command has been seen to end.
    const left = '(until test -e /tmp/ended; do sleep 0.1; done; echo late; touch /tmp/survived) & echo now';
    expect(await box.sh(left)).toMatchObject({ exitCode: 0, stdout: 'now\n' });
    expect(await box.sh('touch /tmp/ended')).toMatchObject({ exitCode: 0 });
    expect(
      (await box.sh('until test -e /tmp/survived; do sleep 0.1; done; echo yes', { timeoutMs: 10_000 })).stdout,
    ).toBe('yes\n');
  });

  it("leaves no zombies: orphans are reaped by the container's init", async () => {
    await box.sh('(sleep 0.2 &) ; (true &) ; true');
    const { stdout } = await box.sh('until ! ps | grep -q "[s]leep 0.2"; do sleep 0.1; done; ps -o stat,args', {
      timeoutMs: 10_000,
    });
    expect(stdout.split('\n').filter((line) => line.startsWith('Z'))).toEqual([]);
  });

  it('runs 256 commands at a time and refuses the next', async () => {
    const running = await Promise.all(Array.from({ length: 256 }, () => box.client.exec({ argv: ['sleep', '1000'] })));
    await expect(failure(box.run(['true']))).resolves.toMatchObject({ code: 'resource_exhausted' });
    for (const execution of running) void execution.signal(9);
    for (const execution of running) expect(await execution.wait()).toMatchObject({ signal: 9 });
    expect(await box.run(['true'])).toMatchObject({ exitCode: 0 });
  });
});

describe('the environment of a command', () => {
  it('is that of init, overridden by its own, with PATH, HOME and HOSTNAME of the container', async () => {
    const { stdout } = await box.run(['env'], { env: { BOTH: 'exec', OWN: 'x=y' } });
    expect(stdout.trim().split('\n').sort()).toEqual([
      'BOTH=exec',
      'FROM_INIT=1',
      'HOME=/root',
      'HOSTNAME=testbox',
      'OWN=x=y',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ]);
  });

  it('takes the last of several entries of a list', async () => {
    expect((await box.sh('echo $A', { env: ['A=1', 'A=2'] })).stdout).toBe('2\n');
  });

  it('decides by PATH which command is meant', async () => {
    expect(await box.run(['busybox', 'true'], { env: { PATH: '/nowhere:/bin' } })).toMatchObject({ exitCode: 0 });
    const missing = await failure(box.run(['busybox'], { env: { PATH: '/nowhere' } }));
    expect(missing).toMatchObject({ code: 'command_not_found' });
  });
});

describe('the user of a command', () => {
  it.each([
    [undefined, 'uid=0(root) gid=0(root) groups=10(wheel)', '/root'],
    ['alice', 'uid=1000(alice) gid=1000(alice) groups=10(wheel),44(video)', '/home/alice'],
    ['1000', 'uid=1000(alice) gid=1000(alice) groups=10(wheel),44(video)', '/home/alice'],
    ['alice:staff', 'uid=1000(alice) gid=50(staff)', '/home/alice'],
    ['1000:7', 'uid=1000(alice) gid=7', '/home/alice'],
    ['alice:', 'uid=1000(alice) gid=1000(alice) groups=10(wheel),44(video)', '/home/alice'],
    ['4242', 'uid=4242 gid=0(root)', '/'],
    ['4242:4243', 'uid=4242 gid=4243', '/'],
  ])('%s is resolved from the passwd and group files of the image', async (user, id, home) => {
    const { stdout } = await box.sh('id; echo $HOME', user === undefined ? {} : { user });
    expect(stdout).toBe(`${id}\n${home}\n`);
  });

  it.each(['nobody-here', 'alice:no-group', '4294967295', '-1', 'alice:4294967295'])('%s is refused', async (user) => {
    await expect(failure(box.run(['true'], { user }))).resolves.toMatchObject({
      code: 'user_not_found',
      details: { field: 'user' },
    });
  });
});

describe('the working directory of a command', () => {
  it('is the root unless something else is asked for', async () => {
    expect((await box.run(['pwd'])).stdout).toBe('/\n');
    expect((await box.run(['pwd'], { cwd: '/home/alice' })).stdout).toBe('/home/alice\n');
  });

  it.each(['/no/such', '/etc/passwd'])('%s is refused', async (cwd) => {
    await expect(failure(box.run(['true'], { cwd }))).resolves.toMatchObject({ code: 'cwd_not_found' });
  });

  it('cannot be a descriptor of the agent', async () => {
    for (let fd = 3; fd < 24; fd++) {
      const error = await failure(box.run(['true'], { cwd: `/proc/self/fd/${fd}` }));
      expect(error).toMatchObject({ code: 'cwd_not_found' });
    }
  });
});

describe('a command that cannot run', () => {
  it.each([
    ['no-such-command', 'command_not_found'],
    ['/no/such/path', 'command_not_found'],
    ['no-interpreter', 'command_not_found'],
    ['no-format', 'command_not_executable'],
    ['no-mode', 'command_not_executable'],
    ['/bin/a-directory', 'command_not_executable'],
    ['/etc/passwd', 'command_not_executable'],
  ])('%s is the error %s', async (command, code) => {
    const error = await failure(box.run([command]));
    expect(error).toMatchObject({ code, details: { field: 'argv' } });
    expect(error.message).toContain(command);
    expect(BoxliteError.isInstance(error) && error.hint).toBeTruthy();
  });
});

async function firstChunk(output: AsyncIterable<Uint8Array>): Promise<[string, AsyncIterator<Uint8Array>]> {
  const iterator = output[Symbol.asyncIterator]();
  const { value } = await iterator.next();
  return [Buffer.from(value ?? []).toString(), iterator];
}
