import { BoxliteError, Channel, FrameFlag, FrameType, INITIAL_CREDIT_BYTES } from '@boxlite/core';
import { fromBinary } from '@bufbuild/protobuf';
import { beforeEach, describe, expect, it } from 'vitest';
import { failure } from '../test/support/failure.js';
import { answerPing, ScriptedAgent, startExecution } from '../test/support/scripted-agent.js';
import { text } from '../test/support/text.js';
import { type AgentClient, createAgentClient } from './agent-client.js';
import { RequestSchema } from './gen/agent_pb.js';
import type { GuestExecution } from './guest-execution.js';

const { STDIN, STDOUT, STDERR } = Channel;

let agent: ScriptedAgent;
let client: AgentClient;
beforeEach(() => {
  agent = new ScriptedAgent();
  client = createAgentClient(agent.channel);
});

describe('the hello', () => {
  it('of an older agent of the same generation is accepted, also without the fields it does not know', async () => {
    agent.hello({ generation: 1 });
    expect(await client.hello).toMatchObject({ generation: 1, bootId: 'boot', initialized: false, capabilities: [] });
  });

  it('of a newer agent that still serves this generation is accepted', async () => {
    agent.hello({ generation: 9, oldestClient: 1 });
    expect((await client.hello).generation).toBe(9);
  });

  it.each([
    ['no generation', { generation: 0 }, /names no protocol generation/],
    [
      'a generation this client is too old for',
      { generation: 3, oldestClient: 2 },
      /serves clients from generation 2 on/,
    ],
  ])('with %s is refused, and so is every operation', async (_name, fields, message) => {
    agent.hello(fields);
    const error = await failure(client.hello);
    expect(error).toMatchObject({ code: 'agent_protocol', message: expect.stringMatching(message) });
    expect(error.hint).toBeTruthy();
    expect(await failure(client.ping())).toMatchObject({ code: 'agent_protocol' });
  });

  it('that is no protobuf is refused', async () => {
    agent.say({ type: FrameType.HELLO, payload: Buffer.from([0xff, 0xff]) });
    expect(await failure(client.hello)).toMatchObject({ code: 'agent_protocol' });
  });

  it('is escaped: the guest cannot write to a terminal with it', async () => {
    agent.hello({ kernelRelease: '6.1\u001b[2J' });
    expect((await client.hello).kernelRelease).toBe('6.1\\x1b[2J');
  });

  it('counts once: the supervisor repeats it', async () => {
    agent.hello({ bootId: 'first' });
    agent.hello({ bootId: 'second' });
    expect((await client.hello).bootId).toBe('first');
  });

  it('is waited for, and the wait can be aborted', async () => {
    const controller = new AbortController();
    const ping = failure(client.ping(controller.signal));
    controller.abort();
    expect(await ping).toMatchObject({ code: 'aborted' });
    expect(agent.sent).toEqual([]);
  });
});

describe('init', () => {
  it('sends clock, entropy and defaults, and resolves when the container is there', async () => {
    agent.hello();
    const init = client.init({ hostname: 'a-box', wallClock: new Date(1500), env: { A: '1' }, hosts: 'h' });
    const { stream, id, operation } = await agent.takeRequest();
    expect(operation).toMatchObject({
      case: 'init',
      value: { hostname: 'a-box', wallClockNs: 1_500_000_000n, disk: '/dev/vda' },
    });
    expect(operation.case === 'init' && operation.value.entropy.length).toBe(64);
    expect(operation.case === 'init' && operation.value.resolvConf).toBeUndefined();
    const done = { containerUs: 12n, machineUs: 3n, diskUs: 6n, diskGrowthUs: 5n, bootId: 'id' };
    agent.respond(stream, id, { case: 'initDone', value: done }, true);
    expect(await init).toEqual({ containerUs: 12, machineUs: 3, diskUs: 6, diskGrowthUs: 5, bootId: 'id' });
  });

  it.each([
    ['hostname', { hostname: '-x' }],
    ['hostname', { hostname: 'a'.repeat(65) }],
    ['hostname', { hostname: 'a\nb' }],
    ['env', { hostname: 'a', env: ['NOVALUE'] }],
    ['env', { hostname: 'a', env: { 'A\0': '' } }],
    ['entropy', { hostname: 'a', entropy: new Uint8Array(513) }],
    ['diskBytes', { hostname: 'a', diskBytes: -1 }],
  ])('names the field %s that the guest could not take', async (field, options) => {
    agent.hello();
    expect(await failure(client.init(options))).toMatchObject({ code: 'invalid_argument', details: { field } });
  });
});

