import { existsSync, readFileSync, statSync } from 'node:fs';
import { FrameType } from '@boxlite/core';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createSupervisor, parsePidRecord } from '../src/index.js';
import { FrameInbox } from './support/frame-inbox.js';
import { buildNative } from './support/native-build.js';
import { gone, processesWith } from './support/processes.js';
import { TestBox } from './support/test-box.js';

const supervisor = createSupervisor();
let box: TestBox;

beforeAll(() => buildNative('all', 'fixtures'));
beforeEach(() => {
  box = new TestBox();
});
afterEach(() => {
  expect(processesWith(box.dir)).toEqual([]);
  box.remove();
});

it('runs a VMM, relays frames between host and agent, and stops it through the agent', async () => {
  const vm = await supervisor.launch(box.request(box.agent));
  const inbox = new FrameInbox(vm.channel);
  expect(await inbox.text(FrameType.HELLO)).toBe('hi');
  await vm.channel.send({ type: FrameType.REQUEST, stream: 7, payload: Buffer.from('ping') });
  expect(await inbox.text(FrameType.RESPONSE, 7)).toBe('ping');

  const record = parsePidRecord(box.read(box.pidFile));
  expect(record).toEqual({ supervisor: vm.welcome.supervisor, vmm: vm.welcome.vmm });
  expect(statSync(box.pidFile).mode & 0o777).toBe(0o600);
  expect(statSync(`${box.controlDir}/api.sock`).mode & 0o777).toBe(0o600);

  expect(await vm.stop(5000)).toEqual({ kind: 'Clean', reason: 'shutdown' });
  await gone(vm.welcome.supervisor.pid);
  expect(existsSync(box.exitFile)).toBe(false);
  expect(existsSync(box.pidFile)).toBe(false);
  expect(existsSync(`${box.controlDir}/api.sock`)).toBe(false);
  expect(existsSync(box.agentSocket)).toBe(false);
});

it('writes the record of supervisor and VMM, with start times, before the VMM runs', async () => {
  const vm = await supervisor.launch(
    box.request(['fd', '10', ...box.agent], {
      command: box.command(['cat'], { binary: '/bin/cat', args: [box.pidFile] }),
    }),
  );
  expect(await vm.wait()).toEqual({ kind: 'Clean', reason: 'guest' });
  expect(parsePidRecord(readFileSync(box.consoleFile, 'utf8'))).toEqual({
    supervisor: vm.welcome.supervisor,
    vmm: vm.welcome.vmm,
  });
  await gone(vm.welcome.supervisor.pid);
});

it('asks the agent for its hello as soon as there is a link: a guest that goes on from a capture has said it to another', async () => {
  const vm = await supervisor.launch(box.request(['dial', box.agentSocket, 'answer', 'hi', 'serve']));
  expect(await new FrameInbox(vm.channel).text(FrameType.HELLO)).toBe('hi');
  await vm.kill();
});
