import { chown, mkdtemp, rm } from 'node:fs/promises';
import { after, describe, it } from 'node:test';
import { pluginConformance, runConfined, runConformance, sandboxConformance } from '@boxlite/core/testing';
import { unsharePlugin } from '../index.js';
import { unshareSandbox } from '../unshare-sandbox.js';

const NOBODY = { uid: 65534, gid: 65534 };
const made = [];
after(() => Promise.all(made.map((directory) => rm(directory, { recursive: true }))));

/** Not below /tmp, which the view has its own of. */
async function makeDirectory(owner) {
  const directory = await mkdtemp('/var/tmp/boxlite-unshare-');
  made.push(directory);
  if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
  return directory;
}

const setup = { create: unshareSandbox, busybox: '/bin/busybox', makeDirectory: () => makeDirectory() };

describe('the plugin', () => {
  const members = ['name', 'isAvailable', 'setup', 'apply'];
  runConformance(pluginConformance({ createPlugin: unsharePlugin, context: {}, members }), it);
});

describe('unshare, as the user of the test', () => {
  runConformance(sandboxConformance(setup), it);
});

// Only root can become somebody else; run as an ordinary user, the suite above is this one.
describe('unshare, as an ordinary user', {
  skip: process.geteuid() !== 0 && 'only root can become somebody else',
}, () => {
  const asNobody = { makeDirectory: () => makeDirectory(NOBODY), run: (command) => runConfined(command, NOBODY) };
  runConformance(sandboxConformance({ ...setup, ...asNobody }), it);
});
