import type { SandboxContext } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { planHandOver } from './hand-over.js';

const context: SandboxContext = { id: 'b', paths: [], resourceLimits: {}, networkEnabled: false };
const USER = { uid: 2_010_000_001, gid: 2_010_000_002 };

describe('the plan by which a command becomes a host user of its own', () => {
  it('maps the ids it is shown as to that user, and host root to a number of nobody else', () => {
    expect(planHandOver({ ...context, runAs: { uid: 0, gid: 5 } }, USER, []).args.join(' ')).toBe(
      '--view 9 --outside 65533 --uid 0:2010000001 --gid 5:2010000002 --userns 9 --inner 31',
    );
  });

  it('keeps the groups of devices under numbers of their own', () => {
    const { args, groups } = planHandOver(context, USER, [36, 105]);
    expect(args.join(' ')).toContain(
      '--outside 65533 --uid 65534:2010000001 --gid 65534:2010000002 --group 65532:36 --group 65531:105',
    );
    expect(groups).toEqual([65532, 65531]);
  });

  it('never gives two of them one number, whatever the command is shown as', () => {
    const ids = [65533, 65532, 65531];
    for (const uid of ids) {
      for (const gid of ids) {
        const { args, groups } = planHandOver({ ...context, runAs: { uid, gid } }, USER, [36, 105]);
        const outside = Number(args[args.indexOf('--outside') + 1]);
        const numbers = [uid, gid, outside, ...groups];
        expect(new Set(numbers).size, numbers.join(' ')).toBe(uid === gid ? 4 : 5);
      }
    }
  });
});
