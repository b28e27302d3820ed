import { FrameType } from '@boxlite/core';
import { createAgentClient } from '@boxlite/guest-agent';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Box, bootBox, finish } from './support/box.js';
import { failure } from './support/failure.js';
import { readUntil } from './support/read-until.js';

const BOOT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** Counts for ever, and notes the longest time between two turns in hundredths of a second: shows whether a process runs. */
const COUNTER = `i=0; gap=0; last=
while true; do
  read now rest < /proc/uptime
  now=\${now%.*}\${now#*.}
  now=\${now#0}; now=\${now#0} # in the first second 0.89 would be an octal number
  [ -n "$last" ] && [ $((now - last)) -gt $gap ] && gap=$((now - last)) && echo $gap > /tmp/gap
  last=$now; i=$((i+1)); echo $i > /tmp/count
done`;
/** How long the container is kept waiting, longer than any process waits for its turn. */
const STANDSTILL_MS = 1000;

let box: Box;
beforeAll(async () => {
  box = await bootBox({ init: { resolvConf: 'nameserver 192.0.2.53\n', env: { OLD: '1' } } });
  const counter = await box.client.exec({ argv: ['sh', '-c', COUNTER] });
  counter.stdout.discard();
  counter.stderr.discard();
  await box.sh('until [ -s /tmp/count ]; do :; done');
});
afterAll(() => box?.[Symbol.asyncDispose]());

const stdout = async (line: string) => (await box.sh(line)).stdout;
/** The counter's value; for a moment in each turn its file is empty. */
const count = async () => Number(await stdout('until read i < /tmp/count; do :; done; echo $i'));
/** Ends when the counter has come further. */
const goesBeyond = (seen: number) =>
  box.sh(`until [ "$(cat /tmp/count)" -gt ${seen} ]; do :; done 2> /dev/null`, { timeoutMs: 20_000 });

describe('quiesce', () => {
  it('is refused before init, as is renew', async () => {
    await using bare = await bootBox({ init: null });
    expect(await failure(bare.client.quiesce())).toMatchObject({ code: 'invalid_state' });
    expect(await failure(bare.client.renew())).toMatchObject({ code: 'invalid_state' });
    await bare.client.thaw();
  });

  it('stops every process of the container until thaw, and starts what was asked for meanwhile afterwards', async () => {
    await box.client.quiesce({ sync: true });
    let started = false;
    const waiting = box.client.exec({ argv: ['cat', '/tmp/count'] }).then((execution) => {
      started = true;
      return execution;
    });
    const until = performance.now() + STANDSTILL_MS;
    while (performance.now() < until) await box.client.ping();
    expect(started).toBe(false);
    await box.client.quiesce();
    await box.client.thaw();
    expect((await finish(await waiting)).exitCode).toBe(0);
    // Noted in the turn after the one that was interrupted.
    await box.sh(`until [ "$(cat /tmp/gap)" -gt ${STANDSTILL_MS / 20} ]; do :; done`, { timeoutMs: 20_000 });
    expect(Number(await stdout('cat /tmp/gap')) * 10).toBeGreaterThan(STANDSTILL_MS / 2);
  });

  it('says so in the hello, and the host may ask for one at any time', async () => {
    const hello = async () => {
      const client = createAgentClient(box.vm.channel(9));
      return await client.hello;
    };
    expect(await hello()).toMatchObject({ quiesced: false });
    await box.client.quiesce();
    const again = new Promise<void>((resolve) => {
      let hellos = 0;
      box.vm.channel(8).onFrame((frame) => {
        // The relay repeats the last one first.
        if (frame.type === FrameType.HELLO && ++hellos === 2) resolve();
      });
    });
    box.vm.send({ type: FrameType.HELLO });
    await again;
    const now = await hello();
    expect(now).toMatchObject({ quiesced: true, initialized: true });
    expect(now.bootId).toMatch(BOOT_ID);
    await box.client.thaw();
  });

  it('ends with the host process that asked for it', async () => {
    const other = createAgentClient(box.vm.channel(5));
    await other.quiesce();
    const before = box.client.exec({ argv: ['true'] });
    await box.vm.slotGone(5);
    expect(await finish(await before)).toMatchObject({ exitCode: 0 });
  });

  it('forgets a command nobody waits for any more', async () => {
    await box.client.quiesce();
    const gone = new AbortController();
    const abandoned = failure(box.client.exec({ argv: ['touch', '/tmp/abandoned'] }, gone.signal));
    await box.client.ping();
    gone.abort();
    expect(await abandoned).toMatchObject({ code: 'aborted' });
    await box.client.ping();
    await box.client.thaw();
    expect(await box.run(['test', '-e', '/tmp/abandoned'])).toMatchObject({ exitCode: 1 });
  });

  it('does not hold up a shutdown', async () => {
    await using other = await bootBox();
    const sleeping = await other.client.exec({ argv: ['sleep', '1000'] });
    await other.client.quiesce();
    other.vm.send({ type: FrameType.SHUTDOWN });
    expect(await sleeping.wait()).toMatchObject({ signal: 15 });
    expect(await other.vm.exited).toBe(0);
  });
});

