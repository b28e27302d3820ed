import type { BootAgentOptions } from '../../test/support/boot-agent.js';

export function arm64AgentMachine(initrd: string): NonNullable<BootAgentOptions['machine']>;
