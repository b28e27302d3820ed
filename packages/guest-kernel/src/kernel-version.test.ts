import { describe, expect, it } from 'vitest';
import { kernelVersion } from './kernel-version.js';

describe('kernelVersion', () => {
  it('reads the release from the banner and passes over the format string', () => {
    const image = Buffer.from('..Linux version %s (%s)\0..Linux version 6.12.99-box (root@x) (gcc) #1 SMP\n\0');
    expect(kernelVersion(image)).toBe('6.12.99-box');
  });

  it('accepts no release longer than uname can tell, and none with control characters', () => {
    expect(kernelVersion(Buffer.from(`Linux version 6${'x'.repeat(65)} (`))).toBeUndefined();
    expect(kernelVersion(Buffer.from('Linux version 6.1\u001b[2J (root'))).toBeUndefined();
    expect(kernelVersion(Buffer.from('Linux version '))).toBeUndefined();
  });
});
