import assert from 'node:assert/strict';
import { BoxliteError } from '../../errors/boxlite-error.js';
import type { RuledCases } from '../define-cases.js';
import { isRunning } from '../processes.js';
import { GRACE_MS } from './end-cases.js';
import { firstHello } from './first-hello.js';
import { assertStandsStill } from './stands-still.js';
import type { VmmBench } from './vmm-bench.js';

/** Connections to running machines. */
export const connectionCases: RuledCases<VmmBench> = {
  "`close()` gives up this process's connection and leaves the machine running": {
    'attach over a second connection sees the same machine; closing it, also twice, leaves the machine running': async (
      bench,
    ) => {
      const { vm, machine, handler } = await bench.start();
      const { supervisor, request, listenerPath } = machine.host;
      const attach = async () =>
        handler.attach(await supervisor.connect(request.controlDir), (name) => listenerPath(name));
      const other = await attach();
      assert.deepEqual(other.identity, vm.identity);
      await firstHello(other);
      await other.close();
      await other.close();
      await other[Symbol.asyncDispose]();
      assert.ok(isRunning(vm.identity), 'the machine runs on');
      const third = await attach();
      const record = await third.stop(GRACE_MS);
      assert.equal(record.kind, 'Clean', JSON.stringify(record));
      assert.deepEqual(await vm.wait(), record);
      await third.close();
    },
  },
  '`attach` wraps a machine another process started': {
    'who is connected when the VMM dies is told how, who connects meanwhile is told or refused, and nobody hangs':
      async (bench) => {
        const { vm, machine, handler } = await bench.start();
        const { supervisor, request, listenerPath } = machine.host;
        const attach = async () => handler.attach(await supervisor.connect(request.controlDir), listenerPath);
        const connected = await attach();
        process.kill(vm.identity.pid, 'SIGKILL');
        const attempts = await Promise.allSettled(
          Array.from({ length: 3 }, async () => {
            await using other = await attach();
            return await other.wait();
          }),
        );
        const record = await vm.wait();
        assert.deepEqual(await connected.wait(), record);
        await connected.close();
        for (const attempt of attempts) {
          if (attempt.status === 'fulfilled') assert.deepEqual(attempt.value, record);
          else assert.ok(BoxliteError.isInstance(attempt.reason, 'agent_unavailable'), String(attempt.reason));
        }
      },
  },
  'The guest stands still until `resume`; a paused machine can be stopped as gracefully as any': {
    'pause, where there is one, makes the guest stand still until resume, and a paused machine stops gracefully':
      async (bench) => {
        const { vm, machine } = await bench.start();
        if (vm.pause === undefined || vm.resume === undefined) return;
        const { supervisor, request } = machine.host;
        await firstHello(vm);
        await vm.pause();
        await vm.pause();
        await assertStandsStill(bench.setup, machine.host);
        await vm.resume();
        await bench.setup.ping?.(await supervisor.connect(request.controlDir));
        await vm.pause();
        assert.equal((await vm.stop(GRACE_MS)).kind, 'Clean');
      },
  },
};
