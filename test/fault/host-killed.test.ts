import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { living, processesOfBox, timeUntilGone } from './support/box-processes.js';
import { type HostProcess, hostProcess } from './support/host-process.js';

/** Spec section 2, supervisor: boxes that are not detached stop when the host's end of a pipe closes. */
const FOLLOW_HOST_MS = 2000;

describe('a host process that dies by kill -9', () => {
  let home: TemporaryHome;

  beforeAll(async () => {
    home = await temporaryHome();
  });
  afterAll(() => home.remove());

  const write = (host: HostProcess, id: string, text: string) =>
    host.call.run(id, 'sh', ['-c', `echo ${text} >> /root/kept && sync`]);

  it('takes a box that is not detached with it within two seconds, whatever it runs, and the files are there after a new start', async () => {
    const host = await hostProcess(home.home);
    const id = await host.call.create({ memoryMib: 128, name: 'follower' });
    await write(host, id, 'first');
    await host.call.exec(id, 'sh', ['-c', "trap '' TERM HUP INT; while :; do echo busy; done"]);
    const processes = await processesOfBox(home.home, id);
    expect(living(processes)).toEqual(['supervisor', 'vmm', 'bubblewrap']);
    const begin = performance.now();
    await host.kill();
    await timeUntilGone(processes);
    const tookMs = performance.now() - begin;
    expect(living(processes)).toEqual([]);
    expect(tookMs).toBeLessThan(FOLLOW_HOST_MS);
    process.stderr.write(`kill -9 of the host to the end of the VM: ${tookMs.toFixed(0)} ms\n`);

    await using next = await hostProcess(home.home);
    expect((await next.call.info(id)).status).toBe('stopped');
    await write(next, id, 'second');
    expect((await next.call.run(id, 'cat', ['/root/kept'])).stdout).toBe('first\nsecond\n');
    await next.call.shutdown();
  });

  it('leaves a detached box running: other processes execute in it, also commands begun before, and stop it', async () => {
    const host = await hostProcess(home.home);
    const id = await host.call.create({ memoryMib: 128, detach: true });
    await host.call.run(id, 'sh', ['-c', '(while [ ! -e /go ]; do sleep 0.05; done; echo went > /went) &']);
    const processes = await processesOfBox(home.home, id);
    await host.kill();

    await using next = await hostProcess(home.home);
    expect(await next.call.info(id)).toMatchObject({ status: 'running', pid: processes.vmm.pid });
    const waited = 'touch /go; while [ ! -s /went ]; do sleep 0.05; done; cat /went';
    expect(await next.call.run(id, 'sh', ['-c', waited])).toEqual({ exitCode: 0, stdout: 'went\n' });
    expect(living(processes)).toHaveLength(3);
    await next.call.stop(id);
    expect(await timeUntilGone(processes)).toBeDefined();
    expect((await next.call.info(id)).status).toBe('stopped');
    await next.call.shutdown();
  });
});
