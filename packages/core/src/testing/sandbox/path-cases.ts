import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuledCases } from '../define-cases.js';
import type { SandboxBench } from './sandbox-bench.js';

/** What a confined command sees of the host's files. */
export const pathCases: RuledCases<SandboxBench> = {
  'One path the confined command may see. Granted only if it exists when the sandbox is applied': {
    'a path granted for writing can be read and written': async ({ setup, shell }) => {
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
    'a path granted for reading cannot be written, by its own name or through a file in it': async ({
      setup,
      shell,
    }) => {
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
    'a read-only path below a writable one stays read-only': async ({ setup, shellUnlessRefused }) => {
      const directory = await setup.makeDirectory();
      await mkdir(join(directory, 'fixed'));
      const result = await shellUnlessRefused(
        'read-only-below-writable',
        {
          paths: [
            { path: directory, writable: true },
            { path: join(directory, 'fixed'), writable: false },
          ],
        },
        'b touch "$1/ok" && echo outer; b touch "$1/fixed/no" && echo inner; true',
        directory,
      );
      if (result === undefined) return;
      assert.equal(result.stdout, 'outer\n', result.stderr);
    },
    'a path that was not granted cannot be read': async ({ setup, shell }) => {
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
    'a grant of a path that does not exist is skipped': async ({ setup, shell }) => {
      const directory = await setup.makeDirectory();
      const missing = join(directory, 'missing');
      const result = await shell({ paths: [{ path: missing, writable: true }] }, 'echo runs');
      assert.equal(result.stdout, 'runs\n', result.stderr);
      await assert.rejects(stat(missing));
    },
    'a path with spaces, quotes and newlines can be granted': async ({ setup, shell }) => {
      const directory = join(await setup.makeDirectory(), 'odd "name"\n--bind $(x)');
      await mkdir(directory);
      await writeFile(join(directory, 'f'), 'odd');
      const result = await shell({ paths: [{ path: directory, writable: false }] }, 'b cat "$1/f"', directory);
      assert.equal(result.stdout, 'odd', result.stderr);
    },
  },
  'Hidden last, also where one lies below a path of `paths` (a user volume may contain one)': {
    'a masked file and a masked directory stay hidden below a granted volume': async ({
      setup,
      shellUnlessRefused,
    }) => {
      const volume = await setup.makeDirectory();
      await mkdir(join(volume, 'control'));
      await writeFile(join(volume, 'control', 'key'), 'secret');
      await writeFile(join(volume, 'pid'), 'secret');
      await writeFile(join(volume, 'plain'), 'plain');
      const result = await shellUnlessRefused(
        'hide',
        {
          paths: [{ path: volume, writable: true }],
          maskedPaths: [`${join(volume, 'control')}/`, join(volume, 'pid')],
        },
        'b cat "$1/plain" "$1/pid" "$1/control/key"; b touch "$1/control/new" && echo made; true',
        volume,
      );
      if (result === undefined) return;
      assert.equal(result.stdout, 'plain', result.stderr);
      assert.equal(await readFile(join(volume, 'pid'), 'utf8'), 'secret');
    },
  },
  'The deepest rule decides: a path of `paths` that lies below a masked one is visible; where both name the same, it is hidden':
    {
      'a path that is granted and masked is hidden': async ({ setup, shellUnlessRefused }) => {
        const volume = await setup.makeDirectory();
        await writeFile(join(volume, 'key'), 'secret');
        const result = await shellUnlessRefused(
          'hide',
          {
            paths: [
              { path: volume, writable: true },
              { path: join(volume, 'key'), writable: false },
            ],
            maskedPaths: [join(volume, 'key')],
          },
          'b cat "$1/key"; echo ran',
          volume,
        );
        if (result === undefined) return;
        assert.equal(result.stdout, 'ran\n', result.stderr);
      },
      'a grant below a masked directory is visible, its neighbours are not': async ({ setup, shellUnlessRefused }) => {
        const volume = await setup.makeDirectory();
        await mkdir(join(volume, 'home', 'sockets'), { recursive: true });
        await writeFile(join(volume, 'home', 'sockets', 's'), 'mine');
        await writeFile(join(volume, 'home', 'db'), 'secret');
        const result = await shellUnlessRefused(
          'hide',
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
        if (result === undefined) return;
        assert.equal(result.stdout, 'mine');
      },
    },
  "Symbolic links to make in the view's own `/tmp`, such as the short socket link": {
    'symbolic links asked for are in the view': async ({ setup, shellUnlessRefused }) => {
      const directory = await setup.makeDirectory();
      await writeFile(join(directory, 'file'), 'through the link');
      const result = await shellUnlessRefused(
        'links',
        {
          paths: [{ path: directory, writable: false }],
          symlinks: [{ path: '/tmp/bl-conformance/link', target: directory }],
        },
        'b cat /tmp/bl-conformance/link/file; b readlink /tmp/bl-conformance/link',
      );
      if (result === undefined) return;
      assert.equal(result.stdout, `through the link${directory}\n`, result.stderr);
    },
  },
};
