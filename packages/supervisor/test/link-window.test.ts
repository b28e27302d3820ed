import { Channel, encodeFrame, FRAME_HEADER_BYTES, FrameFlag, FrameType, LINK_WINDOW_BYTES } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { FrameInbox } from './support/frame-inbox.js';
import { withBox } from './support/with-box.js';

const fixture = withBox();

const hex = (frame: Parameters<typeof encodeFrame>[0]) => Buffer.from(encodeFrame(frame)).toString('hex');
const WINDOWED_HELLO = hex({ type: FrameType.HELLO, flags: FrameFlag.WINDOWED, payload: Buffer.from('hi') });
const LENGTH = 60_000;

/** An agent that says it keeps a window, then what `steps` say. */
async function launch(...steps: string[]) {
  const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'raw', WINDOWED_HELLO, ...steps]);
  const inbox = new FrameInbox(vm.channel);
  await inbox.next(FrameType.HELLO);
  return { vm, inbox };
}

const request = (stream: number) => ({ type: FrameType.REQUEST, stream, payload: Buffer.alloc(LENGTH, 'x') });
const acknowledgement = (bytes: number) => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(bytes);
  return hex({ type: FrameType.LINK_ACK, payload });
};

describe('the link to an agent that keeps a window', () => {
  it('has no more than the window under way: what comes after waits for the acknowledgement', async () => {
    const { vm, inbox } = await launch('serve');
    const sent = [1, 2, 3, 4].map((stream) => vm.channel.send(request(stream)));
    await Promise.all(sent);
    await Promise.all([1, 2].map((stream) => inbox.next(FrameType.RESPONSE, stream)));
    // The third does not fit any more; STOP, which is the supervisor's own, does not wait.
    expect(3 * (FRAME_HEADER_BYTES + LENGTH)).toBeGreaterThan(LINK_WINDOW_BYTES);
    expect(await vm.stop(5000)).toEqual({ kind: 'Clean', reason: 'shutdown' });
    expect(inbox.frames.filter(({ type }) => type === FrameType.RESPONSE)).toHaveLength(2);
  });

  it('goes on with each acknowledgement', async () => {
    const { vm, inbox } = await launch('acknowledge', 'serve');
    for (let stream = 1; stream <= 10; stream++) await vm.channel.send(request(stream));
    await Promise.all(Array.from({ length: 10 }, (_, index) => inbox.next(FrameType.RESPONSE, index + 1)));
    await vm.stop(5000);
  });

  it('is acknowledged to the agent, all of it but a last part', async () => {
    const { vm, inbox } = await launch('acknowledge', 'serve');
    const payload = Buffer.alloc(LENGTH, 'x');
    for (let count = 0; count < 8; count++) {
      await vm.channel.send({ type: FrameType.DATA, stream: 1, channel: Channel.STDIN, payload });
    }
    const received = () => inbox.frames.filter(({ type }) => type === FrameType.DATA).length;
    await expect.poll(received, { timeout: 20_000 }).toBe(8);
    await vm.stop(5000);
    const console = fixture.box.read(fixture.box.consoleFile);
    const acknowledged = [...console.matchAll(/^acknowledged (\d+)$/gm)].reduce(
      (sum, [, bytes]) => sum + Number(bytes),
      0,
    );
    expect(acknowledged).toBeGreaterThan(7 * (FRAME_HEADER_BYTES + LENGTH));
    expect(acknowledged).toBeLessThanOrEqual(8 * (FRAME_HEADER_BYTES + LENGTH));
  });

  it('is not told to host processes: their hello has no flag, and they see no acknowledgement', async () => {
    const { vm, inbox } = await launch('acknowledge', 'serve');
    await vm.channel.send(request(1));
    await inbox.next(FrameType.RESPONSE, 1);
    expect(inbox.frames.map(({ type, flags }) => [type, flags])).toEqual([
      [FrameType.HELLO, 0],
      [FrameType.RESPONSE, FrameFlag.END],
    ]);
    await vm.stop(5000);
  });

  it.each([
    ['more than was sent', acknowledgement(1)],
    ['on a stream', hex({ type: FrameType.LINK_ACK, stream: (1 << 16) | 1, payload: Buffer.alloc(4) })],
    ['without a number', hex({ type: FrameType.LINK_ACK })],
  ])('ends the box when the agent acknowledges %s', async (_what, bytes) => {
    const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'raw', WINDOWED_HELLO, 'raw', bytes, 'stall']);
    expect(await vm.wait()).toMatchObject({ kind: 'Error', message: 'guest agent broke the protocol' });
  });
});

it('an agent that keeps no window is sent to without one', async () => {
  const { vm, inbox } = await fixture.launchAgent();
  for (let stream = 1; stream <= 5; stream++) await vm.channel.send(request(stream));
  await Promise.all([1, 2, 3, 4, 5].map((stream) => inbox.next(FrameType.RESPONSE, stream)));
  await vm.stop(5000);
});
