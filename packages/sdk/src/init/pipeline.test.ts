import { describe, expect, it } from 'vitest';
import { runPipeline, type Stage } from './pipeline.js';

interface Trace {
  readonly events: string[];
}

function stage(name: Stage<Trace>['name'], body?: () => Promise<void>): Stage<Trace> {
  return {
    name,
    async run(context) {
      context.events.push(`begin ${name}`);
      await body?.();
      context.events.push(`end ${name}`);
    },
  };
}

describe('the init pipeline', () => {
  it('runs groups in order and the stages of one group in parallel', async () => {
    let openGate = () => undefined as undefined;
    const gate = new Promise<void>((resolve) => {
      openGate = () => void resolve();
    });
    const context: Trace = { events: [] };
    await runPipeline(
      [
        [stage('filesystem-setup')],
        [stage('container-rootfs', () => gate), stage('guest-rootfs', async () => openGate())],
        [stage('vmm-spawn')],
      ],
      context,
    );
    expect(context.events.slice(0, 4)).toEqual([
      'begin filesystem-setup',
      'end filesystem-setup',
      'begin container-rootfs',
      'begin guest-rootfs',
    ]);
    expect(context.events.slice(-2)).toEqual(['begin vmm-spawn', 'end vmm-spawn']);
  });

  it('reports the name and the time of every stage', async () => {
    let clock = 0;
    const advance = (milliseconds: number) => {
      clock += milliseconds;
    };
    const seen: string[] = [];
    const timings = await runPipeline(
      [[stage('filesystem-setup', async () => advance(5))], [stage('vmm-spawn', async () => advance(7))]],
      { events: [] },
      { now: () => clock, onStage: (name, timing) => seen.push(timing === undefined ? `${name}…` : name) },
    );
    expect(timings).toEqual([
      { name: 'filesystem-setup', startMs: 0, durationMs: 5 },
      { name: 'vmm-spawn', startMs: 5, durationMs: 7 },
    ]);
    expect(seen).toEqual(['filesystem-setup…', 'filesystem-setup', 'vmm-spawn…', 'vmm-spawn']);
  });

  it('waits for the other stages of a group before it lets a failure out, and starts no later group', async () => {
    let openGate = () => undefined as undefined;
    const gate = new Promise<void>((resolve) => {
      openGate = () => void resolve();
    });
    const context: Trace = { events: [] };
    const failing = stage('container-rootfs', async () => {
      setImmediate(openGate);
      throw new Error('broken image');
    });
    const run = runPipeline([[failing, stage('guest-rootfs', () => gate)], [stage('vmm-spawn')]], context);
    await expect(run).rejects.toThrow('broken image');
    expect(context.events).toContain('end guest-rootfs');
    expect(context.events).not.toContain('begin vmm-spawn');
  });

  it('begins nothing more once it is aborted', async () => {
    const aborter = new AbortController();
    const context: Trace = { events: [] };
    const run = runPipeline([[stage('filesystem-setup', async () => aborter.abort())], [stage('vmm-spawn')]], context, {
      signal: aborter.signal,
    });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
    expect(context.events).not.toContain('begin vmm-spawn');
  });
});
