import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { encodeFrame, FrameDecoder, FrameType } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createSupervisor } from '../src/index.js';
import { FrameInbox } from './support/frame-inbox.js';
import { isRunning } from './support/processes.js';
import { NOBODY, runningUsers } from './support/running-users.js';
import { withBox } from './support/with-box.js';

const fixture = withBox();

function request(stream: number, text: string) {
  return { type: FrameType.REQUEST, stream, payload: Buffer.from(text) };
}

/** A raw connection, for frames the client would not send. */
async function rawConnection(): Promise<Socket> {
  const socket = connect({ path: `${fixture.box.controlDir}/api.sock` });
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Resolves when the other side has hung up. */
function hungUp(socket: Socket): Promise<void> {
  socket.resume();
  // A reset is one of the ways to be hung up on; 'close' follows.
  socket.on('error', () => socket.destroy());
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once('close', () => resolve())));
}

describe('several host processes', () => {
  it('have their own stream ids: the same number on two connections is two streams', async () => {
    const { vm, inbox } = await fixture.launchAgent();
    const other = await fixture.connect();
    const otherInbox = new FrameInbox(other.channel);
    await Promise.all([vm.channel.send(request(1, 'one')), other.channel.send(request(1, 'two'))]);
    expect(await inbox.text(FrameType.RESPONSE, 1)).toBe('one');
    expect(await otherInbox.text(FrameType.RESPONSE, 1)).toBe('two');
    expect(inbox.frames.filter(({ type }) => type === FrameType.RESPONSE)).toHaveLength(1);
  });

  it('are each given the hello of the agent, also when they come later', async () => {
    await fixture.launchAgent();
    for (let count = 0; count < 3; count += 1) {
      const inbox = new FrameInbox((await fixture.connect()).channel);
      expect(await inbox.text(FrameType.HELLO)).toBe('hi');
    }
  });

  it('are all told how the box ended', async () => {
    const { vm } = await fixture.launchAgent();
    const others = await Promise.all([fixture.connect(), fixture.connect(), fixture.connect()]);
    const told = Promise.all(others.map((other) => other.wait()));
    await vm.stop(5000);
    expect(await told).toEqual(Array(3).fill({ kind: 'Clean', reason: 'shutdown' }));
  });

  it('may send before the agent is there: the frames wait for it', async () => {
    const fifo = `${fixture.box.dir}/boot`;
    execFileSync('mkfifo', [fifo]);
    const vm = await fixture.launch(['await', fifo, ...fixture.box.agent]);
    const inbox = new FrameInbox(vm.channel);
    await vm.channel.send(request(3, 'early'));
    // Only now does the guest boot.
    writeFileSync(fifo, '');
    expect(await inbox.text(FrameType.RESPONSE, 3)).toBe('early');
  });

  it('the agent hears of one that goes away, and its slot is not given out again before that is confirmed', async () => {
    const { vm, inbox } = await fixture.launchAgent();
    for (let count = 0; count < 3; count += 1) {
      const other = await fixture.connect();
      const otherInbox = new FrameInbox(other.channel);
      await other.channel.send(request(1, 'here'));
      await otherInbox.next(FrameType.RESPONSE, 1);
      await other.close();
    }
    await vm.channel.send(request(1, 'after'));
    await inbox.next(FrameType.RESPONSE, 1);
    await vm.stop(5000);
    expect(fixture.box.read(fixture.box.consoleFile)).toBe('slot 1 gone\nslot 2 gone\nslot 3 gone\n');
  });

  it('closing the connection of the launcher does not stop the box', async () => {
    const { vm } = await fixture.launchAgent();
    await vm.close();
    await expect(vm.wait()).rejects.toMatchObject({ code: 'agent_unavailable' });
    const other = await fixture.connect();
    const inbox = new FrameInbox(other.channel);
    await other.channel.send(request(5, 'still here'));
    expect(await inbox.text(FrameType.RESPONSE, 5)).toBe('still here');
    await other.stop(5000);
  });
});

