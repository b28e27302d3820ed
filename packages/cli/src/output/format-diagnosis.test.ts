import type { Check, Diagnosis } from '@boxlite/sdk';
import { describe, expect, it } from 'vitest';
import { formatDiagnosis } from './format-diagnosis.js';
import { formatJson } from './format-json.js';

const vmm = (plugin: string, part: Partial<Check>): Check => ({
  id: `vmm:${plugin}`,
  status: 'ok',
  detail: 'available',
  facts: { kind: 'vmm', plugin, default: false },
  ...part,
});
const healthy: Diagnosis = {
  version: 1,
  healthy: true,
  checks: [
    { id: 'kvm', status: 'warning', detail: 'nested is off', remedy: 'switch it on', facts: {} },
    { id: 'libkrun', status: 'warning', detail: 'none found:\n  /usr/lib: none', remedy: 'install it', facts: {} },
    vmm('libkrun', { status: 'warning', detail: 'nested is off\nand more', remedy: 'switch it on' }),
    vmm('qemu', { facts: { kind: 'vmm', plugin: 'qemu', default: true } }),
    {
      id: 'sandbox:bwrap',
      status: 'ok',
      detail: 'available',
      facts: { kind: 'sandbox', plugin: 'bwrap', default: true },
    },
  ],
};

describe('formatDiagnosis', () => {
  it('shows a line a check, what was looked at below it, each remedy once, and what boxes run with', () => {
    expect(formatDiagnosis(healthy)).toBe(
      [
        'warn  kvm                      nested is off [1]',
        'warn  libkrun                  none found: [2]',
        '        /usr/lib: none',
        'warn  vmm libkrun              nested is off [1]',
        'ok    vmm qemu                 available (default)',
        'ok    sandbox bwrap            available (default)',
        '',
        'What would help:',
        '  [1] switch it on',
        '  [2] install it',
        '',
        'Boxes run here, with VMM qemu in sandbox bwrap.',
        '',
      ].join('\n'),
    );
  });

  it('ends with what has to be mended when no box can run', () => {
    const failed: Check = { id: 'home', status: 'failed', detail: 'it is full', remedy: 'free space', facts: {} };
    const text = formatDiagnosis({ version: 1, healthy: false, checks: [failed, vmm('a', { status: 'failed' })] });
    expect(text).toMatch(/^FAIL {2}home +it is full \[1\]\n/);
    expect(text).toMatch(/\nNo box can run here before this is mended: home, vmm a\.\n$/);
  });

  it('makes text of the host harmless: no escape sequence, and no line that looks like one of ours', () => {
    const path = '/tmp/x\nok    kvm\u001b[2J\u009b31m\u202e\t';
    const check: Check = {
      id: 'home',
      status: 'failed',
      detail: JSON.stringify(path),
      remedy: `leave ${path}`,
      facts: {},
    };
    const raw: Check = { id: 'home', status: 'ok', detail: `at ${path.replace('\n', '')}`, facts: {} };
    const text = formatDiagnosis({ version: 1, healthy: false, checks: [check, raw] });
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(text.split('\n').filter((line) => line.startsWith('ok    kvm'))).toEqual([]);
    expect(text).toContain('\\x1b[2J\\x9b31m\\x202e');
  });
});

describe('formatJson', () => {
  it('keeps every member and the very text, with nothing a terminal would obey', () => {
    const value = { path: 'a\u009b31m\u202e\u007f\n', version: undefined, list: [undefined] };
    const text = formatJson(value);
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(JSON.parse(text)).toEqual({ path: value.path, version: null, list: [null] });
  });
});
