import type { ConfinedCommand, Jail } from '@boxlite/core';
import { type JailParts, type JailSetup, jailConformance } from '@boxlite/core/testing';
import { createModelJail, createModelJailThatIsOff } from '../models/model-jail.js';
import { type Mutant, mutantTests } from './mutant-tests.js';

type Mutation = Partial<JailSetup>;

const right: JailSetup = { create: createModelJail, createOff: createModelJailThatIsOff };

const jails = (change: (jail: Jail, parts: JailParts) => Partial<Jail>): Mutation => ({
  create: (parts) => {
    const jail = createModelJail(parts);
    return { ...jail, ...change(jail, parts) };
  },
});

const commands = (change: (command: ConfinedCommand) => ConfinedCommand): Mutation =>
  jails((jail) => ({ command: (command) => change(jail.command(command)) }));

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'sets the sandbox up only the first time',
    killedBy: 'prepare sets the sandbox up',
    mutation: jails((jail) => {
      let prepared: Promise<readonly string[]> | undefined;
      return { prepare: () => (prepared ??= jail.prepare()) };
    }),
  },
  {
    mistake: 'does not wait for the setup',
    killedBy: 'prepare sets the sandbox up',
    mutation: jails((jail) => ({
      prepare: async () => {
        // The mistake itself: what the setup throws reaches nobody.
        void jail.prepare().catch(() => undefined);
        return [];
      },
    })),
  },
  {
    mistake: 'forgets the paths of the box',
    killedBy: 'the sandbox is told the box',
    mutation: {
      create: (parts) => createModelJail({ ...parts, path: '/elsewhere' }),
    },
  },
  {
    mistake: 'sets the sandbox up although it is off',
    killedBy: 'a jail that is off',
    mutation: { createOff: createModelJail },
  },
  {
    mistake: 'is called like its sandbox although it is off',
    killedBy: 'the name is',
    mutation: { createOff: (parts) => ({ ...createModelJailThatIsOff(parts), name: parts.sandbox.name }) },
  },
  {
    mistake: 'keeps degradations to itself',
    killedBy: 'what the sandbox had to give up',
    mutation: jails((jail) => ({ prepare: async () => jail.prepare().then(() => []) })),
  },
  {
    mistake: 'runs bare where the sandbox is not available',
    killedBy: 'prepare refuses where the sandbox',
    mutation: jails((jail) => ({ prepare: async () => jail.prepare().catch(() => ['the box runs unconfined']) })),
  },
  {
    mistake: 'does not ask whether the sandbox is available',
    killedBy: 'prepare refuses where the sandbox',
    mutation: {
      create: (parts) =>
        createModelJail({
          ...parts,
          sandbox: Object.assign(Object.create(parts.sandbox), { isAvailable: async () => ({ available: true }) }),
        }),
    },
  },
  {
    mistake: 'goes on where the setup refuses',
    killedBy: 'prepare passes on the refusal',
    mutation: jails((jail, { sandbox }) => ({
      prepare: async () => ((await sandbox.isAvailable()).available ? jail.prepare().catch(() => []) : jail.prepare()),
    })),
  },
  {
    mistake: 'refuses a command after a refusal',
    killedBy: 'command works also after a refusal',
    mutation: jails((jail) => {
      let refused = false;
      return {
        prepare: () =>
          jail.prepare().catch((thrown: unknown) => {
            refused = true;
            throw thrown;
          }),
        command: (command) => {
          if (refused) throw new Error('refused');
          return jail.command(command);
        },
      };
    }),
  },
  {
    mistake: 'makes commands only once it is prepared',
    killedBy: 'command gives a command at once',
    mutation: jails((jail) => {
      let isPrepared = false;
      return {
        prepare: async () => {
          const given = await jail.prepare();
          isPrepared = true;
          return given;
        },
        command: (command) => {
          if (!isPrepared) throw new Error('not prepared');
          return jail.command(command);
        },
      };
    }),
  },
  {
    mistake: 'tells its layers before it has looked',
    killedBy: 'layers are told by prepare',
    mutation: jails(() => ({ layers: [{ name: 'view', state: 'active', detail: 'four paths' }] })),
  },
  {
    mistake: 'wraps nothing',
    killedBy: 'the command is the one the sandbox made',
    mutation: jails(() => ({ command: (command) => ({ ...command, pidReport: { kind: 'self' } }) })),
  },
  {
    mistake: 'loses empty arguments',
    killedBy: 'the command is the one the sandbox made',
    mutation: commands((command) => ({ ...command, args: command.args.filter((argument) => argument !== '') })),
  },
  {
    mistake: 'drops the descriptors of the sandbox',
    killedBy: 'the command is the one the sandbox made',
    mutation: commands(({ dataFds: _dataFds, ...command }) => command),
  },
  {
    mistake: 'reports the wrapper as the process',
    killedBy: 'the command is the one the sandbox made',
    mutation: commands((command) => ({ ...command, pidReport: { kind: 'self' } })),
  },
  {
    mistake: 'adds a variable of the host',
    killedBy: 'the command is the one the sandbox made',
    mutation: commands((command) => ({ ...command, env: { ...command.env, HOME: '/root' } })),
  },
  {
    mistake: 'forgets the limits',
    killedBy: 'the limits of the box',
    mutation: commands(({ rlimits: _rlimits, ...command }) => command),
  },
  {
    mistake: 'forgets the cgroup',
    killedBy: 'the cgroup the sandbox made',
    mutation: commands(({ cgroupDir: _cgroupDir, ...command }) => command),
  },
  {
    mistake: 'tears nothing down',
    killedBy: 'release tears down',
    mutation: jails(() => ({ release: async () => undefined })),
  },
  {
    mistake: 'can be released once',
    killedBy: 'release twice',
    mutation: jails((jail) => {
      let released = false;
      return {
        release: async () => {
          if (released) throw new Error('released already');
          released = true;
          await jail.release();
        },
      };
    }),
  },
  {
    mistake: 'asks every sandbox for a teardown',
    killedBy: 'release over a sandbox without',
    mutation: jails((_jail, { sandbox }) => ({ release: async () => (sandbox.teardown as () => Promise<void>)() })),
  },
];

mutantTests<Mutation>('Jail', (mutation) => jailConformance({ ...right, ...mutation }), mutants);
