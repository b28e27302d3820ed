import assert from 'node:assert/strict';
import type { RunningVm } from '../../contracts/vmm-handler.js';
import { type Frame, FrameType } from '../../wire/frame.js';

/** Resolves with the first frame of the channel, which must be the agent's hello. */
export async function firstHello(vm: RunningVm): Promise<Frame> {
  const frame = await new Promise<Frame>((resolve, reject) => {
    vm.channel.onFrame(resolve);
    vm.channel.onClose(reject);
  });
  assert.equal(frame.type, FrameType.HELLO, 'the first frame is the hello of the agent');
  assert.ok(frame.payload.length > 0, 'the hello says something');
  return frame;
}
