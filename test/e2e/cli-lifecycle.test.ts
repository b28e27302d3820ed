import { stat } from 'node:fs/promises';
import { Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNothingLeft } from '../support/leftovers.js';
import { cliOnTerminal } from '../support/on-terminal.js';
import { patience } from '../support/patience.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

interface Info {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly running: boolean;
  readonly pid: number | null;
  readonly image: string;
  readonly directory: string;
}

let home: TemporaryHome;

beforeAll(async () => {
  home = await temporaryHome();
});

afterAll(async () => {
  await home.end();
});

const cli = (...args: string[]) => runCli(args, { home: home.home });
const output = async (...args: string[]) => {
  const { stdout, stderr, status } = await cli(...args);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout.toString();
};
const list = async () => JSON.parse(await output('ls', '--json')) as Info[];
const inspect = async (box: string) => (JSON.parse(await output('inspect', box)) as Info[])[0] as Info;

describe('a box from create to rm', () => {
  let id: string;

  beforeAll(async () => {
    id = (await output('create', '--name', 'life', '--', 'sh', '-c', 'exit 9')).trim();
  });

  it('is recorded by create and not started', async () => {
    expect(id).toMatch(/^[0-9A-Za-z]{12}$/);
    expect(await list()).toMatchObject([{ id, name: 'life', status: 'configured', running: false, pid: null }]);
  });

  it('runs after start; starting it again changes nothing', async () => {
    expect(await output('start', 'life')).toBe('life\n');
    const first = await inspect('life');
    expect(first).toMatchObject({ id, status: 'running', running: true });
    expect(await output('start', id)).toBe(`${id}\n`);
    expect((await inspect('life')).pid).toBe(first.pid);
  });

  it('is found by name, by id, and by the beginning of its id', async () => {
    for (const handle of ['life', id, id.slice(0, 5)]) expect((await inspect(handle)).id).toBe(id);
  });

  it('passes environment, directory, user, stdin and status of exec on', async () => {
    const options = ['-i', '-e', 'A=b', '-w', '/tmp', '-u', 'nobody'];
    const script = 'echo $A; pwd; id -un; cat; exit 6';
    const result = await runCli(['exec', ...options, 'life', 'sh', '-c', script], {
      home: home.home,
      input: Buffer.from('from stdin'),
    });
    expect(result).toMatchObject({ status: 6, stderr: '' });
    expect(result.stdout.toString()).toBe('b\n/tmp\nnobody\nfrom stdin');
    expect(await output('exec', 'life', '--', 'echo', '--', '-e')).toBe('-- -e\n');
  });

  it('gives exec -it a terminal', async () => {
    const terminal = cliOnTerminal(['exec', '-it', 'life', 'sh', '-c', 'stty size; read line; echo "<$line>"'], {
      home: home.home,
      rows: 31,
      columns: 99,
    });
    await terminal.shows('31 99');
    terminal.type('typed\r');
    await terminal.shows('<typed>');
    expect(await terminal.ended).toMatchObject({ status: 0, restored: true });
  });

  it('leaves a command of exec -d running', async () => {
    await output('exec', '-d', 'life', 'sleep', '4321');
    expect(await output('exec', 'life', 'ps')).toContain('sleep 4321');
  });

  it('gives 127, 126 and 125 of exec as Docker does', async () => {
    expect((await cli('exec', 'life', 'no-such-command')).status).toBe(127);
    expect((await cli('exec', 'life', '/etc/passwd')).status).toBe(126);
    expect((await cli('exec', 'no-such-box', 'true')).status).toBe(125);
  });

  it('keeps its files over stop and the start that exec makes by itself', async () => {
    await output('exec', 'life', 'sh', '-c', 'echo kept > /root/file');
    expect(await output('stop', 'life')).toBe('life\n');
    expect(await inspect('life')).toMatchObject({ status: 'stopped', running: false, pid: null });
    expect(await output('exec', 'life', 'cat', '/root/file')).toBe('kept\n');
    expect((await inspect('life')).running).toBe(true);
  });

  it('is not removed while it runs, unless by force, and then with its files', async () => {
    const { directory } = await inspect('life');
    const refused = await cli('rm', 'life');
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stderr).toContain('box life is running\n  hint: ');
    expect(await output('rm', '-f', 'life')).toBe('life\n');
    expect(await list()).toEqual([]);
    await expect(stat(directory)).rejects.toMatchObject({ code: 'ENOENT' });
    await expectNothingLeft(home.home);
  });
});

