import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKvmProbe } from '@boxlite/kvm-probe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLI, runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

const COMMANDS = 'run create start stop rm exec ls inspect logs images pull load save rmi image system doctor'.split(
  ' ',
);

let home: TemporaryHome;

beforeAll(async () => {
  home = await temporaryHome();
});

afterAll(async () => {
  await home.end();
});

const cli = (...args: string[]) => runCli(args, { home: home.home });

describe('the command line', () => {
  it('describes every command in --help, and every option in the help of a command', async () => {
    const help = await cli('--help');
    expect(help).toMatchObject({ status: 0, stderr: '' });
    for (const name of COMMANDS) expect(help.stdout.toString()).toMatch(new RegExp(`^  ${name}\\b.*  \\S`, 'm'));
    const run = (await cli('run', '--help')).stdout.toString();
    for (const option of ['--rm', '-d', '-i', '-t', '-e', '-w', '-u', '--cpus', '--memory', '--name', '--vmm']) {
      expect(run).toContain(option);
    }
  });

  it('gives 2 for a command line that cannot be understood, and says why on stderr', async () => {
    for (const args of [['no-such-command'], ['ls', '--no-such-option'], ['create', '-x'], ['inspect'], []]) {
      const result = await cli(...args);
      expect(result.status, args.join(' ')).toBe(2);
      expect(result.stdout.toString()).toBe('');
      expect(result.stderr).not.toBe('');
    }
  });

  it.each([
    ['run --rm --cpus many --', 125, '--cpus "many"'],
    ['run --rm --cpus 0 --', 125, 'cpus'],
    ['run --rm --memory 1t --', 125, 'memory "1t"'],
    ['run --rm --jailer required --security disable --', 125, 'contradict'],
    ['run --rm --seccomp off --security enable --', 125, 'contradict'],
    ['run --rm --limit pids --', 125, '--limit "pids"'],
    ['run --rm --limit memory=512 --', 125, 'memory=512m'],
    ['run --rm --limit cpu-weight=0 --', 125, 'security.cpuWeight'],
    ['run --rm --limit open-files=64 --', 125, 'security.maxOpenFiles'],
    ['run --rm --pids-limit few --', 125, '--pids-limit "few"'],
    ['create --limit speed=9', 1, 'cpu-weight'],
    ['run --rm -e =x --', 125, 'environment entry "=x"'],
    ['run --rm -w relative --', 125, 'workingDir'],
    ['run --rm --name -x --', 125, 'name'],
    ['run --rm -d --', 125, '--rm and -d'],
    ['run --rm --vmm nope --', 125, 'vmm plugin "nope"'],
    ['run --rm --kernel nope --', 125, 'kernel-source plugin "nope"'],
    ['run --rm --kernel ./nope --', 125, 'nope" is no kernel to boot'],
    ['create --kernel NOPE', 1, 'must be the id of a kernel source'],
    ['stop -t soon box', 1, '--time "soon"'],
    ['stop box', 1, '"box"'],
    ['completion tcsh', 1, '"tcsh"'],
  ] as const)('explains what is wrong with: boxlite %s', async (line, expected, mentioned) => {
    const { status, stdout, stderr } = await cli(...line.split(' '));
    expect([status, stdout.toString()]).toEqual([expected, '']);
    expect(stderr).toMatch(/^boxlite: .+\n {2}hint: .+\n$/);
    expect(stderr).toContain(mentioned);
    expect((await cli('ls', '--json')).stdout.toString()).toBe('[]\n');
  });

  it('refuses a mode of the jail that there is none of, and names those there are', async () => {
    for (const [flag, value, choice] of [
      ['--jailer', 'maybe', 'best-effort'],
      ['--security', 'maximum', 'disable'],
      ['--seccomp', 'permissive', 'diagnose'],
    ]) {
      const { status, stderr } = await cli('run', '--rm', flag ?? '', value ?? '', '--', 'true');
      expect(status).toBe(125);
      expect(stderr).toContain(value);
      expect(stderr).toContain(choice);
    }
  });

  it('prints failures as JSON on stderr with --json', async () => {
    for (const args of [
      ['ls', '--json'],
      ['images', '--json'],
      ['pull', '--json', 'x'],
    ]) {
      const { status, stdout, stderr } = await cli('--home', 'relative', ...args);
      expect([status, stdout.toString()]).toEqual([1, '']);
      expect(JSON.parse(stderr).error).toMatchObject({ code: 'config_error', message: /relative/, hint: /absolute/ });
    }
  });

  it('does not mind a reader that goes away', async () => {
    const script = `"$0" "$1" completion bash | true; echo \${PIPESTATUS[0]}`;
    const output = execFileSync('bash', ['-c', script, process.execPath, CLI], { encoding: 'utf8' });
    expect(['0\n', '141\n']).toContain(output);
  });
});

