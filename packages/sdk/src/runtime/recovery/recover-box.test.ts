import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BoxRecord, parseBoxId } from '@boxlite/core';
import { type BoxLayout, createHomeLayout, type HomeLayout, selfIdentity } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RuntimeServices } from '../runtime-services.js';
import { recoverBox } from './recover-box.js';

let base: string;
let layout: HomeLayout;
let box: BoxLayout;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-recover-'));
  layout = createHomeLayout(join(base, 'home'), { linkRoot: base });
  await layout.prepare();
  box = layout.box('abc');
  await box.prepare();
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe('a box that is found running when its home is opened', () => {
  // This process stands for supervisor and VMM: it lives, and began long after 1970.
  beforeEach(() => {
    const { pid, startTime } = selfIdentity();
    writeFileSync(box.pidFile, `supervisor ${pid} ${startTime}\nvmm ${pid} ${startTime}\n`);
    writeFileSync(box.exitFile, '{"kind":"Panic","message":"m","stderrTail":""}');
  });

  const recover = () =>
    recoverBox(
      { layout } as RuntimeServices,
      {
        config: { id: parseBoxId('abc'), createdAt: 1, options: {} },
        state: { status: 'running', updatedAt: 1 },
      } as BoxRecord,
      new Set(),
    );

  it('has a crash record that is older than its VMM put aside: it is of the lifecycle before', async () => {
    utimesSync(box.exitFile, 1000, 1000);
    await recover();
    expect([existsSync(box.exitFile), existsSync(box.exitPreviousFile)]).toEqual([false, true]);
  });

  it('keeps a newer one, and is not touched otherwise', async () => {
    await recover();
    expect([existsSync(box.exitFile), existsSync(box.exitPreviousFile)]).toEqual([true, false]);
    expect(existsSync(box.pidFile)).toBe(true);
  });
});
