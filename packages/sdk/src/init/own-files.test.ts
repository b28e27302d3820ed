import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError, type VmmHandler, type VmmSpec } from '@boxlite/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../runtime/log.js';
import { withOwnFiles } from './own-files.js';

let base: string;
let original: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-own-'));
  original = join(base, 'program');
  writeFileSync(original, 'program', { mode: 0o755 });
});
afterEach(() => rmSync(base, { recursive: true }));

const spec = { boxId: 'box', kernel: '/k' } as VmmSpec;

/** Runs the step with a VMM that wants these files copied. */
async function ownFiles(copies?: { from: string; name: string }[], requirements?: VmmHandler['requirements']) {
  const logged: Parameters<Log>[0][] = [];
  const box = { id: 'box' as never, binDir: join(base, 'bin'), uid: process.getuid?.() ?? 0 };
  const vmm = {
    requirements: requirements ?? (async () => ({ paths: [], devices: [], ...(copies && { copies }) })),
  };
  const given = await withOwnFiles(vmm, spec, box, (entry) => void logged.push(entry));
  return { given, logged, binDir: box.binDir };
}

describe("a box's own files", () => {
  it('are copied into bin/, and the VMM is told where they are', async () => {
    const { given, binDir } = await ownFiles([{ from: original, name: 'vmm' }]);
    expect(given).toEqual({ ...spec, binDir });
    expect(readFileSync(join(binDir, 'vmm'), 'utf8')).toBe('program');
  });

  it('are none for a VMM of the system, which is bound and not copied', async () => {
    const { given, binDir } = await ownFiles();
    expect(given).toBe(spec);
    expect(existsSync(binDir)).toBe(false);
  });

  it('that cannot be copied are a warning, and the original is used', async () => {
    const { given, logged } = await ownFiles([{ from: '/nonexistent/vmm', name: 'vmm' }]);
    expect(given).toBe(spec);
    expect(logged).toEqual([
      { level: 'warn', message: expect.stringContaining('from its original files'), boxId: 'box' },
    ]);
  });

  it('are not asked for from a VMM that refuses the machine; its error names the option of the box', async () => {
    const refusing = ownFiles(undefined, async () => {
      throw new BoxliteError('unsupported', 'no', { hint: 'do', details: { field: 'shares[1].readOnly' } });
    });
    await expect(refusing).rejects.toMatchObject({
      code: 'unsupported',
      hint: 'do',
      details: { field: 'volumes.1.readOnly' },
    });
  });
});
