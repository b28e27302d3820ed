import type { SupervisedVm, SuperviseRequest } from '@boxlite/core';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { createSupervisor } from '../../src/index.js';
import { FrameInbox } from './frame-inbox.js';
import { buildNative } from './native-build.js';
import { gone, processesWith } from './processes.js';
import { TestBox } from './test-box.js';

export interface BoxFixture {
  readonly box: TestBox;
  /** Launches in the box; ended and awaited after the test at the latest. */
  launch(steps: readonly string[], changes?: Partial<SuperviseRequest>): Promise<SupervisedVm>;
  /** Connects once more. */
  connect(): Promise<SupervisedVm>;
  /** Launches a guest whose agent answers, and waits for its hello. */
  launchAgent(changes?: Partial<SuperviseRequest>): Promise<{ vm: SupervisedVm; inbox: FrameInbox }>;
}

/** A fresh box for each test of a file or block; afterwards nothing of it may run. */
export function withBox(
  settings: { binary?: () => string; owner?: { uid: number; gid: number } | undefined } = {},
): BoxFixture {
  const supervisor = createSupervisor(settings.binary === undefined ? {} : { binary: settings.binary() });
  let box: TestBox;
  let running: SupervisedVm[] = [];

  beforeAll(() => buildNative('all', 'fixtures'));
  beforeEach(() => {
    box = new TestBox(settings.owner);
    running = [];
  });
  afterEach(async () => {
    for (const vm of running) {
      await Promise.allSettled([vm.kill()]);
      await vm.close();
      await gone(vm.welcome.supervisor.pid);
    }
    expect(processesWith(box.dir)).toEqual([]);
    box.remove();
  });

  const keep = (vm: SupervisedVm) => {
    running.push(vm);
    return vm;
  };
  const launch = async (steps: readonly string[], changes: Partial<SuperviseRequest> = {}) =>
    keep(await supervisor.launch(box.request(steps, changes)));
  return {
    get box() {
      return box;
    },
    launch,
    connect: async () => keep(await supervisor.connect(box.controlDir)),
    async launchAgent(changes = {}) {
      const vm = await launch(box.agent, changes);
      const inbox = new FrameInbox(vm.channel);
      await inbox.next(1);
      return { vm, inbox };
    },
  };
}
