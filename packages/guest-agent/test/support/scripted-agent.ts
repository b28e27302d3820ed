import { type Frame, FrameFlag, FrameType, type GuestChannel } from '@boxlite/core';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { AgentClient } from '../../src/agent-client.js';
import { HelloSchema, type Request, RequestSchema, ResponseSchema } from '../../src/gen/agent_pb.js';

type Result = NonNullable<MessageInitShape<typeof ResponseSchema>['result']>;

/** The agent's end of a channel in memory, played by a test: it may say anything, also what no agent should. */
export class ScriptedAgent {
  readonly sent: Frame[] = [];
  #onFrame: (frame: Frame) => void = () => undefined;
  #onClose: (reason: Error) => void = () => undefined;
  #waiting: (() => void)[] = [];
  #failure: Error | undefined;

  readonly channel: GuestChannel = {
    send: async (frame) => {
      if (this.#failure !== undefined) throw this.#failure;
      this.sent.push({ stream: 0, channel: 0, flags: 0, payload: new Uint8Array(0), ...frame });
      for (const wake of this.#waiting.splice(0)) wake();
    },
    onFrame: (listener) => {
      this.#onFrame = listener;
    },
    onClose: (listener) => {
      this.#onClose = listener;
    },
  };

  say(frame: Partial<Frame> & { readonly type: number }): void {
    this.#onFrame({ stream: 0, channel: 0, flags: 0, payload: new Uint8Array(0), ...frame });
  }

  hello(fields: MessageInitShape<typeof HelloSchema> = {}): void {
    const message = create(HelloSchema, { generation: 1, bootId: 'boot', ...fields });
    this.say({ type: FrameType.HELLO, payload: toBinary(HelloSchema, message) });
  }

  respond(stream: number, id: number, result: Result, end = false): void {
    const payload = toBinary(ResponseSchema, create(ResponseSchema, { id, result }));
    this.say({ type: FrameType.RESPONSE, stream, payload, flags: end ? FrameFlag.END : 0 });
  }

  data(stream: number, channel: number, payload: Uint8Array, end = false): void {
    this.say({ type: FrameType.DATA, stream, channel, payload, flags: end ? FrameFlag.END : 0 });
  }

  credit(stream: number, channel: number, bytes: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32LE(bytes);
    this.say({ type: FrameType.CREDIT, stream, channel, payload });
  }

  close(reason: Error): void {
    this.#failure = reason;
    this.#onClose(reason);
  }

  /** The next frame of a type that was not taken yet. */
  async take(type: number): Promise<Frame> {
    for (;;) {
      const index = this.sent.findIndex((frame) => frame.type === type);
      if (index >= 0) return this.sent.splice(index, 1)[0] as Frame;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async takeRequest(): Promise<Request & { readonly stream: number }> {
    const frame = await this.take(FrameType.REQUEST);
    return { ...fromBinary(RequestSchema, frame.payload), stream: frame.stream };
  }
}

/** An execution that runs, as id 77 with pid 5. */
export async function startExecution(agent: ScriptedAgent, client: AgentClient, options: { stdin?: boolean } = {}) {
  agent.hello();
  const exec = client.exec({ argv: ['ls'], ...options });
  const { stream, id } = await agent.takeRequest();
  agent.respond(stream, id, { case: 'execStarted', value: { executionId: 77n, pid: 5 } });
  return { execution: await exec, stream, id };
}

/** A ping from end to end: the connection still works. */
export async function answerPing(agent: ScriptedAgent, client: AgentClient): Promise<void> {
  const ping = client.ping();
  const { stream, id } = await agent.takeRequest();
  agent.respond(stream, id, { case: 'done', value: {} }, true);
  await ping;
}