describe('quiesce, thaw and renew', () => {
  it('are refused where the agent does not know them: it would be captured running', async () => {
    agent.hello({ capabilities: ['init'] });
    for (const refused of [client.quiesce(), client.thaw(), client.renew()]) {
      expect(await failure(refused)).toMatchObject({ code: 'unsupported' });
    }
    expect(agent.sent).toEqual([]);
  });

  it('resolve when the agent has done it; renewing sends fresh random bytes and the time', async () => {
    agent.hello({ capabilities: ['renew'] });
    const quiesced = client.quiesce({ sync: true, timeoutMs: 7 });
    const quiesce = await agent.takeRequest();
    expect(quiesce.operation).toMatchObject({ case: 'quiesce', value: { sync: true, timeoutMs: 7 } });
    agent.respond(quiesce.stream, quiesce.id, { case: 'done', value: {} }, true);
    await quiesced;
    const renewed = client.renew({ hostname: 'b', env: { A: '1' }, cwd: '/x' });
    const { stream, id, operation } = await agent.takeRequest();
    expect(operation).toMatchObject({ case: 'renew', value: { hostname: 'b', replaceDefaults: true } });
    expect(operation.case === 'renew' && operation.value.entropy.length).toBe(64);
    expect(operation.case === 'renew' && operation.value.wallClockNs > 0n).toBe(true);
    agent.respond(stream, id, { case: 'renewed', value: { bootId: 'id', renewUs: 4n } }, true);
    expect(await renewed).toEqual({ bootId: 'id', renewUs: 4 });
  });

  it.each([
    ['hostname', { hostname: '' }],
    ['entropy', { entropy: new Uint8Array(31) }],
    ['env', { user: 'alice' }],
    ['cwd', { env: {}, cwd: '\0' }],
  ])('name the field %s that the guest could not take', async (field, options) => {
    agent.hello({ capabilities: ['renew'] });
    expect(await failure(client.renew(options))).toMatchObject({ code: 'invalid_argument', details: { field } });
  });
});

describe('exec', () => {
  it.each([
    ['argv', { argv: [] }],
    ['argv', { argv: [''] }],
    ['argv', { argv: ['a\0b'] }],
    ['argv', { argv: ['x'.repeat(70_000)] }],
    ['cwd', { argv: ['a'], cwd: '\0' }],
    ['timeoutMs', { argv: ['a'], timeoutMs: -1 }],
    ['timeoutMs', { argv: ['a'], timeoutMs: Number.NaN }],
    ['tty', { argv: ['a'], tty: { rows: 70_000, cols: 1 } }],
  ])('names the field %s that the guest could not take', async (field, options) => {
    agent.hello();
    expect(await failure(client.exec(options))).toMatchObject({ code: 'invalid_argument', details: { field } });
    expect(agent.sent).toEqual([]);
  });

  it('longer than a frame goes in parts to an agent that takes them, with nothing in between', async () => {
    agent.hello({ capabilities: ['request-parts'] });
    const long = 'x'.repeat(100_000);
    void client.exec({ argv: ['a', long] });
    void client.exec({ argv: ['b'] });
    const first = await agent.take(FrameType.REQUEST);
    const second = await agent.take(FrameType.REQUEST);
    expect([first.flags, second.flags]).toEqual([FrameFlag.MORE, 0]);
    expect(second.stream).toBe(first.stream);
    const request = fromBinary(RequestSchema, Buffer.concat([first.payload, second.payload]));
    expect(request.operation.case === 'exec' && Buffer.from(request.operation.value.argv[1] ?? []).toString()).toBe(
      long,
    );
  });

  it('longer than any agent takes is refused', async () => {
    agent.hello({ capabilities: ['request-parts'] });
    const argv = Array.from({ length: 20 }, () => 'x'.repeat(60_000));
    expect(await failure(client.exec({ argv }))).toMatchObject({
      code: 'invalid_argument',
      details: { field: 'argv' },
    });
  });

  it('with volumes is refused by an agent too old for them, and passed to one that knows them', async () => {
    const volumes = [{ tag: 'uservol0', destination: '/data', readOnly: true, file: 'app.conf' }];
    agent.hello();
    expect(await failure(client.init({ hostname: 'box', volumes }))).toMatchObject({
      code: 'unsupported',
      details: { field: 'volumes' },
    });
    expect(agent.sent).toEqual([]);
    const newer = new ScriptedAgent();
    const init = createAgentClient(newer.channel).init({ hostname: 'box', volumes });
    newer.hello({ capabilities: ['volumes'] });
    const { payload } = await newer.take(FrameType.REQUEST);
    const { operation } = fromBinary(RequestSchema, payload);
    expect(operation.case === 'init' && operation.value.volumes).toMatchObject([
      { tag: 'uservol0', destination: new Uint8Array(Buffer.from('/data')), readOnly: true, file: 'app.conf' },
    ]);
    newer.close(new Error('over'));
    expect((await failure(init)).code).toBe('agent_unavailable');
  });

  it('turns an error of the agent into a BoxliteError with code, field and hint, its text escaped', async () => {
    agent.hello();
    const exec = failure(client.exec({ argv: ['ls'] }));
    const { stream, id } = await agent.takeRequest();
    const value = { code: 'command_not_found', message: 'no \u001b[1m', field: 'argv', errnoValue: 2 };
    agent.respond(stream, id, { case: 'error', value }, true);
    const error = await exec;
    expect(error).toMatchObject({ code: 'command_not_found', details: { field: 'argv', errno: 2 } });
    expect(error.message).toBe('"ls": no \\x1b[1m');
    expect(error.hint).toBeTruthy();
  });

  it('takes an error code nobody knows for a failed execution', async () => {
    agent.hello();
    const exec = failure(client.exec({ argv: ['ls'] }));
    const { stream, id } = await agent.takeRequest();
    agent.respond(stream, id, { case: 'error', value: { code: '\u001b', message: '' } }, true);
    expect(await exec).toMatchObject({ code: 'execution_failed' });
  });

  it('that is aborted before it runs is killed, let go of, and leaves no stream behind', async () => {
    agent.hello();
    const controller = new AbortController();
    const exec = failure(client.exec({ argv: ['ls'] }, controller.signal));
    const { stream, id } = await agent.takeRequest();
    controller.abort();
    expect(await exec).toMatchObject({ code: 'aborted' });
    expect((await agent.takeRequest()).operation).toMatchObject({ case: 'signal', value: { signal: 9 } });
    expect((await agent.take(FrameType.CLOSE)).stream).toBe(stream);
    agent.respond(stream, id, { case: 'execStarted', value: { executionId: 1n, pid: 2 } });
    agent.say({ type: FrameType.CLOSE, stream });
    await ping();
  });

  it('numbers streams of its own for each operation and uses a number again only after its end', async () => {
    const first = await started();
    const second = await started();
    expect(second.stream).not.toBe(first.stream);
  });
});

