import { FrameFlag, FrameType } from '@boxlite/core';
import { expect, it } from 'vitest';
import { LoopHold } from './loop-hold.js';

function held() {
  const socket = {
    destroyed: false,
    kept: true,
    ref() {
      this.kept = true;
    },
    unref() {
      this.kept = false;
    },
  };
  return { socket, hold: new LoopHold(socket) };
}

const frame = (type: number, stream: number, flags = 0) => ({
  type,
  stream,
  flags,
  channel: 0,
  payload: new Uint8Array(0),
});

it('keeps the event loop while a stream is open, until the agent has confirmed its end', () => {
  const { socket, hold } = held();
  hold.sent({ type: FrameType.REQUEST, stream: 1 });
  hold.sent({ type: FrameType.REQUEST, stream: 2 });
  hold.received(frame(FrameType.RESPONSE, 1));
  hold.received(frame(FrameType.RESPONSE, 1, FrameFlag.END));
  expect(socket.kept).toBe(true);
  hold.sent({ type: FrameType.CLOSE, stream: 2 });
  expect(socket.kept).toBe(true);
  hold.received(frame(FrameType.CLOSE, 2));
  expect(socket.kept).toBe(false);
});

it('keeps it while somebody waits, and not after', async () => {
  const { socket, hold } = held();
  let finish: (value: number) => void = () => undefined;
  const waiting = hold.during(new Promise<number>((resolve) => (finish = resolve)));
  expect(socket.kept).toBe(true);
  finish(7);
  expect(await waiting).toBe(7);
  expect(socket.kept).toBe(false);
});

it('keeps it for a listener until the hello of the agent', () => {
  const { socket, hold } = held();
  hold.listening();
  expect(socket.kept).toBe(true);
  hold.received(frame(FrameType.HELLO, 0));
  expect(socket.kept).toBe(false);
});

it('leaves a destroyed socket alone', () => {
  const { socket, hold } = held();
  socket.destroyed = true;
  socket.kept = false;
  hold.listening();
  expect(socket.kept).toBe(false);
});
