import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliOnTerminal } from '../support/on-terminal.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

let home: TemporaryHome;

beforeAll(async () => {
  home = await temporaryHome();
});

afterAll(async () => {
  await home.end();
});

const shell = (script: string) => ['run', '--rm', '-it', '--', 'sh', '-c', script];

describe('boxlite run -it on a terminal', () => {
  it('gives the command a terminal of the same size that follows when the window changes', async () => {
    const script =
      'tty; stty size; while [ "$(stty size)" = "33 101" ]; do :; done; stty size; read line; echo "<$line>"; exit 4';
    const terminal = cliOnTerminal(shell(script), { home: home.home, rows: 33, columns: 101 });
    await terminal.shows('/dev/pts/0');
    await terminal.shows('33 101');
    terminal.resize(40, 120);
    await terminal.shows('40 120');
    terminal.type('typed\r');
    await terminal.shows('<typed>');
    expect(await terminal.ended).toMatchObject({ status: 4, restored: true });
  });

  it('lets Ctrl-C reach the command, not boxlite', async () => {
    const script = 'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.1; done';
    const terminal = cliOnTerminal(shell(script), { home: home.home });
    await terminal.shows('ready');
    terminal.type('\x03');
    await terminal.shows('caught');
    expect(await terminal.ended).toMatchObject({ status: 5, restored: true });
  });

  it('is a shell a person can work in', async () => {
    const terminal = cliOnTerminal(['run', '--rm', '-it', '--', 'sh'], { home: home.home });
    await terminal.shows('/ # ');
    terminal.type('echo $((6 * 7)); stty -opost; echo raw; stty opost; true\r');
    await terminal.shows('42\r\n');
    await terminal.shows('raw\n');
    // Only at its prompt does the shell read keys one by one: a Ctrl-D before that would be eaten by the line discipline.
    await terminal.shows('/ # ');
    terminal.type('\x04');
    expect(await terminal.ended).toMatchObject({ status: 0, restored: true });
  });

  it('shows progress, which is gone when the command speaks', async () => {
    const terminal = cliOnTerminal(['run', '--rm', '--', 'echo', 'said'], { home: home.home });
    await terminal.shows('booting…');
    await terminal.shows('\r\x1b[Ksaid');
    expect((await terminal.ended).status).toBe(0);
  });
});

describe('boxlite run -t without a terminal', () => {
  it('refuses -it, as Docker does', async () => {
    const result = await runCli(['run', '--rm', '-it', '--', 'sh'], { home: home.home });
    expect(result).toMatchObject({
      status: 125,
      stderr: 'boxlite: the input device is not a TTY\n  hint: leave out -t when stdin is a pipe\n',
    });
  });

  it('gives the command a terminal with -t alone', async () => {
    const result = await runCli(['run', '--rm', '-t', '--', 'sh', '-c', 'tty && echo err >&2'], { home: home.home });
    expect(result).toMatchObject({ status: 0, stderr: '' });
    expect(result.stdout.toString()).toBe('/dev/pts/0\r\nerr\r\n');
  });
});
