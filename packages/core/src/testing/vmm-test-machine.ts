import assert from 'node:assert/strict';
import type { SupervisedVm } from '../contracts/supervisor.js';
import type { RunningVm, VmmHandler, VmmHost, VmmSpec } from '../contracts/vmm-handler.js';
import { type Frame, FrameType } from '../wire/frame.js';

/** A machine that can be booted once, with files of its own. */
export interface VmmTestMachine extends AsyncDisposable {
  /** Boots to an agent that says hello. */
  readonly spec: VmmSpec;
  /** A real jail and a real supervisor. */
  readonly host: VmmHost;
  /** A file that the jail grants and that is no disk of any format. */
  readonly brokenDisk: string;
  /** The contents of the exit record, undefined when there is none. */
  readExitRecord(): Promise<unknown>;
}

/** What {@link import('./vmm-handler-conformance.js').vmmHandlerConformance} works on. */
export interface VmmHandlerSetup {
  createHandler(): VmmHandler;
  /** Called once a case; the case disposes of it. */
  createMachine(): Promise<VmmTestMachine>;
  /** A round trip to the agent on a fresh connection; needed to see that a paused machine stands still. */
  ping?(vm: SupervisedVm): Promise<void>;
}

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
