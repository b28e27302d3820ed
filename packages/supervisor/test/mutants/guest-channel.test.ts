import { BoxliteError, type Frame, FrameType, type GuestChannel, type SupervisedVm } from '@boxlite/core';
import { guestChannelConformance } from '@boxlite/core/testing';
import { beforeAll } from 'vitest';
import { type Mutant, mutantTests } from '../../../core/test/mutants/mutant-tests.js';
import { buildNative } from '../support/native-build.js';
import { guestChannelSetup } from '../support/supervisor-setups.js';

type Mutation = (right: SupervisedVm) => GuestChannel;

beforeAll(() => buildNative('all', 'fixtures'));

const channels =
  (change: (right: GuestChannel, vm: SupervisedVm) => Partial<GuestChannel>): Mutation =>
  (vm) => {
    const right = vm.channel;
    return {
      send: (frame) => right.send(frame),
      onFrame: (listener) => right.onFrame(listener),
      onClose: (listener) => right.onClose(listener),
      ...change(right, vm),
    };
  };

/** Changes what listeners are told. */
const delivering = (change: (frame: Frame, listener: (frame: Frame) => void) => void): Mutation =>
  channels((right) => ({ onFrame: (listener) => right.onFrame((frame) => change(frame, listener)) }));

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'swaps neighbouring frames',
    killedBy: 'answers come in the order',
    mutation: (vm) => {
      let kept: Frame | undefined;
      return delivering((frame, listener) => {
        if (kept === undefined && frame.type === FrameType.RESPONSE && frame.payload.at(-1) === 0x35) {
          kept = frame;
          return;
        }
        listener(frame);
        if (kept !== undefined) listener(kept);
        kept = undefined;
      })(vm);
    },
  },
  {
    mistake: 'loses a frame when many come',
    killedBy: 'answers come in the order',
    mutation: (vm) => {
      let count = 0;
      return delivering((frame, listener) => (++count === 100 ? undefined : listener(frame)))(vm);
    },
  },
  {
    mistake: 'delivers frames twice',
    killedBy: 'answers come in the order',
    mutation: delivering((frame, listener) => {
      listener(frame);
      if (frame.type === FrameType.RESPONSE) listener(frame);
    }),
  },
  {
    mistake: 'takes payloads for text',
    killedBy: 'the largest payload of any bytes',
    mutation: delivering((frame, listener) =>
      listener({ ...frame, payload: Buffer.from(Buffer.from(frame.payload).toString('utf8')) }),
    ),
  },
  {
    mistake: 'drops flags',
    killedBy: 'the largest payload of any bytes',
    mutation: delivering((frame, listener) => listener({ ...frame, flags: 0 })),
  },
  {
    mistake: 'keeps only eight bits of a stream id',
    killedBy: 'the same stream of two channels',
    mutation: channels((right) => ({
      send: (frame) => right.send({ ...frame, stream: (frame.stream ?? 0) & 0xff || 1 }),
    })),
  },
  {
    mistake: 'lets stream ids into another slot',
    killedBy: 'a stream that is none',
    mutation: channels((right) => ({
      send: (frame) => right.send({ ...frame, stream: (Math.abs(Math.trunc(frame.stream ?? 1)) % 65_535) + 1 }),
    })),
  },
  {
    mistake: 'closes the channel for a stream that is none',
    killedBy: 'a stream that is none',
    mutation: channels((right, vm) => ({
      async send(frame) {
        try {
          await right.send(frame);
        } catch (thrown) {
          await vm.close();
          throw thrown;
        }
      },
    })),
  },
  {
    mistake: 'forgets what comes before somebody listens',
    killedBy: 'the hello and an answer that come before',
    mutation: channels((right) => {
      let told: (frame: Frame) => void = () => undefined;
      right.onFrame((frame) => told(frame));
      return {
        onFrame: (listener) => {
          told = listener;
        },
      };
    }),
  },
  {
    mistake: 'tells the hello only to the first channel',
    killedBy: 'a channel opened later',
    mutation: delivering((frame, listener) => (frame.type === FrameType.HELLO ? undefined : listener(frame))),
  },
  {
    mistake: 'gathers what the guest does not take',
    killedBy: 'what a guest does not take',
    mutation: channels((right) => ({ send: async (frame) => void right.send(frame).catch(() => undefined) })),
  },
  {
    mistake: 'swallows frames once it has closed',
    killedBy: 'send after the guest has ended',
    mutation: channels((right) => ({ send: (frame) => right.send(frame).catch(() => undefined) })),
  },
  {
    mistake: 'throws another error once it has closed',
    killedBy: 'send after the guest has ended',
    mutation: channels((right) => ({
      send: (frame) =>
        right.send(frame).catch((cause: unknown) => {
          throw new BoxliteError('internal', 'write after end', { cause });
        }),
    })),
  },
  {
    mistake: 'does not tell who asks after the end',
    killedBy: 'every listener hears once',
    mutation: channels((right) => {
      let closed = false;
      right.onClose(() => {
        closed = true;
      });
      return { onClose: (listener) => (closed ? undefined : right.onClose(listener)) };
    }),
  },
  {
    mistake: 'tells of the end twice',
    killedBy: 'every listener hears once',
    mutation: channels((right) => ({
      onClose: (listener) =>
        right.onClose((reason) => {
          listener(reason);
          listener(reason);
        }),
    })),
  },
  {
    mistake: 'gives no reason for its end',
    killedBy: 'every listener hears once',
    mutation: channels((right) => ({ onClose: (listener) => right.onClose(() => listener(new Error(''))) })),
  },
];

mutantTests<Mutation>('GuestChannel', (mutation) => guestChannelConformance(guestChannelSetup(mutation)), mutants);
