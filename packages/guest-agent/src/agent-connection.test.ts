import { Channel, FrameType } from '@boxlite/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../test/support/failure.js';
import { answerPing, ScriptedAgent, startExecution } from '../test/support/scripted-agent.js';
import { text } from '../test/support/text.js';
import { type AgentClient, createAgentClient } from './agent-client.js';

const { STDIN, STDOUT, STDERR } = Channel;

let agent: ScriptedAgent;
let client: AgentClient;
beforeEach(() => {
  agent = new ScriptedAgent();
  client = createAgentClient(agent.channel);
});

const started = () => startExecution(agent, client);
const ping = () => answerPing(agent, client);

describe('a hostile agent', () => {
  const exited = { case: 'exited', value: { exitCode: 0 } } as const;
  const runs = { case: 'execStarted', value: { executionId: 1n, pid: 1 } } as const;

  it.each<[string, (stream: number, id: number) => void]>([
    [
      'more output than was granted',
      (stream) => {
        for (let sent = 0; sent < 3; sent++) agent.data(stream, STDOUT, Buffer.alloc(65_536));
      },
    ],
    ['empty output without end', (stream) => agent.data(stream, STDERR, new Uint8Array(0))],
    [
      'output after its end',
      (stream) => {
        agent.data(stream, STDOUT, new Uint8Array(0), true);
        agent.data(stream, STDOUT, Buffer.from('x'));
      },
    ],
    [
      'two ends of one channel',
      (stream) => {
        agent.data(stream, STDOUT, new Uint8Array(0), true);
        agent.data(stream, STDOUT, new Uint8Array(0), true);
      },
    ],
    ['output on a channel that does not exist', (stream) => agent.data(stream, 9, Buffer.from('x'))],
    ['output on stdin', (stream) => agent.data(stream, STDIN, Buffer.from('x'))],
    ['credit that was not used', (stream) => agent.credit(stream, STDIN, 1)],
    ['credit for stdout', (stream) => agent.credit(stream, STDOUT, 1)],
    ['credit without a number', (stream) => agent.say({ type: FrameType.CREDIT, stream, payload: Buffer.alloc(3) })],
    ['an exit before the ends', (stream, id) => agent.respond(stream, id, exited, true)],
    ['an exit that is not the last frame', (stream, id) => agent.respond(stream, id, exited)],
    [
      'an exit status out of range',
      (stream, id) => {
        agent.data(stream, STDOUT, new Uint8Array(0), true);
        agent.data(stream, STDERR, new Uint8Array(0), true);
        agent.respond(stream, id, { case: 'exited', value: { exitCode: 256 } }, true);
      },
    ],
    ['a second start', (stream, id) => agent.respond(stream, id, runs)],
    ['an answer to nothing', (stream, id) => agent.respond(stream, id + 1, { case: 'done', value: {} })],
    ['a close nobody asked for', (stream) => agent.say({ type: FrameType.CLOSE, stream })],
    ['a frame of unknown type', (stream) => agent.say({ type: 99, stream })],
  ])('loses the stream by %s; the other streams go on', async (_name, misbehave) => {
    const other = await started();
    const { execution, stream, id } = await started();
    misbehave(stream, id);
    expect(await failure(execution.wait())).toMatchObject({ code: 'agent_protocol' });
    agent.data(other.stream, STDOUT, Buffer.from('fine'), true);
    expect(await text(other.execution.stdout)).toBe('fine');
    await ping();
  });

  it('loses the stream by output before the command was started', async () => {
    agent.hello();
    const exec = failure(client.exec({ argv: ['ls'] }));
    const { stream } = await agent.takeRequest();
    agent.data(stream, STDOUT, Buffer.from('x'));
    expect(await exec).toMatchObject({ code: 'agent_protocol' });
  });

  it('loses the whole connection by a frame for a stream that is not open', async () => {
    const { execution } = await started();
    agent.data(4711, STDOUT, Buffer.from('x'));
    expect(await failure(execution.wait())).toMatchObject({ code: 'agent_protocol' });
    expect(await failure(client.ping())).toMatchObject({ code: 'agent_protocol' });
  });

  it('loses the whole connection by a response that is no protobuf', async () => {
    const { execution, stream } = await started();
    agent.say({ type: FrameType.RESPONSE, stream, payload: Buffer.from([0xff]) });
    expect(await failure(execution.wait())).toMatchObject({ code: 'agent_protocol' });
  });

  it('cannot make the process fail by errors nobody waits for', async () => {
    await started();
    agent.data(4711, STDOUT, Buffer.from('x'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