describe('renew', () => {
  it('gives the machine another boot id, host name, hosts, resolv.conf, environment and clock, and thaws it', async () => {
    const before = await stdout('cat /proc/sys/kernel/random/boot_id');
    expect(before.trim()).toMatch(BOOT_ID);
    await box.client.quiesce();
    const { bootId, renewUs } = await box.client.renew({
      hostname: 'renewed',
      wallClock: new Date('2033-03-04T05:06:07Z'),
      env: { NEW: '2' },
      cwd: '/home',
      resolvConf: 'nameserver 192.0.2.99\n',
    });
    // By a clock that goes in steps of milliseconds where the kernel has come to distrust its processor's, as on a busy host.
    expect(renewUs).toBeGreaterThanOrEqual(0);
    expect(bootId).toMatch(BOOT_ID);
    expect(bootId).not.toBe(before.trim());
    expect(await stdout('cat /proc/sys/kernel/random/boot_id')).toBe(`${bootId}\n`);
    expect(await stdout('hostname; cat /etc/hostname; date -u +%F; echo $OLD$NEW $HOSTNAME; pwd')).toBe(
      'renewed\nrenewed\n2033-03-04\n2 renewed\n/home\n',
    );
    expect(await stdout('cat /etc/resolv.conf; grep -c renewed /etc/hosts')).toBe('nameserver 192.0.2.99\n1\n');
    const seen = await count();
    expect(await goesBeyond(seen)).toMatchObject({ exitCode: 0 });
  });

  it('reaches processes that ran before', async () => {
    const shell = await box.client.exec({ argv: ['sh'], stdin: true });
    const output = readUntil(shell.stdout, 'ready');
    await shell.stdin.write(Buffer.from('echo ready\n'));
    const reader = await output;
    await box.client.quiesce();
    const { bootId } = await box.client.renew({ hostname: 'again' });
    await shell.stdin.write(Buffer.from('hostname; cat /proc/sys/kernel/random/boot_id; echo done\n'));
    expect(await reader.until('done')).toContain(`again\n${bootId}\n`);
    await shell.stdin.end();
    reader.rest();
    await shell.wait();
  });

  it('may be done without a standstill, leaves what it is not told to change, and cannot be done by the container', async () => {
    const before = await stdout('hostname; cat /etc/resolv.conf; echo $NEW');
    await box.client.renew();
    expect(await stdout('hostname; cat /etc/resolv.conf; echo $NEW')).toBe(before);
    expect((await box.sh('echo x > /proc/sys/kernel/random/boot_id')).exitCode).not.toBe(0);
    expect((await box.sh('cat /proc/self/mountinfo')).stdout).not.toContain('master:');
  });

  it('needs random bytes', async () => {
    expect(await failure(box.client.renew({ entropy: new Uint8Array(31) }))).toMatchObject({
      code: 'invalid_argument',
      details: { field: 'entropy' },
    });
  });
});
