import type { SupervisedVm, Supervisor } from '@boxlite/core';
import type { GuestChannelSetup, SupervisorSetup } from '@boxlite/core/testing';
import { createSupervisor } from '../../src/index.js';
import { FrameInbox } from './frame-inbox.js';
import { TestBox } from './test-box.js';

/** The suites of core over the real supervisor, or over a mutant of it. */
export function supervisorSetup(mutate?: (right: Supervisor) => Supervisor): SupervisorSetup {
  return {
    createSupervisor: () => mutate?.(createSupervisor()) ?? createSupervisor(),
    async createBox() {
      const box = new TestBox();
      const { command: _command, ...request } = box.request([]);
      const speak = ['dial', box.agentSocket, 'hello', 'hi'];
      return {
        request,
        agentCommand: (kind) =>
          kind === 'willing' ? box.command([...speak, 'serve', 'out', 'bye']) : box.command([...speak, 'stubborn']),
        [Symbol.asyncDispose]: async () => box.remove(),
      };
    },
    // A mutant that hangs has to be waited for; what is right must not fail on a busy machine.
    deadlineMs: mutate === undefined ? 30_000 : 2_500,
  };
}

/** Channels of a box under the real supervisor, or mutants of them. */
export function guestChannelSetup(mutate?: (right: SupervisedVm) => SupervisedVm['channel']): GuestChannelSetup {
  return {
    async createAgent(kind) {
      const box = new TestBox();
      const supervisor = createSupervisor();
      const speak = ['dial', box.agentSocket, 'hello', 'hi'];
      const vm = await supervisor.launch(box.request([...speak, kind === 'echo' ? 'serve' : 'stall']));
      await new FrameInbox(vm.channel).next(1);
      const held = [vm];
      return {
        async connect() {
          const connection = await supervisor.connect(box.controlDir);
          held.push(connection);
          return mutate?.(connection) ?? connection.channel;
        },
        end: async () => void (await vm.kill()),
        async [Symbol.asyncDispose]() {
          await vm.kill();
          for (const connection of held) await connection.close();
          box.remove();
        },
      };
    },
    deadlineMs: mutate === undefined ? 30_000 : 2_500,
  };
}
