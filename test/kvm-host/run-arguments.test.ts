import { describe, expect, it } from 'vitest';
import { runArguments } from './run-arguments.mjs';

describe('the arguments of run.mjs', () => {
  it('one word is a script, several are a program and its arguments', () => {
    expect(runArguments(['--', 'ls | wc'])).toEqual({ job: { user: 'root', env: {}, command: 'ls | wc' } });
    expect(runArguments(['ls', '-l', "it's"])).toEqual({
      job: { user: 'root', env: {}, command: `'ls' '-l' 'it'\\''s'` },
    });
  });

  it('options end at -- or at the command', () => {
    const { job } = runArguments([
      ...['--user', '--timeout', '60', '--memory', '4096', '--cpus', '1', '--env', 'A=b=c', '--checkout', '/x'],
      ...['--', '--user'],
    ]) as { job: unknown };
    expect(job).toEqual({
      ...{ user: 'ordinary', timeoutSeconds: 60, memoryMiB: 4096, cpus: 1, env: { A: 'b=c' }, checkout: '/x' },
      command: '--user',
    });
  });

  it.each([
    [['--timeout', 'soon', '--', 'true'], '--timeout: "soon" is not a number above zero'],
    [['--timeout', '0', '--', 'true'], '--timeout: "0" is not a number above zero'],
    [['--env', '=x', '--', 'true'], '--env: "=x" is not NAME=VALUE'],
    [['--bogus', 'x'], '--bogus: unknown option'],
    [['--memory'], '--memory: a value is missing, or the option is unknown'],
    [['--user'], 'a command is missing'],
  ])('%j is refused with the reason', (args, error) => {
    expect(runArguments(args)).toEqual({ error });
  });

  it('asks for help and for the image alone', () => {
    expect(runArguments(['--help'])).toEqual({ help: true });
    expect(runArguments(['--build'])).toEqual({ build: true });
  });
});
