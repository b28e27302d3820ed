import type { GuestExecution } from '@boxlite/guest-agent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Box, bootBox, finish } from './support/box.js';
import { failure } from './support/failure.js';
import { readUntil } from './support/read-until.js';

let box: Box;
beforeAll(async () => {
  box = await bootBox();
});
afterAll(() => box?.[Symbol.asyncDispose]());

const tty = { rows: 24, cols: 80 };

describe('a command on a terminal', () => {
  it('has a terminal of the size asked for, named in its own /dev/pts, and TERM', async () => {
    const { stdout } = await box.sh('stty size; tty; echo $TERM; test -t 0 -a -t 1 -a -t 2 && echo all', {
      tty: { rows: 33, cols: 101 },
    });
    expect(stdout).toMatch(/^33 101\r\n\/dev\/pts\/\d+\r\nxterm\r\nall\r\n$/);
  });

  it('has its stderr merged into stdout', async () => {
    expect(await box.sh('echo out; echo err >&2', { tty })).toMatchObject({ stdout: 'out\r\nerr\r\n', stderr: '' });
  });

  it('learns of a new size by SIGWINCH', async () => {
    const execution = await box.client.exec({
      argv: ['sh', '-c', 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.1; done'],
      tty,
    });
    const output = await readUntil(execution.stdout, 'ready\r\n');
    await execution.resize(50, 132);
    expect(await output.until('50 132\r\n')).toContain('50 132');
    output.rest();
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
  });

  it('is interrupted by the character for it', async () => {
    const execution = await box.client.exec({ argv: ['sh', '-c', 'echo ready; sleep 1000'], tty });
    const output = await readUntil(execution.stdout, 'ready\r\n');
    await execution.stdin.write(Buffer.from([3]));
    output.rest();
    expect(await execution.wait()).toMatchObject({ signal: 2 });
  });

  it('echoes what is typed and sees the end of its input', async () => {
    const execution = await box.client.exec({ argv: ['cat'], tty, stdin: true });
    await execution.stdin.write(Buffer.from('typed\n'));
    await execution.stdin.end();
    expect(await finish(execution)).toMatchObject({ exitCode: 0, stdout: 'typed\r\ntyped\r\n' });
  });

  it('hangs up when its session ends, so that processes on it end too', async () => {
    const { stdout } = await box.sh('sleep 1234 & echo started', { tty });
    expect(stdout).toBe('started\r\n');
    expect((await box.sh('ps | grep -c "[s]leep 1234"')).stdout).toBe('0\n');
  });

  it('leaves nothing behind: a hundred terminals one after the other', async () => {
    for (let round = 0; round < 100; round++) await box.run(['true'], { tty });
    expect((await box.sh('ls /dev/pts')).stdout).toBe('ptmx\n');
  });
});

describe('a command without a terminal', () => {
  it('cannot be resized', async () => {
    const execution: GuestExecution = await box.client.exec({ argv: ['sleep', '1000'] });
    expect(await failure(execution.resize(1, 1))).toMatchObject({ code: 'invalid_state' });
    await execution.signal(9);
    await execution.wait();
  });
});