describe('boxlite doctor', () => {
  it('says what KVM can do here, and that boxes can run, also where it cannot run an unmodified kernel', async () => {
    const { status, stdout, stderr } = await cli('doctor', '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const { healthy, checks } = JSON.parse(stdout.toString());
    expect(healthy).toBe(true);
    const check = (id: string) => checks.find((candidate: { id: string }) => candidate.id === id);
    const { state } = await createKvmProbe().kvm();
    expect(check('kvm')).toMatchObject({
      ...(state === 'usable' ? { status: 'ok' } : { status: 'warning', remedy: /\S/ }),
      facts: { state: existsSync('/sys/module/kvm_pvm') ? 'cannot-run-unmodified-kernel' : state },
    });
    for (const id of ['platform', 'home', 'vmm:qemu', 'sandbox:bwrap', 'guest-kernel']) {
      expect(check(id)).toMatchObject({ status: 'ok', detail: /\S/ });
    }
    expect((await cli('doctor')).stdout.toString()).toMatch(/^ok +platform +linux/);
  });

  it('gives 1 and a remedy for each VMM where none can run', async () => {
    const env = { PATH: '/nonexistent', BOXLITE_LIBKRUN: '/nonexistent' };
    const { status, stdout } = await runCli(['doctor', '--json'], { home: home.home, env });
    expect(status).toBe(1);
    const { checks } = JSON.parse(stdout.toString()) as { checks: Record<string, string>[] };
    expect(checks.find(({ id }) => id === 'vmm:qemu')).toMatchObject({ status: 'failed', remedy: /qemu-system/ });
  });
});

describe('boxlite completion', () => {
  it('is a script bash accepts, and completes commands, options, and names of boxes', async () => {
    await cli('create', '--name', 'completed');
    const unnamed = (await cli('create')).stdout.toString().trim();
    const script = join(home.home, 'completion.bash');
    await writeFile(script, (await cli('completion', 'bash')).stdout);
    execFileSync('bash', ['-n', script]);

    const bin = join(home.home, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'boxlite'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
    await chmod(join(bin, 'boxlite'), 0o755);
    const complete = (...words: string[]) => {
      const assign = `COMP_WORDS=(boxlite ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}`;
      return execFileSync(
        'bash',
        ['-c', `source '${script}'; ${assign}; _boxlite; printf '%s\\n' "\${COMPREPLY[@]}"`],
        {
          encoding: 'utf8',
          env: { PATH: `${bin}:${process.env.PATH}`, HOME: home.home, BOXLITE_HOME: home.home },
        },
      ).trim();
    };
    expect(complete('ins')).toBe('inspect');
    expect(complete('run', '--mem')).toBe('--memory');
    expect(complete('start', '--plu')).toBe('--plugin');
    expect(complete('run', '--vmm', 'qe')).toBe('qemu');
    expect(complete('create', '--sandbox', '')).toContain('bwrap');
    expect(complete('run', '--kernel', 'box')).toBe('boxlite');
    // A path: bash's own completion of file names takes over.
    expect(complete('run', '--kernel', './')).toBe('');
    expect(complete('run', '--jailer', 'be')).toBe('best-effort');
    expect(complete('create', '--seccomp', 'dia')).toBe('diagnose');
    expect(complete('run', '--lim')).toBe('--limit');
    expect(complete('run', '--plugin', ''), 'left to the completion of file names').toBe('');
    expect(complete('exec', 'comp')).toBe('completed');
    expect(complete('rm', '-f', unnamed.slice(0, 11))).toBe(unnamed);
    await cli('rm', 'completed', unnamed);
  });

  it.each(['zsh', 'fish'])('also speaks %s', async (shell) => {
    const { status, stdout } = await cli('completion', shell);
    expect(status).toBe(0);
    expect(stdout.toString()).toMatch(/boxlite ls/);
  });
});
