import { describe, expect, it } from 'vitest';
import { kernelChoice } from './kernel-choice.js';

describe('--kernel', () => {
  it.each([
    ['boxlite', 'boxlite'],
    ['libkrunfw', 'libkrunfw'],
    ['./vmlinux', '/work/vmlinux'],
    ['build/vmlinux', '/work/build/vmlinux'],
    ['../vmlinux', '/vmlinux'],
    ['/boot/vmlinux', '/boot/vmlinux'],
    ['', ''],
  ])('%s is %s', (text, choice) => {
    expect(kernelChoice(text, '/work')).toBe(choice);
  });
});
