import { createHash, randomBytes } from 'node:crypto';
import { Channel, encodeFrame, FrameFlag, FrameType, LINK_ACK_BYTES, LINK_WINDOW_BYTES } from '@boxlite/core';
import { createAgentClient } from '@boxlite/guest-agent';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ExecSchema, RequestSchema, ResponseSchema } from '../src/gen/agent_pb.js';
import { type Box, bootBox, finish } from './support/box.js';
import { text } from './support/text.js';

const MEBIBYTE = 1024 * 1024;
const SIZE = 50 * MEBIBYTE;

let box: Box;
beforeAll(async () => {
  box = await bootBox();
});
afterAll(() => box?.[Symbol.asyncDispose]());

describe('50 MiB of random bytes', () => {
  it('go through stdin and come back on stdout byte by byte', async () => {
    const sent = randomBytes(SIZE);
    const execution = await box.client.exec({ argv: ['cat'], stdin: true });
    const received = createHash('sha256');
    let length = 0;
    const reading = (async () => {
      for await (const chunk of execution.stdout) {
        received.update(chunk);
        length += chunk.length;
      }
    })();
    await execution.stdin.write(sent);
    await execution.stdin.end();
    await reading;
    expect(await execution.wait()).toEqual({ exitCode: 0, timedOut: false });
    expect(length).toBe(SIZE);
    expect(received.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
  });
});

describe('a reader that does not read', () => {
  it('holds up its own command only: others run to their end meanwhile', async () => {
    const slow = await box.client.exec({ argv: ['yes'] });
    for (let round = 0; round < 5; round++) {
      const { stdout } = await box.sh('head -c 1000000 /dev/zero | wc -c; head -c 300000 /dev/zero');
      expect(stdout.length).toBe('1000000\n'.length + 300_000);
    }
    await slow.signal(9);
    slow.stdout.discard();
    slow.stderr.discard();
    expect(await slow.wait()).toMatchObject({ signal: 9 });
  });

  it('of one stream does not hold up the other stream of the same command', async () => {
    const execution = await box.client.exec({ argv: ['sh', '-c', 'head -c 400000 /dev/zero >&2; echo done'] });
    const reading = text(execution.stderr);
    expect((await reading).length).toBe(400_000);
    expect(await text(execution.stdout)).toBe('done\n');
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
  });

  it('bounds what the agent keeps: its memory stays where it was', async () => {
    const before = await freeKib();
    const slow = await Promise.all(Array.from({ length: 20 }, () => box.client.exec({ argv: ['yes'] })));
    await box.sh('sleep 0.5');
    const during = await freeKib();
    for (const execution of slow) {
      execution.stdout.discard();
      execution.stderr.discard();
      await execution.signal(9);
      await execution.wait();
    }
    // 20 commands with full pipes of 64 KiB each, and not a byte for what they would still write.
    expect(before - during).toBeLessThan(16 * 1024);
  });

  it('gets everything the command wrote, also when it reads only after the exit', async () => {
    const execution = await box.client.exec({ argv: ['sh', '-c', 'seq 1 40000; echo end'] });
    await box.sh('sleep 1');
    expect((await text(execution.stdout)).endsWith('\n40000\nend\n')).toBe(true);
    expect(await execution.wait()).toMatchObject({ exitCode: 0 });
  });
});

describe('a command that does not read', () => {
  it('holds its writer up after one window and the pipe', async () => {
    const execution = await box.client.exec({ argv: ['sleep', '1000'], stdin: true });
    let written = 0;
    const writing = (async () => {
      for (;;) {
        await execution.stdin.write(Buffer.alloc(16_384));
        written += 16_384;
      }
    })();
    await box.sh('sleep 0.5');
    expect(written).toBeGreaterThanOrEqual(128 * 1024);
    expect(written).toBeLessThanOrEqual(256 * 1024);
    await execution.signal(9);
    await expect(writing).rejects.toMatchObject({ code: 'stopped' });
    await execution.wait();
  });
});

describe('a host process that goes away', () => {
  it('leaves its executions running: their stdin ends, their output is dropped, and the agent confirms the slot', async () => {
    const leaving = createAgentClient(box.vm.channel(7));
    await leaving.exec({
      argv: ['sh', '-c', 'cat > /tmp/stdin-ended; seq 1 200000; echo $? > /tmp/finished'],
      stdin: true,
    });
    await box.vm.slotGone(7);
    const seen = await box.sh('until test -s /tmp/finished; do sleep 0.1; done; cat /tmp/finished', {
      timeoutMs: 20_000,
    });
    expect(seen.stdout).toBe('0\n');
  });

  it('frees its stream ids for the next process of the slot', async () => {
    const first = createAgentClient(box.vm.channel(8));
    await first.exec({ argv: ['sleep', '1000'] });
    await box.vm.slotGone(8);
    const second = createAgentClient(box.vm.channel(8));
    expect(await finish(await second.exec({ argv: ['echo', 'mine'] }))).toMatchObject({ stdout: 'mine\n' });
  });

  it('may also leave one execution alone, which goes on', async () => {
    const execution = await box.client.exec({ argv: ['sh', '-c', 'cat; sleep 0.3; touch /tmp/detached'], stdin: true });
    await execution.detach();
    await expect(execution.wait()).rejects.toMatchObject({ code: 'aborted' });
    expect(await text(execution.stdout)).toBe('');
    const seen = await box.sh('until test -e /tmp/detached; do sleep 0.1; done', { timeoutMs: 10_000 });
    expect(seen.timedOut).toBe(false);
  });
});

describe('the link', () => {
  it('has no more than a window under way over all streams: without acknowledgements output stands still, with them it goes on', async () => {
    box.vm.acknowledging = false;
    const flow = { bytes: 0 };
    const floods = await Promise.all([1, 2, 3].map(() => box.client.exec({ argv: ['yes'] })));
    const reading = floods.map(async (flood) => {
      for await (const chunk of flood.stdout) flow.bytes += chunk.length;
    });
    await expect.poll(() => flow.bytes, { timeout: 20_000 }).toBeGreaterThan(LINK_WINDOW_BYTES / 2);
    // Answers do not wait for the window, and each is a turn in which more output could have come.
    for (let turn = 0; turn < 50; turn++) await box.client.ping();
    expect(flow.bytes).toBeLessThanOrEqual(LINK_WINDOW_BYTES);
    box.vm.acknowledging = true;
    await expect.poll(() => flow.bytes, { timeout: 20_000 }).toBeGreaterThan(4 * LINK_WINDOW_BYTES);
    await Promise.all(floods.map((flood) => flood.signal(9)));
    await Promise.all([...reading, ...floods.map((flood) => flood.wait())]);
  });

  it('is acknowledged by the agent as it reads, so that the host can keep a window too', async () => {
    const before = box.vm.acknowledged;
    const execution = await box.client.exec({ argv: ['wc', '-c'], stdin: true });
    await execution.stdin.write(Buffer.alloc(MEBIBYTE));
    await execution.stdin.end();
    expect((await finish(execution)).stdout).toBe(`${MEBIBYTE}\n`);
    // All but the last part, which is not worth a frame yet.
    expect(box.vm.acknowledged - before).toBeGreaterThan(MEBIBYTE - LINK_ACK_BYTES);
  });
});

describe('a host that breaks the protocol', () => {
  it('loses the stream on which it sends more stdin than was granted', async () => {
    const channel = box.vm.channel(9);
    const ended = new Promise<string>((resolve) => {
      channel.onFrame((frame) => {
        if (frame.type !== FrameType.RESPONSE || (frame.flags & FrameFlag.END) === 0) return;
        const { result } = fromBinary(ResponseSchema, frame.payload);
        resolve(result.case === 'error' ? result.value.code : String(result.case));
      });
    });
    const argv = [Buffer.from('sleep'), Buffer.from('1000')];
    const payload = execRequest({ argv, stdin: true });
    await channel.send({ type: FrameType.REQUEST, stream: 1, payload });
    for (let round = 0; round < 4; round++) {
      await channel.send({ type: FrameType.DATA, stream: 1, channel: Channel.STDIN, payload: Buffer.alloc(65_536) });
    }
    expect(await ended).toBe('agent_protocol');
    await box.client.ping();
  });

  it.each([
    ['no protobuf', 'agent_protocol', Buffer.from([0xff, 0xff, 0xff])],
    ['an operation of the future', 'unsupported', Buffer.from([0x08, 0x01, 0xfa, 0x01, 0x00])],
    ['a NUL in an argument', 'agent_protocol', execRequest({ argv: [Buffer.from('a\0b')] })],
    ['no argument at all', 'invalid_argument', execRequest({})],
  ])('gets an error for %s and the agent goes on', async (_name, code, payload) => {
    const channel = box.vm.channel(10);
    const answer = new Promise<string>((resolve) => {
      channel.onFrame((frame) => {
        if (frame.type !== FrameType.RESPONSE) return;
        const { result } = fromBinary(ResponseSchema, frame.payload);
        resolve(result.case === 'error' ? result.value.code : String(result.case));
      });
    });
    await channel.send({ type: FrameType.REQUEST, stream: 3, payload });
    expect(await answer).toBe(code);
    await box.client.ping();
  });

  it('gets one error for a request of endless parts, whose rest is swallowed', async () => {
    const channel = box.vm.channel(11);
    const codes: string[] = [];
    const ponged = new Promise<void>((resolve) => {
      channel.onFrame((frame) => {
        if (frame.type !== FrameType.RESPONSE) return;
        const { result } = fromBinary(ResponseSchema, frame.payload);
        if (result.case === 'error') codes.push(result.value.code);
        else resolve();
      });
    });
    const part = { type: FrameType.REQUEST, stream: 1, flags: FrameFlag.MORE, payload: Buffer.alloc(65_536) };
    for (let sent = 0; sent < 40; sent++) await channel.send(part);
    await channel.send({ ...part, flags: 0 });
    const ping = toBinary(RequestSchema, create(RequestSchema, { id: 2, operation: { case: 'ping', value: {} } }));
    await channel.send({ type: FrameType.REQUEST, stream: 1, payload: ping });
    await ponged;
    expect(codes).toEqual(['invalid_argument']);
  });

  it('may ask for the hello again', async () => {
    const again = new Promise<number>((resolve) => {
      box.vm.channel(12).onFrame((frame) => resolve(frame.type));
    });
    box.vm.send({ type: FrameType.HELLO });
    expect(await again).toBe(FrameType.HELLO);
  });

  it('is not noticed when it sends frames for streams nobody opened', async () => {
    for (const type of [FrameType.DATA, FrameType.CREDIT, FrameType.CLOSE, FrameType.RESPONSE, 31]) {
      box.vm.send({ type, stream: 0x0b_0001, payload: Buffer.alloc(4) });
    }
    await box.client.ping();
  });

  it('ends the machine, with the reason on the console, when a frame is longer than any may be', async () => {
    await using other = await bootBox();
    const header = encodeFrame({ type: FrameType.REQUEST, stream: 0x1_0001 });
    Buffer.from(header.buffer).writeUInt32LE(65_537, 0);
    other.vm.link.write(header);
    await other.vm.exited;
    expect(await other.vm.consoleText()).toContain('longer than any may be');
  });
});

function execRequest(value: MessageInitShape<typeof ExecSchema>): Uint8Array {
  return toBinary(RequestSchema, create(RequestSchema, { id: 1, operation: { case: 'exec', value } }));
}

async function freeKib(): Promise<number> {
  const { stdout } = await box.sh('grep MemAvailable /proc/meminfo');
  return Number(/\d+/.exec(stdout)?.[0]);
}