describe('a detached box', () => {
  it('serves several later processes at once, and any of them stops it', async () => {
    const id = (await output('run', '-d', '--name', 'shared', '--', 'sleep', '4321')).trim();
    // Each waits for the file of the next, the last one for nothing: they only end when all run at the same time.
    const turn = (own: number, next: number) =>
      `touch /tmp/${own}; while [ ! -e /tmp/${next} ]; do sleep 0.1; done; echo ${own}`;
    const together = [1, 2, 3].map((own) => output('exec', 'shared', 'sh', '-c', turn(own, (own % 3) + 1)));
    expect(await Promise.all(together)).toEqual(['1\n', '2\n', '3\n']);
    expect(await output('exec', 'shared', 'ps')).toContain('sleep 4321');
    expect(await output('stop', 'shared')).toBe('shared\n');
    await expectNoProcess();
    expect(await output('rm', id)).toBe(`${id}\n`);
  });

  it('ends the exec of another process when it is stopped', async () => {
    await output('run', '-d', '--name', 'ended', '--', 'sleep', '4321');
    const exec = cli('exec', 'ended', 'sh', '-c', 'touch /tmp/runs; exec sleep 4321');
    await output('exec', 'ended', 'sh', '-c', 'while [ ! -e /tmp/runs ]; do sleep 0.1; done');
    await output('stop', 'ended');
    expect((await exec).status).toBeGreaterThan(124);
    await output('rm', 'ended');
  });

  it('stops when its main command ends', async () => {
    await output('run', '-d', '--name', 'short', '--', 'sh', '-c', 'while [ ! -e /go ]; do sleep 0.1; done');
    await output('exec', '-d', 'short', 'touch', '/go');
    await expect
      .poll(() => inspect('short').then(({ status }) => status), { timeout: patience(30_000) })
      .toBe('stopped');
    await expectNoProcess();
    await output('rm', 'short');
  });

  const expectNoProcess = async () => {
    const { leftoversOf } = await import('../support/leftovers.js');
    await expect.poll(() => leftoversOf(home.home).processes, { timeout: patience(10_000) }).toEqual([]);
  };
});

describe('several boxes', () => {
  it('are each tried by start, stop and rm, and each failure is told', async () => {
    await output('create', '--name', 'first');
    await output('create', '--name', 'second');
    const result = await cli('rm', 'first', 'nobody', 'second');
    expect(result.stdout.toString()).toBe('first\nsecond\n');
    expect(result).toMatchObject({ status: 1 });
    expect(result.stderr).toContain('"nobody"');
    expect(await list()).toEqual([]);
  });

  it('have names of their own', async () => {
    await output('create', '--name', 'taken');
    const second = await cli('create', '--name', 'taken');
    expect(second.status).toBe(1);
    expect(second.stderr).toContain('taken');
    await output('rm', 'taken');
  });

  it('with the same beginning of an id are not guessed between', async () => {
    const boxlite = await Boxlite.open({ homeDir: home.home });
    // One more than there are characters in an id's alphabet.
    for (let count = 0; count < 63; count++) await boxlite.create();
    const ids = (await boxlite.list()).map((box) => box.id);
    const shared = ids.map((id) => id.charAt(0)).find((first, at, all) => all.indexOf(first) !== at) as string;
    const result = await cli('inspect', shared);
    expect(result).toMatchObject({ status: 1 });
    expect(result.stdout.toString()).toBe('');
    const { error } = JSON.parse(result.stderr);
    expect(error).toMatchObject({ code: 'invalid_argument', hint: expect.any(String) });
    await Promise.all(ids.map((id) => boxlite.remove(id)));
    await boxlite.shutdown();
  });
});
