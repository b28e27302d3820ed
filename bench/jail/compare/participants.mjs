import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { builtPackage } from '../../lib/packages.mjs';
import { sandboxRuntimeDirectory } from './jail-peers-cache.mjs';

/** What a command can be confined by, and how that is opened for the paths it may read and write. Each gives `run(command)`, which resolves with its output. */
export const PARTICIPANTS = {
  nothing: async () => ({ run: (command) => outputOf(spawn(command[0], command.slice(1), piped())) }),
  'jailer-bwrap': async (grants) => confinedBy(await bwrap(), grants),
  'jailer-landlock': async (grants) => confinedBy(await landlock(), grants),
  both: async (grants) => confinedBy(await both(), grants),
  jailer: openJailer,
  srt: openSandboxRuntime,
};

async function bwrap() {
  return (await builtPackage('jailer-bwrap')).createBwrapSandbox();
}

async function landlock() {
  return (await builtPackage('jailer-landlock')).createLandlockSandbox();
}

async function both() {
  const { createCompositeSandbox } = await builtPackage('jailer');
  return createCompositeSandbox([await bwrap(), await landlock()]);
}

/** A sandbox alone, as the READMEs of its package show it. */
async function confinedBy(sandbox, { readable, writable }) {
  const { runConfined } = await builtPackage('jailer-landlock');
  return {
    async run(command) {
      const { stdout, stderr } = await runConfined(sandbox, { command, readable, writable, env: {} });
      return stdout + stderr;
    },
  };
}

/** Both, with what the jailer puts inside: descriptors, privileges, and the filter of system calls that any program can live with. */
async function openJailer({ readable, writable }) {
  const [{ createJailer }, { spawnConfined }] = await Promise.all([
    builtPackage('jailer'),
    builtPackage('jailer-landlock'),
  ]);
  const grant = (paths, isWritable) => paths.filter(existsSync).map((path) => ({ path, writable: isWritable }));
  const paths = [...grant(readable, false), ...grant(writable, true)].sort((a, b) => (a.path < b.path ? -1 : 1));
  const noGroup = { enforced: { memory: false, processes: false }, degradations: [] };
  const jail = createJailer({
    id: 'compare',
    sandbox: await both(),
    paths,
    security: { networkEnabled: false },
    // Limits are not what is compared.
    cgroups: { prepare: async () => noGroup, release: async () => undefined },
  });
  return {
    async run([binary, ...args]) {
      await jail.prepare();
      const child = await spawnConfined(jail.command({ binary, args, env: {} }));
      return outputOf(child, child.exit);
    },
    close: () => jail.release(),
  };
}

/** Its strictest documented settings for the same job: nothing but the same paths is read, one directory is written, and no domain is reached. */
async function openSandboxRuntime({ readable, writable }) {
  const directory = sandboxRuntimeDirectory();
  if (directory === undefined) throw new Error('sandbox-runtime is not installed: node bench/jail/install.mjs');
  const { SandboxManager } = await import(join(directory, 'dist/index.js'));
  // With everything hidden its own helper would be, too.
  await SandboxManager.initialize({
    network: { allowedDomains: [], deniedDomains: [] },
    filesystem: {
      denyRead: ['/'],
      allowRead: [...readable, ...writable, join(directory, 'vendor/seccomp')],
      allowWrite: writable,
      denyWrite: [],
    },
  });
  return {
    async run(command) {
      const wrapped = await SandboxManager.wrapWithSandbox(command.map(quoted).join(' '));
      // As its README runs one.
      const output = await outputOf(spawn(wrapped, { ...piped(), shell: true }));
      SandboxManager.cleanupAfterCommand();
      return output;
    },
    close: () => SandboxManager.reset(),
  };
}

function piped() {
  return { stdio: ['ignore', 'pipe', 'pipe'] };
}

async function outputOf(child, ended = new Promise((resolve) => child.once('close', resolve))) {
  let text = '';
  const keep = (chunk) => (text += chunk);
  const read = [child.stdout, child.stderr].map(
    (stream) => new Promise((resolve) => stream.on('data', keep).once('close', resolve)),
  );
  await Promise.all([ended, ...read]);
  return text;
}

function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
