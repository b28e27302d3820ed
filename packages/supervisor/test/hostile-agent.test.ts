import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { encodeFrame, FrameType } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { FrameInbox } from './support/frame-inbox.js';
import { fixtureVmm } from './support/native-build.js';
import { withBox } from './support/with-box.js';

const fixture = withBox();
const BROKEN = { kind: 'Error', message: 'guest agent broke the protocol' };

const hex = (frame: Parameters<typeof encodeFrame>[0]) => Buffer.from(encodeFrame(frame)).toString('hex');

describe('a guest agent that breaks the protocol ends its box with a record', () => {
  const bad: Record<string, string> = {
    'a frame over the bound': '010001000000000004000000',
    'a frame that claims to be 4 GiB': 'ffffffff0000000001000000',
    'EXITED, which only the supervisor may say': hex({ type: FrameType.EXITED, payload: Buffer.from('{}') }),
    WELCOME: hex({ type: FrameType.WELCOME, payload: Buffer.from('{}') }),
    KILL: hex({ type: FrameType.KILL }),
    'data without a slot': hex({ type: FrameType.DATA, stream: 5, payload: Buffer.from('x') }),
    'data on stream 0 of a slot': hex({ type: FrameType.DATA, stream: 1 << 16 }),
    'a request': hex({ type: FrameType.REQUEST, stream: (1 << 16) | 1 }),
    'a hello that is not on stream 0': hex({ type: FrameType.HELLO, stream: 1 << 16 }),
  };

  it.each(Object.keys(bad))('%s', async (name) => {
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'raw', bad[name]!, 'stall']);
    expect(await vm.wait()).toMatchObject(BROKEN);
  });

  it.each(Object.keys(bad))('%s, before its hello', async (name) => {
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'raw', bad[name]!, 'stall']);
    expect(await vm.wait()).toMatchObject(BROKEN);
  });

  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))('noise of seed %d', async (seed) => {
    const vm = await fixture.launch([
      ...['dial', fixture.box.agentSocket, 'hello', 'hi', 'noise', String(seed), '200000', 'hang-up', 'exit', '0'],
    ]);
    const record = await vm.wait();
    // Noise mostly is a wrong length; it may also end as an unfinished frame.
    expect([BROKEN.message, undefined]).toContain('message' in record ? record.message : undefined);
  });
});

describe('a guest agent may', () => {
  it('send frames of a later protocol generation: they are dropped', async () => {
    const later = hex({ type: 20, stream: (1 << 16) | 1, payload: Buffer.from('new') });
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'raw', later, 'serve']);
    const inbox = new FrameInbox(vm.channel);
    await vm.channel.send({ type: FrameType.REQUEST, stream: 1, payload: Buffer.from('ok') });
    expect(await inbox.text(FrameType.RESPONSE, 1)).toBe('ok');
  });

  it('send to a slot nobody has: it reaches nobody', async () => {
    const stray = hex({ type: FrameType.DATA, stream: (9 << 16) | 1, payload: Buffer.from('for whom') });
    const gone = hex({ type: FrameType.SLOT_GONE, stream: 9 << 16 });
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'raw', stray + gone, 'serve']);
    const inbox = new FrameInbox(vm.channel);
    await vm.channel.send({ type: FrameType.REQUEST, stream: 1, payload: Buffer.from('ok') });
    await inbox.next(FrameType.RESPONSE, 1);
    expect(inbox.frames.map(({ type }) => type)).toEqual([FrameType.HELLO, FrameType.RESPONSE]);
  });
});

it('kills a machine that does not power off after its agent has hung up, and says so', async () => {
  const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'hang-up', 'stall']);
  expect(await vm.wait()).toMatchObject({ kind: 'Error', message: expect.stringContaining('hung up') });
}, 20_000);

it('accepts the agent link from the VMM alone: another process of the same user is hung up on', async () => {
  const fifo = `${fixture.box.dir}/boot`;
  const made = spawn('mkfifo', [fifo]);
  await once(made, 'exit');
  const vm = await fixture.launch(['await', fifo, ...fixture.box.agent]);
  const stranger = spawn(fixtureVmm, ['dial', fixture.box.agentSocket, 'hello', 'me', 'serve'], { stdio: 'ignore' });
  await once(stranger, 'exit');
  const inbox = new FrameInbox(vm.channel);
  spawn('sh', ['-c', `: > ${fifo}`]);
  expect(await inbox.text(FrameType.HELLO)).toBe('hi');
});

it('what an agent had ready for an earlier link, and sends before its hello, reaches nobody', async () => {
  const stream = (1 << 16) | 1;
  const stale = [
    { type: FrameType.RESPONSE, stream, payload: Buffer.from('stale') },
    { type: FrameType.SLOT_GONE, stream: 1 << 16 },
    { type: FrameType.LINK_ACK, payload: Buffer.from([255, 255, 255, 127]) },
  ].map((frame) => hex(frame));
  const steps = ['dial', fixture.box.agentSocket, ...stale.flatMap((bytes) => ['raw', bytes]), 'hello', 'hi', 'serve'];
  const vm = await fixture.launch(steps);
  const inbox = new FrameInbox(vm.channel);
  expect(await inbox.text(FrameType.HELLO)).toBe('hi');
  await vm.channel.send({ type: FrameType.REQUEST, stream: 1, payload: Buffer.from('fresh') });
  expect(await inbox.text(FrameType.RESPONSE, 1)).toBe('fresh');
});
