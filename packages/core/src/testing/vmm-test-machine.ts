import assert from 'node:assert/strict';
import type { RunningVm } from '../contracts/vmm-handler.js';
import { type Frame, FrameType } from '../wire/frame.js';

/** A slow boot under emulation on a busy host, in milliseconds. */
const HELLO_TIMEOUT_MS = 30_000;

/** Resolves with the first frame of the channel, which must be the agent's hello. */
export async function firstHello(vm: RunningVm): Promise<Frame> {
  const frame = await new Promise<Frame>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no hello arrived')), HELLO_TIMEOUT_MS);
    vm.channel.onFrame((first) => {
      clearTimeout(timer);
      resolve(first);
    });
    vm.channel.onClose((reason) => {
      clearTimeout(timer);
      reject(reason);
    });
  });
  assert.equal(frame.type, FrameType.HELLO);
  assert.ok(frame.payload.length > 0, 'the hello says something');
  return frame;
}
