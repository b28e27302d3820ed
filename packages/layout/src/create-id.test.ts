import { describe, expect, it } from 'vitest';
import { createBaseDiskId, createBoxId } from './create-id.js';

describe('ids made here', () => {
  it('are 12 characters base62 for boxes and 8 for base disks, each another', () => {
    const boxes = new Set(Array.from({ length: 1000 }, createBoxId));
    expect(boxes.size).toBe(1000);
    for (const id of boxes) expect(id).toMatch(/^[0-9A-Za-z]{12}$/);
    expect(createBaseDiskId()).toMatch(/^[0-9A-Za-z]{8}$/);
  });
});
