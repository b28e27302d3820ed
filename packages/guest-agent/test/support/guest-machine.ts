import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agentBinaryPath } from '@boxlite/guest-agent';
import { arm64AgentMachine } from '../../../../scripts/toolchain/arm64-agent-machine.mjs';
import { arm64MachineFiles, arm64MachineObstacle } from '../../../../scripts/toolchain/arm64-machine.mjs';
import type { BootAgentOptions } from '../../../../test/support/boot-agent.js';
import { builtProgram } from './native-build.js';

/** What the tests of this package run on. */
export interface GuestMachine {
  /** As the agent's hello names it. */
  readonly architecture: string;
  readonly make: readonly string[];
  readonly agent: () => string;
  /** Puts the programs of the architecture into the container's staging directory. */
  readonly furnish: (root: string) => Promise<void>;
  /** @param directory a temporary one of the box */
  readonly boot: (directory: string) => Pick<BootAgentOptions, 'machine'>;
}

const HERE: GuestMachine = {
  architecture: 'x86_64',
  make: ['all'],
  agent: agentBinaryPath,
  furnish: async () => undefined,
  boot: () => ({}),
};

/** Emulated, with Debian's kernel: the agent as it is cross-built. */
const ARM64: GuestMachine = {
  architecture: 'aarch64',
  make: ['all', 'ARCH=arm64'],
  agent: () => builtProgram('../build-arm64/boxlite-guest'),
  async furnish(root) {
    const obstacle = arm64MachineObstacle();
    if (obstacle !== undefined) throw new Error(obstacle);
    await copyFile(arm64MachineFiles().busybox, join(root, 'bin/busybox'));
  },
  boot: (directory) => ({ machine: arm64AgentMachine(join(directory, 'initrd')) }),
};

/** `BOXLITE_TEST_GUEST=arm64` runs the agent's tests on an arm64 machine. */
export const guestMachine: GuestMachine = process.env.BOXLITE_TEST_GUEST === 'arm64' ? ARM64 : HERE;
