import { spawn } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfinedCommand, JailCommand, Sandbox, SandboxContext } from '@boxlite/core';
import { sandboxConformance } from '@boxlite/core/testing';
import { afterAll } from 'vitest';
import { type Mutant, mutantTests } from '../../../core/test/mutants/mutant-tests.js';
import { createLandlockSandbox } from '../../src/index.js';

type Mutation = (right: Sandbox) => Partial<Sandbox>;

const made: string[] = [];
/** What mutants leave behind on purpose. */
const litter: (() => void)[] = [];
afterAll(async () => {
  for (const remove of litter) remove();
  for (const directory of made) await rm(directory, { recursive: true, force: true });
});

/** Confines in another context than the one it was given. */
const inContext =
  (change: (context: SandboxContext) => SandboxContext): Mutation =>
  (right) => ({
    setup: (context) => right.setup(change(context)),
    apply: (context, command) => right.apply(change(context), command),
  });

const applying =
  (change: (right: Sandbox, context: SandboxContext, command: JailCommand) => ConfinedCommand): Mutation =>
  (right) => ({ apply: (context, command) => change(right, context, command) });

/** Changes the rules on their way to the helper. */
const ruling = (change: (rule: string) => string): Mutation =>
  applying((right, context, command) => {
    const confined = right.apply(context, command);
    const dataFds = confined.dataFds?.map(({ fd, data }) => ({
      fd,
      data: Buffer.from(
        Buffer.from(data)
          .toString()
          .split('\0')
          .map((rule) => (rule === '' ? '' : change(rule)))
          .join('\0'),
      ),
    }));
    return { ...confined, ...(dataFds === undefined ? {} : { dataFds }) };
  });

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'grants everything for reading only',
    killedBy: 'a path granted for writing',
    mutation: ruling((rule) => rule.replace(/^w/, 'x')),
  },
  {
    mistake: 'grants everything for writing',
    killedBy: 'a path granted for reading',
    mutation: ruling((rule) => (rule.startsWith('x/bin/') ? rule : rule.replace(/^x/, 'w'))),
  },
  {
    mistake: 'adds the root to what may be read',
    killedBy: 'a path that was not granted',
    mutation: inContext((context) => ({ ...context, paths: [{ path: '/', writable: false }, ...context.paths] })),
  },
  {
    mistake: 'confines nothing',
    killedBy: 'a path that was not granted',
    mutation: applying((_right, _context, command) => ({ ...command, pidReport: { kind: 'self' } })),
  },
  {
    mistake: 'refuses a grant of what does not exist',
    killedBy: 'a grant of a path that does not exist',
    mutation: (right) => ({
      setup: async (context) => {
        for (const { path } of context.paths) await access(path);
        return right.setup(context);
      },
    }),
  },
  {
    mistake: 'splits paths at blanks',
    killedBy: 'a path with spaces',
    mutation: inContext((context) => ({
      ...context,
      paths: context.paths.flatMap(({ path, writable }) => path.split(/\s+/).map((part) => ({ path: part, writable }))),
    })),
  },
  {
    mistake: 'ignores masks it cannot hold',
    killedBy: 'a masked file and a masked directory',
    mutation: inContext(({ maskedPaths: _masked, ...context }) => context),
  },
  {
    mistake: 'ignores that a path below a writable one is read-only',
    killedBy: 'a read-only path below',
    mutation: inContext((context) => ({
      ...context,
      paths: context.paths.filter(({ path }) => !context.paths.some((other) => path.startsWith(`${other.path}/`))),
    })),
  },
  {
    mistake: 'ignores links that are not there',
    killedBy: 'symbolic links asked for',
    mutation: inContext(({ symlinks: _symlinks, ...context }) => context),
  },
  {
    mistake: 'holds the network by Landlock’s version 4 alone, on a kernel with version 3',
    killedBy: 'without network there is',
    mutation: applying((right, context, command) => {
      const confined = right.apply(context, command);
      const args = confined.args.filter((word) => word !== '--unix-sockets-only');
      return { ...confined, args: ['--at-most', '3', ...args] };
    }),
  },
  {
    mistake: 'takes the network away in any case',
    killedBy: 'with network a port',
    mutation: inContext((context) => ({ ...context, networkEnabled: false })),
  },
  {
    mistake: "adds the host's environment",
    killedBy: 'the environment is what the command',
    mutation: applying((right, context, command) =>
      right.apply(context, { ...command, env: { HOME: '/root', ...command.env } }),
    ),
  },
  {
    mistake: 'joins arguments to one line for a shell',
    killedBy: 'arguments arrive unchanged',
    mutation: applying((right, context, { args: [shell, flag, script, name, ...args], ...command }) =>
      right.apply(context, {
        ...command,
        args: [shell, flag, script, name, ...args.join(' ').split(' ')].filter((one) => one !== undefined),
      }),
    ),
  },
  {
    mistake: 'loses the exit status in a wrapper',
    killedBy: 'the exit status of the command',
    mutation: applying((right, context, { binary, args: [shell = '', flag = '', script = '', ...rest], env }) =>
      right.apply(context, { binary, args: [shell, flag, `(${script}\n); true`, ...rest], env }),
    ),
  },
  {
    mistake: 'refuses a binary that is not there yet',
    killedBy: 'apply never refuses',
    mutation: applying((right, context, command) => {
      if (command.binary.startsWith('/not/')) throw new Error(`${command.binary} does not exist`);
      return right.apply(context, command);
    }),
  },
  {
    mistake: 'runs as its own user whatever was asked for',
    killedBy: 'the ids asked for',
    mutation: inContext(({ runAs: _runAs, ...context }) => context),
  },
  {
    mistake: 'forgets the devices of every view',
    killedBy: 'null, zero, random and urandom',
    mutation: ruling((rule) => (rule.startsWith('d/dev/') ? 'd/not/there' : rule)),
  },
  {
    mistake: 'ignores what it cannot honour',
    killedBy: 'a profile of another platform',
    mutation: (right) => ({ setup: ({ sandboxProfile: _profile, ...context }) => right.setup(context) }),
  },
  {
    mistake: 'writes to the context',
    killedBy: 'apply gives the same',
    mutation: applying((right, context, command) => {
      (context.paths as { path: string; writable: boolean }[]).push({ path: '/usr', writable: false });
      return right.apply(context, command);
    }),
  },
  {
    mistake: 'leaves its probe running',
    killedBy: 'isAvailable, asked twice',
    mutation: (right) => ({
      isAvailable: () => {
        const child = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
        litter.push(() => child.kill('SIGKILL'));
        return right.isAvailable();
      },
    }),
  },
];

const suite = (mutation?: Mutation) =>
  sandboxConformance({
    create: () => {
      const right = createLandlockSandbox();
      return { ...right, ...mutation?.(right) };
    },
    busybox: '/bin/busybox',
    makeDirectory: async () => {
      const directory = await mkdtemp(join('/var/tmp', 'boxlite-landlock-mutants-'));
      made.push(directory);
      return directory;
    },
    refuses: ['hide', 'read-only-below-writable', 'links'],
    deadlineMs: mutation === undefined ? 45_000 : 2_500,
  });

mutantTests<Mutation>('Sandbox', suite, mutants);