describe('a host process that does not read', () => {
  it('does not hold up the others, and is dropped when 8 MiB wait for it', async () => {
    const { vm, inbox } = await fixture.launchAgent();
    const stuck = await rawConnection();
    stuck.write(encodeFrame(request(1, '!data 320')));
    // By the first answer the request above is on its way to the agent; by the second its 10 MiB have all been routed.
    for (const stream of [2, 3]) {
      await vm.channel.send(request(stream, 'me too'));
      expect(await inbox.text(FrameType.RESPONSE, stream)).toBe('me too');
    }
    await hungUp(stuck);
    await vm.channel.send(request(4, 'and again'));
    expect(await inbox.text(FrameType.RESPONSE, 4)).toBe('and again');
  });

  it('still learns how the box ended when its connection was dropped', async () => {
    const { vm, inbox } = await fixture.launchAgent();
    const other = await fixture.connect();
    const otherInbox = new FrameInbox(other.channel);
    await other.channel.send(request(1, '!data 640'));
    // 20 MiB while this process does not return to its event loop.
    const until = performance.now() + 1500;
    while (performance.now() < until);
    expect((await otherInbox.closed).message).toContain('dropped this connection');
    const told = other.wait();
    await vm.channel.send(request(2, 'alive'));
    await inbox.next(FrameType.RESPONSE, 2);
    await vm.stop(5000);
    expect(await told).toEqual({ kind: 'Clean', reason: 'shutdown' });
  });
});

describe('back-pressure', () => {
  // Only root may look into a supervisor.
  it.skipIf(process.geteuid?.() !== 0)(
    'a guest that does not read stops its writers without growing the supervisor',
    async () => {
      const vm = await fixture.launch(['dial', fixture.box.agentSocket, 'hello', 'hi', 'stall']);
      await new FrameInbox(vm.channel).next(FrameType.HELLO);
      const payload = new Uint8Array(65_536);
      let settled = 0;
      for (let count = 0; count < 200; count += 1) {
        void vm.channel.send({ type: FrameType.DATA, stream: 1, payload }).then(
          () => (settled += 1),
          () => undefined,
        );
      }
      await fixture.connect();
      const kilobytes = Number(
        /^Pss:\s+(\d+)/m.exec(fixture.box.read(`/proc/${vm.welcome.supervisor.pid}/smaps_rollup`))?.[1],
      );
      expect(kilobytes).toBeLessThan(2048);
      expect(settled).toBeLessThan(100);
    },
  );

  it('whoever waits for room takes turns: one writer does not starve another', async () => {
    const { vm, inbox } = await fixture.launchAgent();
    const other = await fixture.connect();
    const otherInbox = new FrameInbox(other.channel);
    const payload = new Uint8Array(32_768);
    const flood = Array.from({ length: 200 }, () => vm.channel.send({ type: FrameType.DATA, stream: 1, payload }));
    await other.channel.send(request(1, 'between'));
    expect(await otherInbox.text(FrameType.RESPONSE, 1)).toBe('between');
    await Promise.all(flood);
    await vm.channel.send(request(2, 'done'));
    await inbox.next(FrameType.RESPONSE, 2);
  });
});

