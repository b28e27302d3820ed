import { expect, it } from 'vitest';
import { START_PLAN } from './start-plan.js';

it('a start is: filesystem setup, then container rootfs and guest rootfs in parallel, then VMM spawn, guest connect, guest init', () => {
  expect(START_PLAN.map((group) => group.map(({ name }) => name))).toEqual([
    ['filesystem-setup'],
    // The kernel is as independent of both as they are of each other.
    ['container-rootfs', 'guest-rootfs', 'guest-kernel'],
    ['vmm-spawn'],
    ['guest-connect'],
    ['guest-init'],
  ]);
});
