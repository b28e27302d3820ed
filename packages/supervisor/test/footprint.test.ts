import { connect } from 'node:net';
import { encodeFrame, FrameDecoder, FrameType } from '@boxlite/core';
import { expect, it } from 'vitest';
import { FrameInbox } from './support/frame-inbox.js';
import { withBox } from './support/with-box.js';

const fixture = withBox();
/** An ordinary user may not look into a supervisor, their own neither. */
const isRoot = process.geteuid?.() === 0;

function pssKilobytes(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(fixture.box.read(`/proc/${pid}/smaps_rollup`))?.[1]);
}

it.skipIf(!isRoot)(
  'a supervisor with three connections uses less than 1 MiB, also after it has carried 20 MiB',
  async () => {
    const { vm, inbox } = await fixture.launchAgent();
    const pid = vm.welcome.supervisor.pid;
    const others = [await fixture.connect(), await fixture.connect()];
    expect(pssKilobytes(pid)).toBeLessThan(1024);
    for (let stream = 1; stream <= 160; stream += 1) {
      // As much at a time as credit allows.
      await vm.channel.send({ type: FrameType.REQUEST, stream, payload: Buffer.from('!data 4') });
      await inbox.next(FrameType.RESPONSE, stream);
    }
    await others[0]!.channel.send({ type: FrameType.REQUEST, stream: 1, payload: Buffer.from('settled') });
    await new FrameInbox(others[0]!.channel).next(FrameType.RESPONSE, 1);
    expect(pssKilobytes(pid)).toBeLessThan(1024);
  },
);

it.skipIf(!isRoot)('what a slow connection made it keep, it gives back once that has been read', async () => {
  const { vm, inbox } = await fixture.launchAgent();
  const pid = vm.welcome.supervisor.pid;
  const slow = connect({ path: `${fixture.box.controlDir}/api.sock` });
  await new Promise((resolve) => slow.once('connect', resolve));
  slow.write(encodeFrame({ type: FrameType.REQUEST, stream: 1, payload: Buffer.from('!data 180') }));
  for (const stream of [1, 2]) {
    await vm.channel.send({ type: FrameType.REQUEST, stream, payload: Buffer.from('later') });
    await inbox.next(FrameType.RESPONSE, stream);
  }
  expect(pssKilobytes(pid)).toBeGreaterThan(4096);
  const decoder = new FrameDecoder();
  await new Promise<void>((resolve) => {
    slow.on('data', (chunk) => {
      if (decoder.push(chunk).some(({ type }) => type === FrameType.RESPONSE)) resolve();
    });
  });
  await vm.channel.send({ type: FrameType.REQUEST, stream: 3, payload: Buffer.from('settled') });
  await inbox.next(FrameType.RESPONSE, 3);
  expect(pssKilobytes(pid)).toBeLessThan(1024);
  slow.destroy();
});

it('an idle supervisor never wakes up', async () => {
  const { vm } = await fixture.launchAgent();
  const switches = () =>
    Number(
      /^voluntary_ctxt_switches:\s+(\d+)/m.exec(fixture.box.read(`/proc/${vm.welcome.supervisor.pid}/status`))?.[1],
    );
  await fixture.connect();
  // The connection above has been dealt with once its welcome is here; from then on only time passes.
  const before = switches();
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(switches() - before).toBeLessThanOrEqual(1);
});

it('confines itself: no new privileges, and a seccomp filter', async () => {
  const { vm } = await fixture.launchAgent();
  const status = fixture.box.read(`/proc/${vm.welcome.supervisor.pid}/status`);
  expect(status).toMatch(/^NoNewPrivs:\t1$/m);
  expect(status).toMatch(/^Seccomp:\t2$/m);
});
