import { BoxliteError, type Frame, FrameFlag, FrameType, type GuestChannel, toBoxliteError } from '@boxlite/core';
import { fromBinary } from '@bufbuild/protobuf';
import { createDeferred } from './deferred.js';
import { type Response, ResponseSchema } from './gen/agent_pb.js';
import { decodeHello, type Hello } from './hello.js';

const MAX_STREAM_ID = 0xffff;

/** One logical stream. What a member returns is what the agent did wrong on it: the stream is then failed and closed. */
export interface StreamHandler {
  onResponse(response: Response, end: boolean): string | undefined;
  onData(frame: Frame): string | undefined;
  onCredit(channel: number, bytes: number): string | undefined;
  /** The last call: the stream is over because the agent confirmed a close, the agent misbehaved, or the link is lost. */
  onLost(reason: Error): void;
}

/**
 * Routes the frames of one {@link GuestChannel}. The agent is hostile input: what cannot be decoded or belongs to no stream loses the
 * whole connection (nothing later could be trusted), what is wrong within a stream loses that stream; both with `agent_protocol`.
 */
export class AgentConnection {
  readonly #channel: GuestChannel;
  readonly #streams = new Map<number, StreamHandler>();
  readonly #hello = createDeferred<Hello>();
  #greeted = false;
  #lost: BoxliteError | undefined;
  #lastStream = 0;
  #lastRequest = 0;

  constructor(channel: GuestChannel) {
    this.#channel = channel;
    channel.onFrame((frame) => this.#receive(frame));
    channel.onClose((reason) => this.#lose(toBoxliteError(reason, 'agent_unavailable', 'the link to the guest agent')));
  }

  get hello(): Promise<Hello> {
    return this.#hello.promise;
  }

  /** An id for a request, unique enough on one stream and never 0. */
  nextRequestId(): number {
    this.#lastRequest = this.#lastRequest >= 0xffff_fffe ? 1 : this.#lastRequest + 1;
    return this.#lastRequest;
  }

  /** Takes a free stream id. @throws BoxliteError `resource_exhausted`, or what the link was lost with */
  open(handler: StreamHandler): number {
    if (this.#lost !== undefined) throw this.#lost;
    if (this.#streams.size >= MAX_STREAM_ID) {
      throw new BoxliteError('resource_exhausted', `${MAX_STREAM_ID} streams to the guest agent are open already`);
    }
    do this.#lastStream = (this.#lastStream % MAX_STREAM_ID) + 1;
    while (this.#streams.has(this.#lastStream));
    this.#streams.set(this.#lastStream, handler);
    return this.#lastStream;
  }

  /** @throws BoxliteError `agent_unavailable` */
  async send(frame: Partial<Frame> & { readonly type: number }): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    await this.#channel.send(frame);
  }

  /** Sends several frames with nothing in between. @throws BoxliteError `agent_unavailable` */
  async sendAll(frames: readonly (Partial<Frame> & { readonly type: number })[]): Promise<void> {
    await Promise.all(frames.map((frame) => this.send(frame)));
  }

  /** Sends without waiting. A failure of the channel reaches every stream through its close. */
  post(frame: Partial<Frame> & { readonly type: number }): void {
    if (this.#lost !== undefined) return;
    this.#channel.send(frame).catch((thrown: unknown) => {
      this.#lose(toBoxliteError(thrown, 'agent_unavailable', 'the link to the guest agent'));
    });
  }

  /** Gives a stream up. Its id stays taken, and what still comes is ignored, until the agent confirms. @returns settles with that */
  close(stream: number): Promise<void> {
    const confirmed = createDeferred<void>();
    if (!this.#streams.has(stream)) return Promise.resolve();
    this.#streams.set(stream, {
      onResponse: () => undefined,
      onData: () => undefined,
      onCredit: () => undefined,
      onLost: () => confirmed.resolve(),
    });
    this.post({ type: FrameType.CLOSE, stream });
    return confirmed.promise;
  }

  #receive(frame: Frame): void {
    if (this.#lost !== undefined) return;
    if (frame.type === FrameType.HELLO) {
      this.#greet(frame.payload);
      return;
    }
    const handler = this.#streams.get(frame.stream);
    if (handler === undefined) {
      this.#lose(protocolError(`a frame of type ${frame.type} for stream ${frame.stream}, which is not open`));
      return;
    }
    const wrong = this.#deliver(handler, frame);
    if (wrong !== undefined && this.#streams.get(frame.stream) === handler) {
      void this.close(frame.stream);
      handler.onLost(protocolError(`${wrong} (stream ${frame.stream})`));
    }
  }

  #deliver(handler: StreamHandler, frame: Frame): string | undefined {
    switch (frame.type) {
      case FrameType.RESPONSE:
        return this.#respond(handler, frame);
      case FrameType.DATA:
        return handler.onData(frame);
      case FrameType.CREDIT:
        return frame.payload.length === 4
          ? handler.onCredit(frame.channel, Buffer.from(frame.payload).readUInt32LE())
          : 'a credit frame without a number';
      case FrameType.CLOSE:
        this.#streams.delete(frame.stream);
        handler.onLost(protocolError(`the agent closed stream ${frame.stream}`));
        return undefined;
      default:
        return `a frame of unknown type ${frame.type}`;
    }
  }

  #respond(handler: StreamHandler, frame: Frame): string | undefined {
    let response: Response;
    try {
      response = fromBinary(ResponseSchema, frame.payload);
    } catch (thrown) {
      this.#lose(protocolError('a response that cannot be decoded', thrown));
      return undefined;
    }
    const end = (frame.flags & FrameFlag.END) !== 0;
    const wrong = handler.onResponse(response, end);
    if (!end) return wrong;
    this.#streams.delete(frame.stream);
    // For a stream that was closed this is the confirmation; a handler that is content ignores it.
    handler.onLost(protocolError(wrong ?? `stream ${frame.stream} has ended`));
    return undefined;
  }

  #greet(payload: Uint8Array): void {
    // The supervisor repeats the hello to every process, the agent after a reconnect: the first one counts.
    if (this.#greeted) return;
    this.#greeted = true;
    try {
      this.#hello.resolve(decodeHello(payload));
    } catch (thrown) {
      this.#lose(toBoxliteError(thrown, 'agent_protocol', 'the hello of the guest agent'));
    }
  }

  #lose(reason: BoxliteError): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason;
    this.#hello.reject(reason);
    const handlers = [...this.#streams.values()];
    this.#streams.clear();
    for (const handler of handlers) handler.onLost(reason);
  }
}

function protocolError(what: string, cause?: unknown): BoxliteError {
  return new BoxliteError('agent_protocol', `the guest agent broke the protocol: ${what}`, {
    hint: 'the guest or its agent is damaged or hostile: stop the box',
    ...(cause === undefined ? {} : { cause }),
  });
}
