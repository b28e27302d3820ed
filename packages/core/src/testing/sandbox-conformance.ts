import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfinedCommand, Sandbox, SandboxContext } from '../contracts/sandbox.js';
import type { ConformanceCase } from './conformance-case.js';
import { type ConfinedRun, runConfined } from './run-confined.js';

/** What a sandbox's author provides. */
export interface SandboxConformanceSetup {
  /** A fresh sandbox. */
  create(): Sandbox;
  /** A statically linked busybox with `sh`, `cat`, `env`, `ls`, `readlink`, `touch`, `nc` and `id`. */
  readonly busybox: string;
  /** A new empty directory the confined command's user can write to; removed by the author. Not below /tmp if the sandbox has its own. */
  makeDirectory(): Promise<string>;
  /** Default: {@link runConfined}. */
  run?(command: ConfinedCommand): Promise<ConfinedRun>;
}

/** What every {@link Sandbox} must do, shown by commands that really run. */
export function sandboxConformance(setup: SandboxConformanceSetup): ConformanceCase[] {
  const run = setup.run ?? ((command: ConfinedCommand) => runConfined(command));
  const contextOf = (parts: Partial<SandboxContext>): SandboxContext => ({
    id: 'conformance',
    networkEnabled: false,
    resourceLimits: {},
    ...parts,
    paths: [{ path: setup.busybox, writable: false }, ...(parts.paths ?? [])].sort((a, b) =>
      a.path < b.path ? -1 : 1,
    ),
  });
  const confine = async (parts: Partial<SandboxContext>, args: readonly string[], env: Record<string, string> = {}) => {
    const sandbox = setup.create();
    const context = contextOf(parts);
    const availability = await sandbox.isAvailable();
    assert.equal(availability.available, true, `the sandbox is not available: ${availability.reason}`);
    await sandbox.setup(context);
    try {
      return await run(sandbox.apply(context, { binary: setup.busybox, args, env }));
    } finally {
      await sandbox.teardown?.(context);
    }
  };
  const shell = (parts: Partial<SandboxContext>, script: string, ...args: string[]) => {
    const applets = `b() { ${quote(setup.busybox)} "$@"; }\n`;
    return confine(parts, ['sh', '-c', applets + script, 'sh', ...args]);
  };

  return [
    {
      name: 'a path granted for writing can be read and written',
      async run() {
        const directory = await setup.makeDirectory();
        await writeFile(join(directory, 'in'), 'from the host');
        const result = await shell(
          { paths: [{ path: directory, writable: true }] },
          'b cat "$1/in" && echo jailed > "$1/out"',
          directory,
        );
        assert.equal(result.code, 0, result.stderr);
        assert.equal(result.stdout, 'from the host');
        assert.equal(await readFile(join(directory, 'out'), 'utf8'), 'jailed\n');
      },
    },
    {
      name: 'a path granted for reading cannot be written, by its own name or through a file in it',
      async run() {
        const directory = await setup.makeDirectory();
        await writeFile(join(directory, 'file'), 'kept', { mode: 0o666 });
        const result = await shell(
          { paths: [{ path: directory, writable: false }] },
          'b cat "$1/file"; b touch "$1/new" && echo made; echo over > "$1/file" && echo written; echo ran',
          directory,
        );
        assert.equal(result.stdout, 'keptran\n', result.stderr);
        assert.equal(await readFile(join(directory, 'file'), 'utf8'), 'kept');
        await assert.rejects(stat(join(directory, 'new')));
      },
    },
    {
      name: 'a read-only path below a writable one stays read-only',
      async run() {
        const directory = await setup.makeDirectory();
        await mkdir(join(directory, 'fixed'));
        const result = await shell(
          {
            paths: [
              { path: directory, writable: true },
              { path: join(directory, 'fixed'), writable: false },
            ],
          },
          'b touch "$1/ok" && echo outer; b touch "$1/fixed/no" && echo inner; true',
          directory,
        );
        assert.equal(result.stdout, 'outer\n', result.stderr);
      },
    },
    {
      name: 'a path that was not granted cannot be read',
      async run() {
        const granted = await setup.makeDirectory();
        const other = await setup.makeDirectory();
        await writeFile(join(other, 'secret'), 'secret');
        const result = await shell(
          { paths: [{ path: granted, writable: true }] },
          'b cat "$1/secret"; b cat /etc/hostname /etc/passwd; echo ran',
          other,
        );
        assert.equal(result.stdout, 'ran\n', result.stderr);
      },
    },
    {
      name: 'a grant of a path that does not exist is skipped',
      async run() {
        const directory = await setup.makeDirectory();
        const missing = join(directory, 'missing');
        const result = await shell({ paths: [{ path: missing, writable: true }] }, 'echo runs');
        assert.equal(result.stdout, 'runs\n', result.stderr);
        await assert.rejects(stat(missing));
      },
    },
    {
      name: 'a masked file and a masked directory stay hidden below a granted volume',
      async run() {
        const volume = await setup.makeDirectory();
        await mkdir(join(volume, 'control'));
        await writeFile(join(volume, 'control', 'key'), 'secret');
        await writeFile(join(volume, 'pid'), 'secret');
        await writeFile(join(volume, 'plain'), 'plain');
        const result = await shell(
          {
            paths: [{ path: volume, writable: true }],
            maskedPaths: [`${join(volume, 'control')}/`, join(volume, 'pid')],
          },
          'b cat "$1/plain" "$1/pid" "$1/control/key"; b touch "$1/control/new" && echo made; true',
          volume,
        );
        assert.equal(result.stdout, 'plain', result.stderr);
        assert.equal(await readFile(join(volume, 'pid'), 'utf8'), 'secret');
      },
    },
    {
      name: 'a grant below a masked directory is visible, its neighbours are not',
      async run() {
        const volume = await setup.makeDirectory();
        await mkdir(join(volume, 'home', 'sockets'), { recursive: true });
        await writeFile(join(volume, 'home', 'sockets', 's'), 'mine');
        await writeFile(join(volume, 'home', 'db'), 'secret');
        const result = await shell(
          {
            paths: [
              { path: volume, writable: true },
              { path: join(volume, 'home', 'sockets'), writable: true },
            ],
            maskedPaths: [`${join(volume, 'home')}/`],
          },
          'b cat "$1/home/sockets/s" "$1/home/db"; true',
          volume,
        );
        assert.equal(result.stdout, 'mine');
      },
    },
    {
      name: 'symbolic links asked for are in the view',
      async run() {
        const directory = await setup.makeDirectory();
        await writeFile(join(directory, 'file'), 'through the link');
        const result = await shell(
          {
            paths: [{ path: directory, writable: false }],
            symlinks: [{ path: '/tmp/bl-conformance/link', target: directory }],
          },
          'b cat /tmp/bl-conformance/link/file; b readlink /tmp/bl-conformance/link',
        );
        assert.equal(result.stdout, `through the link${directory}\n`, result.stderr);
      },
    },
    {
      name: 'without network there is no interface but an idle loopback, and no host port can be reached',
      async run() {
        const { createServer } = await import('node:net');
        const server = createServer((socket) => socket.end('reached'));
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const address = server.address();
        const port = typeof address === 'object' && address !== null ? address.port : 0;
        try {
          const result = await shell({ networkEnabled: false }, `b nc -w 2 127.0.0.1 ${port}; echo ran`);
          assert.equal(result.stdout, 'ran\n', result.stderr);
        } finally {
          await new Promise((resolve) => server.close(resolve));
        }
      },
    },
    {
      name: 'the environment is what the command was given, nothing of the host',
      async run() {
        const result = await confine({}, ['env'], { ONE: '1', WITH_SPACE: 'a b', LD_PRELOAD: '' });
        const variables = result.stdout.split('\n').filter((line) => line !== '' && line !== 'PWD=/');
        assert.deepEqual(variables.sort(), ['LD_PRELOAD=', 'ONE=1', 'WITH_SPACE=a b'], result.stderr);
      },
    },
    {
      name: 'arguments arrive unchanged, whatever characters they hold',
      async run() {
        const odd = ['', ' ', '--bind', '/', 'a\nb', '"\'`$(id)', '\u00e9\u{1f4a9}', '--'];
        const result = await shell({}, 'for a in "$@"; do echo "[$a]"; done', ...odd);
        assert.equal(result.stdout, odd.map((argument) => `[${argument}]\n`).join(''), result.stderr);
      },
    },
    {
      name: 'a path with spaces, quotes and newlines can be granted',
      async run() {
        const directory = join(await setup.makeDirectory(), 'odd "name"\n--bind $(x)');
        await mkdir(directory);
        await writeFile(join(directory, 'f'), 'odd');
        const result = await shell({ paths: [{ path: directory, writable: false }] }, 'b cat "$1/f"', directory);
        assert.equal(result.stdout, 'odd', result.stderr);
      },
    },
    {
      name: 'apply never refuses, also for a binary that does not exist',
      async run() {
        const command = setup.create().apply(contextOf({}), { binary: '/not/there', args: [], env: {} });
        const result = await run(command);
        assert.notEqual(result.code, 0);
      },
    },
    {
      name: 'the exit status of the command is passed on',
      async run() {
        assert.equal((await shell({}, 'exit 37')).code, 37);
      },
    },
    {
      name: 'the pid report names a process of the host',
      async run() {
        const result = await shell({}, 'true');
        assert.ok(result.reportedPid > 1, `reported ${result.reportedPid}`);
      },
    },
    {
      name: 'the ids asked for are the ones the command sees',
      async run() {
        const result = await shell({ runAs: { uid: 4321, gid: 8765 } }, 'b id -u; b id -g');
        assert.equal(result.stdout, '4321\n8765\n', result.stderr);
      },
    },
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