describe('an execution', () => {
  it('delivers both streams and then how the command ended', async () => {
    const { execution, stream, id } = await started();
    expect(execution).toMatchObject({ executionId: '77', pid: 5 });
    agent.data(stream, STDOUT, Buffer.from('out'));
    agent.data(stream, STDERR, Buffer.from('err'), true);
    agent.data(stream, STDOUT, new Uint8Array(0), true);
    agent.respond(stream, id, { case: 'exited', value: { exitCode: 0, signal: 15, timedOut: true } }, true);
    expect(await text(execution.stdout)).toBe('out');
    expect(await text(execution.stderr)).toBe('err');
    expect(await execution.wait()).toEqual({ exitCode: 0, signal: 15, timedOut: true });
    expect(await failure(execution.stdin.write(Buffer.from('x')))).toMatchObject({ code: 'stopped' });
    expect(await failure(execution.signal(9))).toMatchObject({ code: 'not_found' });
  });

  it('grants credit only for what was consumed, half a window at a time', async () => {
    const { execution, stream } = await started();
    for (let sent = 0; sent < INITIAL_CREDIT_BYTES; sent += 32_768) agent.data(stream, STDOUT, Buffer.alloc(32_768));
    expect(credits(STDOUT)).toBe(0);
    const iterator = execution.stdout[Symbol.asyncIterator]();
    for (let taken = 0; taken < 3; taken++) await iterator.next();
    expect(credits(STDOUT)).toBe(65_536);
    agent.data(stream, STDOUT, Buffer.alloc(65_536));
    for (let taken = 0; taken < 2; taken++) await iterator.next();
    expect(credits(STDOUT)).toBe(131_072);
  });

  it('keeps granting for a stream that is discarded or left early', async () => {
    const { execution, stream } = await started();
    execution.stdout.discard();
    for await (const _chunk of leaveAfterFirst(execution, stream)) break;
    for (let round = 0; round < 10; round++) {
      agent.data(stream, STDOUT, Buffer.alloc(65_536));
      agent.data(stream, STDERR, Buffer.alloc(65_536));
    }
    expect(credits(STDOUT)).toBe(655_360);
    expect(credits(STDERR)).toBe(655_360 + 65_536 - 1);
  });

  it('joins a flood of tiny chunks, so that memory is bounded by bytes', async () => {
    const { execution, stream } = await started();
    for (let sent = 0; sent < 10_000; sent++) agent.data(stream, STDOUT, Buffer.from('x'));
    agent.data(stream, STDOUT, new Uint8Array(0), true);
    let chunks = 0;
    let length = 0;
    for await (const chunk of execution.stdout) {
      chunks++;
      length += chunk.length;
    }
    expect(length).toBe(10_000);
    expect(chunks).toBeLessThan(100);
  });

  it('refuses a second reader of the same stream', async () => {
    const { execution } = await started();
    execution.stdout[Symbol.asyncIterator]();
    expect(() => execution.stdout[Symbol.asyncIterator]()).toThrow(BoxliteError);
  });

  it('sends stdin within credit, in order, and ends it once', async () => {
    const { execution, stream } = await started({ stdin: true });
    const writes = Promise.all([
      execution.stdin.write(Buffer.alloc(INITIAL_CREDIT_BYTES, 'a')),
      execution.stdin.write(Buffer.from('bb')),
      execution.stdin.end(),
      execution.stdin.end(),
    ]);
    await agent.take(FrameType.DATA);
    await agent.take(FrameType.DATA);
    await new Promise((resolve) => setImmediate(resolve));
    expect(agent.sent.filter((frame) => frame.type === FrameType.DATA)).toEqual([]);
    agent.credit(stream, STDIN, 65_536);
    expect(Buffer.from((await agent.take(FrameType.DATA)).payload).toString()).toBe('bb');
    expect((await agent.take(FrameType.DATA)).flags).toBe(FrameFlag.END);
    await writes;
    expect(agent.sent.filter((frame) => frame.type === FrameType.DATA)).toEqual([]);
    expect(await failure(execution.stdin.write(Buffer.from('late')))).toMatchObject({ code: 'stopped' });
  });

  it('rejects a write that waits when the command closes its stdin', async () => {
    const { execution, stream } = await started({ stdin: true });
    const write = failure(execution.stdin.write(Buffer.alloc(INITIAL_CREDIT_BYTES + 1)));
    await agent.take(FrameType.DATA);
    await agent.take(FrameType.DATA);
    agent.data(stream, STDIN, new Uint8Array(0), true);
    expect(await write).toMatchObject({ code: 'stopped' });
    await execution.stdin.end();
  });

  it('passes signals and sizes on and tells what became of them', async () => {
    const { execution, stream } = await started();
    const signalled = execution.signal(15, { group: true });
    const resized = failure(execution.resize(10, 20));
    const first = await agent.takeRequest();
    const second = await agent.takeRequest();
    expect(first.operation).toMatchObject({ case: 'signal', value: { signal: 15, group: true } });
    expect(second.operation).toMatchObject({ case: 'resize', value: { size: { rows: 10, cols: 20 } } });
    agent.respond(stream, second.id, { case: 'error', value: { code: 'invalid_state', message: 'no terminal' } });
    agent.respond(stream, first.id, { case: 'done', value: {} });
    await signalled;
    expect(await resized).toMatchObject({ code: 'invalid_state' });
    expect(await failure(execution.signal(65))).toMatchObject({ code: 'invalid_argument' });
  });

  it('that is detached ends its streams, rejects its wait, and keeps its stream id until the agent confirms', async () => {
    const { execution, stream } = await started();
    const detached = execution.detach();
    expect((await agent.take(FrameType.CLOSE)).stream).toBe(stream);
    expect(await text(execution.stdout)).toBe('');
    expect(await failure(execution.wait())).toMatchObject({ code: 'aborted' });
    agent.data(stream, STDOUT, Buffer.from('crossed on the way'));
    agent.say({ type: FrameType.CLOSE, stream });
    await detached;
    await ping();
  });

  it('fails with agent_unavailable when the link is lost, after what had come', async () => {
    const { execution, stream } = await started();
    agent.data(stream, STDOUT, Buffer.from('last words'));
    agent.close(new Error('gone'));
    const iterator = execution.stdout[Symbol.asyncIterator]();
    expect(Buffer.from((await iterator.next()).value).toString()).toBe('last words');
    expect(await failure(Promise.resolve(iterator.next()))).toMatchObject({ code: 'agent_unavailable' });
    expect(await failure(execution.wait())).toMatchObject({ code: 'agent_unavailable' });
    expect(await failure(client.ping())).toMatchObject({ code: 'agent_unavailable' });
  });
});

const started = (options: { stdin?: boolean } = {}) => startExecution(agent, client, options);
const ping = () => answerPing(agent, client);

/** Bytes granted on a channel so far. */
function credits(channel: number): number {
  return agent.sent
    .filter((frame) => frame.type === FrameType.CREDIT && frame.channel === channel)
    .reduce((sum, frame) => sum + Buffer.from(frame.payload).readUInt32LE(), 0);
}

function leaveAfterFirst(execution: GuestExecution, stream: number): AsyncIterable<Uint8Array> {
  agent.data(stream, STDERR, Buffer.alloc(65_535));
  return execution.stderr;
}
