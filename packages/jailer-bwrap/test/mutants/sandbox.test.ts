import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConfinedCommand, JailCommand, Sandbox, SandboxContext } from '@boxlite/core';
import { sandboxConformance } from '@boxlite/core/testing';
import { afterAll } from 'vitest';
import { type Mutant, mutantTests } from '../../../core/test/mutants/mutant-tests.js';
import { createBwrapSandbox } from '../../src/index.js';

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

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'grants everything for reading only',
    killedBy: 'a path granted for writing',
    mutation: inContext((context) => ({
      ...context,
      paths: context.paths.map(({ path }) => ({ path, writable: false })),
    })),
  },
  {
    mistake: 'grants everything for writing',
    killedBy: 'a path granted for reading',
    mutation: inContext((context) => ({
      ...context,
      paths: context.paths.map(({ path }) => ({ path, writable: true })),
    })),
  },
  {
    mistake: 'lets a writable directory win over what is fixed in it',
    killedBy: 'a read-only path below',
    mutation: inContext((context) => ({
      ...context,
      paths: context.paths.filter(({ path }) => !context.paths.some((other) => path.startsWith(`${other.path}/`))),
    })),
  },
  {
    mistake: 'shows all of /var and /etc',
    killedBy: 'a path that was not granted',
    mutation: inContext((context) => ({
      ...context,
      paths: [...context.paths, { path: '/etc', writable: false }, { path: '/var', writable: false }],
    })),
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
        const { access } = await import('node:fs/promises');
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
    mistake: 'masks nothing',
    killedBy: 'a masked file and a masked directory',
    mutation: inContext(({ maskedPaths: _masked, ...context }) => context),
  },
  {
    mistake: 'masks directories, but no files',
    killedBy: 'a masked file and a masked directory',
    mutation: inContext((context) => ({
      ...context,
      maskedPaths: (context.maskedPaths ?? []).filter((path) => path.endsWith('/')),
    })),
  },
  {
    mistake: 'lets a grant win over a mask of the same path',
    killedBy: 'a path that is granted and masked',
    mutation: inContext((context) => ({
      ...context,
      maskedPaths: (context.maskedPaths ?? []).filter((masked) => !context.paths.some(({ path }) => path === masked)),
    })),
  },
  {
    mistake: 'hides everything below a mask, whatever was granted',
    killedBy: 'a grant below a masked directory',
    mutation: inContext((context) => ({
      ...context,
      paths: context.paths.filter(({ path }) => !(context.maskedPaths ?? []).some((masked) => path.startsWith(masked))),
    })),
  },
  {
    mistake: 'makes no links',
    killedBy: 'symbolic links asked for',
    mutation: inContext(({ symlinks: _symlinks, ...context }) => context),
  },
  {
    mistake: 'leaves the network on',
    killedBy: 'without network there is',
    mutation: inContext((context) => ({ ...context, networkEnabled: true })),
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
    mistake: 'drops empty variables',
    killedBy: 'the environment is what the command',
    mutation: applying((right, context, command) =>
      right.apply(context, {
        ...command,
        env: Object.fromEntries(Object.entries(command.env).filter(([, value]) => value !== '')),
      }),
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
    mistake: 'says nothing of the pid',
    killedBy: 'the pid report names',
    mutation: applying((right, context, command) => {
      const confined = right.apply(context, command);
      // bubblewrap is told of neither descriptor: a missing one would end it and leave its child behind.
      const dataFds = confined.dataFds?.map(({ fd, data }) => ({
        fd,
        data: Buffer.from(
          Buffer.from(data)
            .toString()
            .replace(/--(info|block)-fd\0\d+\0/g, ''),
        ),
      }));
      return { ...confined, ...(dataFds === undefined ? {} : { dataFds }) };
    }),
  },
  {
    mistake: 'runs as its own user whatever was asked for',
    killedBy: 'the ids asked for',
    mutation: inContext(({ runAs: _runAs, ...context }) => context),
  },
  {
    mistake: "shows the host's devices",
    killedBy: 'null, zero, random and urandom',
    mutation: inContext((context) => ({ ...context, devices: ['/dev/kmsg', '/dev/mem', '/dev/fuse', '/dev/kvm'] })),
  },
  {
    mistake: 'ignores the devices it was asked for',
    killedBy: 'a device that was asked for',
    mutation: inContext(({ devices: _devices, ...context }) => context),
  },
  {
    mistake: 'ignores what it cannot honour',
    killedBy: 'a profile of another platform',
    mutation: (right) => ({ setup: ({ sandboxProfile: _profile, ...context }) => right.setup(context) }),
  },
  {
    mistake: 'counts its commands in their arguments',
    killedBy: 'apply gives the same',
    mutation: (right) => {
      let count = 0;
      return {
        apply: (context, command) => {
          count += 1;
          return right.apply(context, { ...command, env: { ...command.env, COUNT: `${count}` } });
        },
      };
    },
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
    mistake: 'leaves the cgroup it made',
    killedBy: 'a cgroup that setup made',
    mutation: (right) => ({
      setup: async (context) => {
        const cgroupDir = await mkdtemp(join('/var/tmp', 'boxlite-no-cgroup-'));
        made.push(cgroupDir);
        return { ...(await right.setup(context)), cgroupDir };
      },
    }),
  },
  {
    mistake: 'can be torn down once',
    killedBy: 'a cgroup that setup made',
    mutation: () => {
      let isTornDown = false;
      return {
        teardown: async () => {
          if (isTornDown) throw new Error('there is no such cgroup');
          isTornDown = true;
        },
      };
    },
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
      const right = createBwrapSandbox();
      return { ...right, ...mutation?.(right) };
    },
    busybox: '/bin/busybox',
    makeDirectory: async () => {
      const directory = await mkdtemp(join('/var/tmp', 'boxlite-sandbox-mutants-'));
      made.push(directory);
      return directory;
    },
    deadlineMs: mutation === undefined ? 45_000 : 2_500,
  });

mutantTests<Mutation>('Sandbox', suite, mutants);