describe('a host process that breaks the protocol', () => {
  const bad: Record<string, Uint8Array> = {
    'a frame over the bound': Buffer.from('ffffffff0100000002000000', 'hex'),
    'a type only the agent may send': encodeFrame({ type: FrameType.RESPONSE, stream: 1 }),
    'a type only the supervisor may send': encodeFrame({ type: FrameType.SHUTDOWN }),
    'a type nobody knows': encodeFrame({ type: 200, stream: 1 }),
    'the slot of another': encodeFrame({ type: FrameType.REQUEST, stream: (1 << 16) | 1 }),
    'stream 0': encodeFrame({ type: FrameType.REQUEST, stream: 0 }),
    'a stop without a grace': encodeFrame({ type: FrameType.STOP }),
  };

  it.each(Object.keys(bad))('is dropped for %s, and nobody else notices', async (name) => {
    const { vm, inbox } = await fixture.launchAgent();
    const raw = await rawConnection();
    raw.write(bad[name]!);
    await hungUp(raw);
    await vm.channel.send(request(1, 'fine'));
    expect(await inbox.text(FrameType.RESPONSE, 1)).toBe('fine');
  });

  it('survives 300 connections of seeded noise', async () => {
    const { vm, inbox } = await fixture.launchAgent();
    let state = 20_261_122;
    const next = () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 16;
    };
    for (let round = 0; round < 300; round += 1) {
      const raw = await rawConnection();
      const noise = Buffer.from(Array.from({ length: next() % 200 }, () => next() & 0xff));
      // Half of them behind a header that looks right; STOP and KILL are left out, they would work.
      const type = [2, 4, 5, 6, 1, 3, 7, 8, 9, 35][next() % 10]!;
      const framed = encodeFrame({ type, stream: next(), payload: noise });
      raw.on('error', () => raw.destroy());
      raw.end(next() % 2 === 0 ? framed : Buffer.concat([framed, noise]).subarray(0, next() % 200));
      await hungUp(raw);
    }
    expect(isRunning(vm.welcome.supervisor.pid), `seed 20261122`).toBe(true);
    await vm.channel.send(request(1, 'fine'));
    expect(await inbox.text(FrameType.RESPONSE, 1)).toBe('fine');
  });
});

describe('who may connect', () => {
  it('answers at most 72 connections at a time, and the next again when one has gone', async () => {
    const { vm } = await fixture.launchAgent();
    const sockets = await Promise.all(Array.from({ length: 71 }, rawConnection));
    const greeted = sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve)));
    await Promise.all(greeted);
    const tooMany = await rawConnection();
    await hungUp(tooMany);
    sockets[0]!.destroy();
    await vm.channel.send(request(1, 'settle'));
    const again = await fixture.connect();
    expect(again.welcome).toEqual(vm.welcome);
    for (const socket of sockets) socket.destroy();
  });

  it('is only the own user and root', async (context) => {
    const nobody = runningUsers[1];
    if (nobody === undefined) return context.skip('needs root to become two ordinary users');
    const { TestBox } = await import('./support/test-box.js');
    const box = new TestBox(NOBODY);
    const vm = await createSupervisor({ binary: nobody.supervisorBinary() }).launch(box.request(box.agent));
    for (const path of [box.dir, box.controlDir]) chmodSync(path, 0o711);
    chmodSync(`${box.controlDir}/api.sock`, 0o666);
    const script = `require('net').connect(${JSON.stringify(`${box.controlDir}/api.sock`)}).on('data', () => console.log('greeted')).on('close', () => console.log('closed'))`;
    const daemon = ['--reuid=1', '--regid=1', '--clear-groups', process.execPath, '-e', script];
    expect(spawnSync('setpriv', daemon, { encoding: 'utf8', timeout: 10_000 }).stdout).toBe('closed\n');
    const same = [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      process.execPath,
      '-e',
      script.replace("console.log('greeted')", "(console.log('greeted'), process.exit())"),
    ];
    expect(execFileSync('setpriv', same, { encoding: 'utf8', timeout: 10_000 })).toBe('greeted\n');
    await vm.kill();
    box.remove();
  });
});

it('a connection to a box that does not run is refused with agent_unavailable', async () => {
  await expect(fixture.connect()).rejects.toMatchObject({ code: 'agent_unavailable' });
});

it('decodes what a supervisor sends first as WELCOME, then HELLO', async () => {
  await fixture.launchAgent();
  const raw = await rawConnection();
  const decoder = new FrameDecoder();
  const types: number[] = [];
  for await (const chunk of raw) {
    types.push(...decoder.push(chunk as Buffer).map(({ type }) => type));
    if (types.length >= 2) break;
  }
  expect(types).toEqual([FrameType.WELCOME, FrameType.HELLO]);
});
