import assert from 'node:assert/strict';
import { rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { BoxliteError } from '../../errors/boxlite-error.js';
import type { RuledCases } from '../define-cases.js';
import { eventuallyNone } from '../eventually.js';
import { identityOf } from '../processes.js';
import { rejectsWith } from '../rejects-with.js';
import { assertNoFilesOf, newProcesses } from '../surroundings.js';
import { hello, type SupervisorBench } from './supervisor-bench.js';

/** How a supervisor begins. */
export const launchCases: RuledCases<SupervisorBench> = {
  'Resolves when the VMM process runs (not when the guest is ready)': {
    'launch of a guest that never speaks tells who runs: supervisor and VMM, with the times they started': async (
      bench,
    ) => {
      const { welcome } = await bench.launch(bench.script('exec sleep 1000'));
      assert.deepEqual(identityOf(welcome.vmm.pid), welcome.vmm);
      assert.deepEqual(identityOf(welcome.supervisor.pid), welcome.supervisor);
      assert.notEqual(welcome.vmm.pid, welcome.supervisor.pid);
      assert.equal(welcome.detached, false);
    },
  },
  '`shim.pid`, written before the VMM runs': {
    'the VMM itself can read the record, which names it and its supervisor': async (bench) => {
      const { pidFile, consoleFile } = bench.box.request;
      const vm = await bench.launch(bench.script(`cat '${pidFile}'; echo "self $$"; exec sleep 1000`));
      const { supervisor, vmm } = vm.welcome;
      const record = `supervisor ${supervisor.pid} ${supervisor.startTime}\nvmm ${vmm.pid} ${vmm.startTime}\n`;
      assert.equal(await bench.read(pidFile), record);
      await bench.shown(/^self /m);
      await vm.kill();
      assert.equal(await bench.read(consoleFile), `${record}self ${vmm.pid}\n`);
    },
  },
  "Written to the VMM's stdin, which then ends. Absent: stdin is empty": {
    'stdin is what the request says, to its end': async (bench) => {
      const stdin = new TextEncoder().encode('{"vcpus":1}\n');
      await (await bench.launch(bench.script('cat; echo end'), { stdin })).wait();
      assert.equal(await bench.read(bench.box.request.consoleFile), '{"vcpus":1}\nend\n');
    },
    'stdin is empty when the request has none': async (bench) => {
      await (await bench.launch(bench.script('cat; echo end'))).wait();
      assert.equal(await bench.read(bench.box.request.consoleFile), 'end\n');
    },
  },
  "The complete environment; nothing of the host's is added": {
    'the VMM sees the environment of its command and no variable of the host': async (bench) => {
      const env = { PATH: '/usr/bin:/bin', ONLY: 'this' };
      await (await bench.launch({ ...bench.script('tr "\\0" "\\n" < /proc/$$/environ'), env })).wait();
      const variables = (await bench.read(bench.box.request.consoleFile)).trim().split('\n');
      assert.deepEqual(variables.sort(), ['ONLY=this', 'PATH=/usr/bin:/bin']);
    },
  },
  'Bytes to put on inherited file descriptors of the spawned process (seccomp programs, argument lists)': {
    'data descriptors hold their bytes, and no other descriptor of the host is inherited': async (bench) => {
      const data = new TextEncoder().encode('a program\n');
      const command = { ...bench.script('cat <&7; exec ls /proc/self/fd'), dataFds: [{ fd: 7, data }] };
      await (await bench.launch(command)).wait();
      const [text, ...fds] = (await bench.read(bench.box.request.consoleFile)).trim().split('\n');
      assert.equal(text, 'a program');
      // The fourth is the listing's own.
      assert.deepEqual(fds.sort(), ['0', '1', '2', '3', '7']);
    },
  },
  'Listening unix sockets handed to the VMM as file descriptors (>= 10): bound outside the jail, so the VMM needs no path':
    {
      'a listener is a socket at its number, and its path can be connected to': async (bench) => {
        const path = join(bench.box.request.controlDir, 'monitor.sock');
        const vm = await bench.launch(bench.script('readlink /proc/self/fd/10; exec sleep 1000'), {
          listeners: [{ fd: 10, path }],
        });
        await new Promise<void>((resolve, reject) => {
          const socket = connect(path, () => socket.destroy());
          socket.on('error', reject);
          socket.on('close', () => resolve());
        });
        await bench.shown(/\n/);
        await vm.kill();
        assert.match(await bench.read(bench.box.request.consoleFile), /^socket:/);
      },
    },
  'Opened by the supervisor before anything is confined, and handed to the VMM as file descriptors (>= 10)': {
    'a file is open at its number, from its start and for reading alone': async (bench) => {
      const path = join(bench.box.request.controlDir, 'state');
      await writeFile(path, 'a state\n', { mode: 0o600 });
      const gone = `while test -e '${path}'; do sleep 0.01; done`;
      const script = bench.script(`cat /proc/self/fdinfo/11; ${gone}; cat /proc/self/fd/11`);
      const vm = await bench.launch(script, { files: [{ fd: 11, path }] });
      await rm(path);
      await vm.wait();
      const shown = await bench.read(bench.box.request.consoleFile);
      assert.match(shown, /^pos:\s+0\nflags:\s+[0-7]*0\n/);
      assert.ok(shown.endsWith('\na state\n'), shown);
    },
    'a link in the place of a file, a directory and a missing file are refused with the step, and nothing is left':
      async (bench) => {
        const { controlDir } = bench.box.request;
        const link = join(controlDir, 'link');
        await symlink('/etc/passwd', link);
        for (const path of [link, controlDir, join(controlDir, 'none')]) {
          const files = [{ fd: 10, path }];
          const error = await rejectsWith(bench.launch(bench.script('echo runs'), { files }), 'vmm_failed');
          assert.equal(typeof error.details.step, 'string', 'details.step names the step');
          assert.equal(await bench.read(bench.box.request.consoleFile), '');
        }
        await rm(link);
        await assertNothingLeft(bench);
      },
  },
  "The VMM's stdout is the guest console; kept here, capped, one rotation (`.1`)": {
    'a console that is flooded stays below its bound and one rotation, and its last line is kept': async (bench) => {
      const consoleMaxBytes = 65_536;
      const flood = `yes 0123456789 | head -c ${consoleMaxBytes * 5}; echo; echo last`;
      await (await bench.launch(bench.script(flood), { consoleMaxBytes })).wait();
      const { consoleFile } = bench.box.request;
      const [now, rotated] = [await bench.read(consoleFile), await bench.read(`${consoleFile}.1`)];
      assert.ok(now.length <= consoleMaxBytes, `the console is ${now.length} bytes`);
      assert.ok(rotated.length > 0 && rotated.length <= consoleMaxBytes, `the rotation is ${rotated.length} bytes`);
      assert.ok(now.endsWith('last\n'), now.slice(-40));
    },
  },
  '`vmm_failed` or `supervisor_failed` with the name of the step that failed and the end of stderr': {
    'a VMM that does not exist is vmm_failed with the step, and nothing is left': async (bench) => {
      const command = { ...bench.script(''), binary: '/nonexistent/vmm' };
      const error = await rejectsWith(bench.launch(command), 'vmm_failed');
      assert.equal(typeof error.details.step, 'string', 'details.step names the step');
      await assertNothingLeft(bench);
    },
  },
  'A box has one supervisor at a time: a second launch is `supervisor_failed` and leaves the first alone': {
    'a second launch of a running box is refused, and the first machine runs on': async (bench) => {
      const first = await bench.launch(bench.box.agentCommand('willing'));
      await rejectsWith(bench.launch(bench.script('exec sleep 1000')), 'supervisor_failed');
      assert.deepEqual(identityOf(first.welcome.vmm.pid), first.welcome.vmm);
      await hello(first);
      assert.deepEqual((await bench.connect()).welcome.vmm, first.welcome.vmm);
    },
    'a box whose machine has ended can be launched again': async (bench) => {
      await (await bench.launch(bench.script('true'))).wait();
      await (await bench.launch(bench.box.agentCommand('willing'))).kill();
    },
  },
  'the same holds for a launch that throws, also with `aborted` because of its signal': {
    'a launch with a signal that has fired is aborted and leaves nothing': async (bench) => {
      await rejectsWith(bench.launch(bench.script('exec sleep 1000'), {}, AbortSignal.abort()), 'aborted');
      await assertNothingLeft(bench);
    },
    'a launch whose signal fires meanwhile is aborted and leaves nothing': async (bench) => {
      const controller = new AbortController();
      const launching = bench.launch(bench.script('exec sleep 1000'), {}, controller.signal);
      controller.abort();
      await rejectsWith(launching, 'aborted');
      await assertNothingLeft(bench);
    },
  },
};

/** Asserts that a box is as before its launch. */
export async function assertNothingLeft({ before, box, supervisor }: SupervisorBench): Promise<void> {
  await eventuallyNone(() => newProcesses(before), 'processes are left');
  await assertNoFilesOf(box.request);
  const connecting = supervisor.connect(box.request.controlDir);
  await assert.rejects(connecting, (thrown) => BoxliteError.isInstance(thrown, 'agent_unavailable'));
}
