import assert from 'node:assert/strict';
import type { GuestChannel } from '../contracts/guest-channel.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import { FrameFlag, FrameType, MAX_FRAME_PAYLOAD } from '../wire/frame.js';
import { FrameLog } from './channel/frame-log.js';
import type { ConformanceCase } from './conformance-case.js';
import { defineCases, ofSetup, type RuledCases } from './define-cases.js';
import { rejectsWith } from './rejects-with.js';

/** A guest agent to talk to. */
export interface GuestChannelTestAgent extends AsyncDisposable {
  /** A channel as another host process would have it. */
  connect(): Promise<GuestChannel>;
  /** Ends the guest; every channel closes. */
  end(): Promise<void>;
}

/** What {@link guestChannelConformance} works on. */
export interface GuestChannelSetup {
  /**
   * `echo` says hello and answers each REQUEST with a RESPONSE of the same stream and payload, which never begins with `!`, and END.
   * `deaf` has booted and reads nothing.
   */
  createAgent(kind: 'echo' | 'deaf'): Promise<GuestChannelTestAgent>;
  /** Milliseconds after which a case counts as hung; default 45 000. */
  readonly deadlineMs?: number;
}

type Open = (kind?: 'echo' | 'deaf') => Promise<GuestChannelTestAgent>;

const FRAMES = 300;
/** More than any buffer between a host process and a guest may hold, in frames of the largest size: 64 MiB. */
const FRAMES_NOBODY_HOLDS = 1024;

/** What every {@link GuestChannel} does. */
export function guestChannelConformance(setup: GuestChannelSetup): ConformanceCase[] {
  return defineCases<Open>(
    {
      contract: 'GuestChannel',
      deadlineMs: setup.deadlineMs,
      async around(check) {
        const agents: GuestChannelTestAgent[] = [];
        try {
          await check(async (kind = 'echo') => {
            const agent = await ofSetup(() => setup.createAgent(kind));
            agents.push(agent);
            return agent;
          });
        } finally {
          for (const agent of agents) await agent[Symbol.asyncDispose]();
        }
      },
    },
    cases,
  );
}

const request = (stream: number, text: string) => ({
  type: FrameType.REQUEST,
  stream,
  payload: new TextEncoder().encode(text),
});

const cases: RuledCases<Open> = {
  'Frames are delivered in order': {
    'answers come in the order of the requests, none lost, none twice': async (open) => {
      const channel = await (await open()).connect();
      const log = new FrameLog(channel);
      const texts = Array.from({ length: FRAMES }, (_, index) => `request ${index}`);
      for (const text of texts) await channel.send(request(7, text));
      await log.response(7, texts.at(-1) ?? '');
      assert.deepEqual(log.responses(7), texts);
    },
    'the largest payload of any bytes arrives unchanged, and the flags with it': async (open) => {
      const channel = await (await open()).connect();
      const log = new FrameLog(channel);
      const payload = Uint8Array.from({ length: MAX_FRAME_PAYLOAD }, (_, index) => (index * 7 + 128) % 256);
      await channel.send({ type: FrameType.REQUEST, stream: 2, payload });
      const answer = await log.next(({ type, stream }) => type === FrameType.RESPONSE && stream === 2);
      assert.ok(Buffer.from(answer.payload).equals(payload), 'the bytes are others');
      assert.equal(answer.flags & FrameFlag.END, FrameFlag.END, 'the flags are others');
    },
  },
  'their stream ids are local to this channel (1 to 65535)': {
    'the same stream of two channels is two streams, up to the last number': async (open) => {
      const agent = await open();
      const channels = [await agent.connect(), await agent.connect()];
      const logs = channels.map((channel) => new FrameLog(channel));
      for (const stream of [1, 65_535]) {
        await Promise.all(channels.map((channel, index) => channel.send(request(stream, `of ${index}`))));
        await Promise.all(logs.map((log, index) => log.response(stream, `of ${index}`)));
        assert.deepEqual(
          logs.map((log) => log.responses(stream)),
          [['of 0'], ['of 1']],
        );
      }
    },
    'a stream that is none is refused by send, and the channel goes on': async (open) => {
      const channel = await (await open()).connect();
      const log = new FrameLog(channel);
      for (const stream of [0, -1, 1.5, 65_536, 2 ** 32 + 1]) {
        await assert.rejects(channel.send(request(stream, 'x')), BoxliteError.isInstance, `stream ${stream}`);
      }
      await channel.send(request(3, 'still there'));
      await log.response(3, 'still there');
    },
  },
  'frames that arrive earlier are kept': {
    'the hello and an answer that come before anybody listens are told to who does': async (open) => {
      const agent = await open();
      const [channel, other] = [await agent.connect(), await agent.connect()];
      const otherLog = new FrameLog(other);
      await channel.send(request(1, 'early'));
      // When the agent has answered this one, it has answered the first; a turn lets the other socket be read.
      await other.send(request(1, 'late'));
      await otherLog.response(1, 'late');
      await new Promise((resolve) => setImmediate(resolve));
      const log = new FrameLog(channel);
      await log.next(({ type }) => type === FrameType.HELLO);
      await log.response(1, 'early');
    },
    'a channel opened later is told the hello as well': async (open) => {
      const agent = await open();
      for (let count = 0; count < 3; count += 1) {
        await new FrameLog(await agent.connect()).next(({ type }) => type === FrameType.HELLO);
      }
    },
  },
  'Resolves when the frame has been handed to the operating system or buffered below the high-water mark': {
    'what a guest does not take is not gathered here: sends wait, or the channel gives up': async (open) => {
      const channel = await (await open('deaf')).connect();
      let sent = 0;
      let refused = 0;
      const payload = new Uint8Array(MAX_FRAME_PAYLOAD);
      const sends = Array.from({ length: FRAMES_NOBODY_HOLDS }, () =>
        channel.send({ type: FrameType.DATA, stream: 1, payload }).then(
          () => {
            sent += 1;
          },
          () => {
            refused += 1;
          },
        ),
      );
      // Every send that resolves at once has done so when this one, behind them, is taken up.
      await Promise.race([Promise.all(sends), new Promise((resolve) => setTimeout(resolve, 200))]);
      assert.ok(
        sent < FRAMES_NOBODY_HOLDS,
        `${sent} frames of 64 KiB were taken, ${refused} refused, and nobody reads them`,
      );
    },
  },
  '`agent_unavailable` after the channel has closed': {
    'send after the guest has ended is agent_unavailable': async (open) => {
      const agent = await open();
      const channel = await agent.connect();
      const log = new FrameLog(channel);
      await agent.end();
      await log.closed;
      await rejectsWith(channel.send(request(1, 'too late')), 'agent_unavailable');
    },
  },
  'Called once, with the reason, when no further frame can come. Called at once if the channel has closed already': {
    'every listener hears once of the end, with a reason, also who asks afterwards': async (open) => {
      const agent = await open();
      const channel = await agent.connect();
      const heard: Error[] = [];
      const closed = new Promise<void>((resolve) => {
        channel.onClose((reason) => {
          heard.push(reason);
          resolve();
        });
      });
      await new FrameLog(channel).next(({ type }) => type === FrameType.HELLO);
      assert.equal(heard.length, 0, 'the channel closed while the guest runs');
      await agent.end();
      await closed;
      let late: Error | undefined;
      channel.onClose((reason) => {
        late = reason;
      });
      assert.ok(late instanceof Error && late.message !== '', 'who asks afterwards is told at once');
      assert.equal(heard.length, 1);
      assert.ok(heard[0] instanceof Error && heard[0].message !== '', 'the reason is given');
    },
  },
};
